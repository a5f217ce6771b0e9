import type { Delivery } from '@tidings/bus/transport'
import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import { idOf } from '../message.ts'
import { finish, type Member, type React } from '../member.ts'
import type { Scene } from '../scene.ts'

/** Which message comes first. */
export const orderCases: readonly ConformanceCase[] = [
  defineCase(
    'C19',
    'messages of one key come in the order of their publishing, with members coming and going',
    { needs: ['ordering'] },
    async (scene) => {
      for (const count of [1, 4]) await keepsOrder(scene, count)
    },
  ),

  defineCase(
    'C20',
    'no two messages of one key are out at a time, and other keys do not wait',
    { needs: ['ordering by key'] },
    async (scene) => {
      const lines = [await scene.connect(), await scene.connect()]
      const out = new Map<string, Delivery[]>()
      const twice: string[] = []
      const react: React = (delivery) => {
        const key = String(delivery.message.attributes['subject'])
        const held = out.get(key) ?? []
        held.push(delivery)
        out.set(key, held)
        if (held.length > 1) twice.push(key)
      }
      for (const line of lines) await scene.join(line, { ordered: true, prefetch: 10 }, react)
      const messages = scene.messages(12, (index) => ({ subject: `key-${index % 3}` }))
      await scene.publish(lines[0]!, messages)
      for (let round = 0; round < 4; round++) {
        await scene.expect.eventually(
          () => out.size === 3,
          'three keys are out at a time',
          () => [...out.keys()],
        )
        await scene.expect.never(
          () => twice.length > 0,
          'one message of a key at a time',
          () => twice,
          scene.kit.quiet / 3,
        )
        const held = [...out.values()].flat()
        out.clear()
        await Promise.all(held.map(finish))
      }
    },
  ),
]

async function keepsOrder(scene: Scene, members: number): Promise<void> {
  const count = scene.size(240, 1000)
  const keys = 16
  const name = `members-${members}`
  const request = { group: scene.group(name), types: [scene.type(name)], ordered: true, prefetch: 20 }
  const handled: { key: string; id: string }[] = []
  const busy = new Set<string>()
  const overlaps: string[] = []
  // As the bus does: one message of a key after the other in a member, each some time under way.
  const lanes = new Map<string, Promise<void>>()
  const react =
    (member: number): React =>
    (delivery) => {
      const key = String(delivery.message.attributes['subject'])
      const lane = `${member} ${key}`
      const work = (lanes.get(lane) ?? Promise.resolve()).then(async () => {
        if (delivery.lost.aborted) return
        if (busy.has(key)) overlaps.push(key)
        busy.add(key)
        await pause(handled.length % 3)
        busy.delete(key)
        handled.push({ key, id: idOf(delivery.message) })
        await finish(delivery)
      })
      lanes.set(lane, work)
      return work
    }
  const joined: Member[] = []
  const join = async (): Promise<void> => {
    joined.push(await scene.join(await scene.connect(), request, react(joined.length)))
  }
  await join()
  const messages = scene.messages(count, (index) => ({ type: scene.type(name), subject: `key-${(index * 7) % keys}` }))
  const publisher = await scene.connect()
  await scene.publishTogether(publisher, messages.slice(0, count / 3))
  while (joined.length < members) await join()
  await scene.publishTogether(publisher, messages.slice(count / 3, (2 * count) / 3))
  if (members > 1) await joined[1]!.membership.stop()
  await scene.publishTogether(publisher, messages.slice((2 * count) / 3))
  await scene.expect.eventually(
    () => new Set(handled.map(({ id }) => id)).size >= count,
    `${count} messages arrive at ${members} members`,
    () => new Set(handled.map(({ id }) => id)).size,
  )
  for (let key = 0; key < keys; key++) {
    const mine = `key-${key}`
    // A member that joins may make a log hand out again what was not settled: the first time counts.
    const seen = [...new Set(handled.filter(({ key }) => key === mine).map(({ id }) => id))]
    const wanted = messages.filter(({ attributes }) => attributes['subject'] === mine).map(idOf)
    scene.expect.equal(place(seen, wanted), place(wanted, wanted), `the order of ${mine} with ${members} members`)
  }
  if (scene.kit.about.capabilities.ordering === 'key') {
    scene.expect.equal(overlaps, [], 'keys that two members worked on at once')
  }
}

/** Positions tell more than ids. */
function place(ids: readonly string[], wanted: readonly string[]): number[] {
  return ids.map((id) => wanted.indexOf(id))
}
