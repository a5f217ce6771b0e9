import type { Connection, Group } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { type ConformanceCase, defineCase } from '../case.ts'
import { shown } from '../expect.ts'
import { finish, hold } from '../member.ts'
import { idOf } from '../message.ts'
import type { Scene } from '../scene.ts'

/** Groups that are listed, taken away, and gone. */
export const groupLifeCases: readonly ConformanceCase[] = [
  defineCase(
    'C76',
    'a group is listed with its types, its members and what is before it',
    { needs: ['groups', 'delay'] },
    async (scene) => {
      const { expect } = scene
      const connection = await scene.connect()
      const member = await scene.join(connection, { prefetch: 2, types: [scene.type(), scene.type('b')] }, hold)
      await scene.join(await scene.connect(), { types: [scene.type()], prefetch: 1 }, hold).then(({ membership }) => {
        membership.pause()
      })
      await scene.publish(connection, scene.messages(6))
      await scene.delivered(member, 2)
      const due = Date.now() + 600_000
      await connection.publish({ message: scene.message(), notBefore: due })
      await scene.settle(member.deliveries[0]!, { as: 'later', due, headers: {}, inPlace: false })
      await scene.delivered(member, 3)
      const facts = async (): Promise<unknown> => {
        const group = await listed(scene, connection)
        if (group === undefined) return undefined
        const { types, waiting, handedOut, delayed, retrying, members, ordered, temporary, full } = group
        return {
          group: group.group,
          types: types.toSorted(),
          members,
          ordered,
          temporary,
          // What a paused member was handed before depends on when it paused.
          due: waiting + handedOut,
          isHandedOut: handedOut > 0,
          // What failed may be a copy that is delayed as others are.
          later: delayed + retrying,
          full,
        }
      }
      const wanted = {
        group: scene.group(),
        types: [scene.type('b'), scene.type()].toSorted(),
        members: 2,
        ordered: false,
        temporary: false,
        due: 5,
        isHandedOut: true,
        later: 2,
        full: false,
      }
      let seen: unknown
      await expect.eventually(
        async () => shown((seen = await facts())) === shown(wanted),
        `the list says ${shown(wanted)}`,
        () => seen,
      )
      await Promise.all(member.deliveries.slice(1).map(finish))
    },
  ),

  defineCase(
    'C77',
    'a group can be taken away when nobody is in it, with all that waits, and its types before',
    { needs: ['groups'] },
    async (scene) => {
      const { expect } = scene
      const [connection, other] = [await scene.connect(), await scene.connect()]
      const type = scene.type('second')
      const member = await scene.join(connection, { types: [scene.type(), type] }, hold)
      const groups = connection.groups!
      const error = await expect.rejection(
        (async () => groups.remove(scene.group()))(),
        'remove() of a group with a member rejects',
      )
      expect.that(isTidingsError(error, 'GROUP_IN_USE'), 'it rejects with GROUP_IN_USE', error)
      expect.equal(await groups.unbind(scene.group(), [type]), true, 'unbind() of a group that there is')
      expect.equal((await listed(scene, connection))?.types, [scene.type()], 'the types that are left')
      const [unbound, bound] = [scene.message({ type }), scene.message()]
      await scene.publish(other, [unbound, bound])
      await scene.delivered(member, 1)
      expect.equal(member.ids, [idOf(bound)], 'what reaches it')
      await expect.inTime(connection.close(), 'close() resolves')
      const rest = other.groups!
      await expect.eventually(
        async () => (await listed(scene, other))?.members === 0,
        'it has no members',
        () => 'members',
      )
      expect.equal(await rest.remove(scene.group()), true, 'remove() of a group without members')
      expect.equal(await rest.remove(scene.group()), false, 'remove() of a group that is gone')
      expect.equal(await rest.unbind(scene.group(), [type]), false, 'unbind() of a group that is gone')
      expect.equal(await listed(scene, other), undefined, 'the group in the list')
      const again = await scene.join(await scene.connect(), {}, hold)
      await expect.never(
        () => again.ids.length > 0,
        'a new group of its name has nothing of it',
        () => again.ids,
      )
      const fresh = scene.message()
      await scene.publish(other, [fresh])
      await scene.delivered(again, 1)
      expect.equal(again.ids, [idOf(fresh)], 'what the new group gets')
    },
  ),

  defineCase(
    'C78',
    'taking away a group that is full lets those go who wait for room in it',
    { needs: ['groups'] },
    async (scene) => {
      const { expect } = scene
      const line = await scene.connect()
      await scene.join(line, { prefetch: 1 }, hold)
      await expect.inTime(line.close(), 'close() resolves')
      const publisher = await scene.connect()
      const groups = publisher.groups!
      let left = 0
      const publish = async (): Promise<void> => {
        left++
        await publisher.publish({ message: scene.message() })
        left--
      }
      // Where a group has no bound in this reach, there is nobody to be let go.
      const most = 10_100
      const all: Promise<void>[] = []
      for (let sent = 0; sent < most; sent++) all.push(publish())
      await expect.eventually(
        async () => left === 0 || (await listed(scene, publisher))?.full === true,
        `${most} are published, or the group is full`,
        () => left,
      )
      expect.equal(await groups.remove(scene.group()), true, 'remove() of the group')
      await expect.inTime(Promise.all(all), 'every publish() resolves')
    },
  ),

  defineCase(
    'C79',
    'a temporary group goes with its connection and leaves nothing behind',
    { needs: ['temporaryGroups', 'groups'] },
    async (scene) => {
      const { expect } = scene
      const [connection, other] = [await scene.connect(), await scene.connect()]
      const member = await scene.join(connection, { temporary: true }, hold)
      await scene.publish(other, scene.messages(3))
      await scene.delivered(member, 3)
      expect.equal((await listed(scene, other))?.temporary, true, '`temporary` of the group in the list')
      await expect.inTime(connection.close(), 'close() resolves')
      await expect.eventually(
        async () => (await listed(scene, other)) === undefined,
        'the group is gone from the list',
        () => scene.group(),
      )
      const message = scene.message()
      const error = await expect.rejection(
        (async () => other.publish({ message, group: scene.group() }))(),
        'publish() for the group rejects',
      )
      expect.that(isTidingsError(error, 'UNKNOWN_GROUP'), 'it rejects with UNKNOWN_GROUP', error)
    },
  ),
]

async function listed(scene: Scene, { groups }: Connection): Promise<Group | undefined> {
  const all = await groups!.list()
  return all.find(({ group }) => group === scene.group())
}
