import type { Delivery, Later, Outgoing } from '@tidings/bus/transport'
import { type ConformanceCase, defineCase } from '../case.ts'
import { finish, hold, type Member } from '../member.ts'
import { idOf } from '../message.ts'
import type { Line, Scene } from '../scene.ts'

/** What has failed, and is due later. */
export const laterCases: readonly ConformanceCase[] = [
  defineCase(
    'C70',
    'what is due later keeps its place: its key waits for it, no other does, and it takes none of the prefetch',
    { needs: ['ordering by key'] },
    async (scene) => {
      const { expect } = scene
      const connection = await scene.connect()
      const member = await scene.join(connection, { ordered: true, prefetch: 2 }, hold)
      const [a1, a2, a3] = scene.messages(3, () => ({ subject: 'a' }))
      const others = ['b', 'c', 'd', 'e'].map((subject) => scene.message({ subject }))
      await scene.publish(connection, [a1!])
      const failed = await scene.delivered(member, 1)
      const later = dueLater(scene)
      await scene.settle(failed, later)
      await scene.publish(connection, [a2!, a3!, ...others])
      const key = (): string[] => member.ids.filter((id) => [a1, a2, a3].some((message) => idOf(message!) === id))
      // Two of them at a time: what waits holds no place.
      for (let held = 1; held < 5; held += 2) {
        await scene.delivered(member, held + 2, 'other keys go on, two at a time')
        expect.equal(key().length, 1, 'deliveries of the key that waits')
        const { waiting } = scene.kit.about.capabilities
        const backlog = waiting ? await member.membership.backlog() : undefined
        if (backlog) expect.equal([backlog.retrying, backlog.retryAt], [1, later.due], 'what the backlog says of it')
        await Promise.all(member.deliveries.slice(held, held + 2).map(finish))
      }
      await comesAgain(scene, member, 6, later)
      await expect.never(
        () => key().length > 2,
        'while it is unsettled nothing else of its key comes',
        key,
        scene.kit.quiet / 3,
      )
      await finish(member.deliveries[5]!)
      await finish(await scene.delivered(member, 7))
      await finish(await scene.delivered(member, 8))
      expect.equal(
        key(),
        [a1, a1, a2, a3].map((message) => idOf(message!)),
        'the order of its key',
      )
    },
  ),

  defineCase(
    'C71',
    'what is due later keeps its place, its time and its headers when its member goes',
    { needs: ['ordering by key'] },
    async (scene) => {
      await survives(scene, async (connection) => {
        await scene.expect.inTime(connection.close(), 'close() resolves')
      })
    },
  ),

  defineCase(
    'C72',
    'what is due later survives a broker that is killed, with its place, its time and its headers',
    { needs: ['ordering by key', 'durable', 'broker'] },
    async (scene) => {
      await survives(scene, async (connection) => {
        await scene.expect.inTime(connection.close(), 'close() resolves')
        await scene.kit.broker!.kill()
        await scene.kit.broker!.start()
      })
    },
  ),

  defineCase(
    'C73',
    'what is due later and has no place to keep comes again to its group alone, and nobody waits behind it',
    { needs: ['delay'] },
    async (scene) => {
      const { expect } = scene
      const connection = await scene.connect()
      const other = await scene.join(connection, { group: scene.group('other') })
      const member = await scene.join(connection, { prefetch: 1 }, hold)
      const [failing, next] = scene.messages(2)
      await scene.publish(connection, [failing!])
      const later = { ...dueLater(scene), inPlace: false }
      await scene.settle(await scene.delivered(member, 1), later)
      await scene.publish(connection, [next!])
      const second = await scene.delivered(member, 2, 'the message behind it arrives')
      expect.equal(idOf(second.message), idOf(next!), 'the message behind it, which does not wait for it')
      await finish(second)
      await finish(await comesAgain(scene, member, 3, later))
      expect.equal(idOf(member.deliveries[2]!.message), idOf(failing!), 'what comes again')
      await expect.never(
        () => other.ids.length > 2 || member.ids.length > 3,
        'it comes again once, and to no other group',
        () => [member.ids, other.ids],
      )
    },
  ),

  defineCase(
    'C74',
    'what is published ahead comes before what waits of its key, in its own order, also where it waits itself',
    { needs: ['ordering by key'] },
    async (scene) => {
      const { expect } = scene
      const connection = await scene.connect()
      const member = await scene.join(connection, { ordered: true, prefetch: 5 }, hold)
      const [a1, a2, first, second] = scene.messages(4, () => ({ subject: 'a' }))
      await scene.publish(connection, [a1!, a2!])
      const later = { ...dueLater(scene), due: Date.now() + 600_000 }
      await scene.settle(await scene.delivered(member, 1), later)
      for (const message of [first!, second!]) {
        const ahead: Outgoing = { message, group: scene.group(), ahead: true }
        await expect.inTime(Promise.resolve(connection.publish(ahead)), 'publish() resolves')
      }
      const came = await scene.delivered(member, 2, 'what is ahead comes while its key waits')
      expect.equal(idOf(came.message), idOf(first!), 'what comes first')
      await expect.never(
        () => member.ids.length > 2,
        'one message of a key at a time',
        () => member.ids,
        scene.kit.quiet / 3,
      )
      await scene.settle(came, dueLater(scene))
      await finish(await scene.delivered(member, 3, 'what was ahead and failed comes again'))
      await finish(await scene.delivered(member, 4, 'the next one that is ahead comes'))
      expect.equal(
        member.ids.slice(1),
        [first, first, second].map((message) => idOf(message!)),
        'what came',
      )
      await expect.never(
        () => member.ids.length > 4,
        'what waits of the key still does',
        () => member.ids,
      )
    },
  ),
]

const headers = { 'x-tidings-attempt': '2', 'x-note': 'é, "quoted"' }

function dueLater({ kit }: Scene): Later {
  return { as: 'later', due: Date.now() + Math.max(1200, 5 * kit.quiet), headers, inPlace: true }
}

/** The delivery of that number is the one which was due later: not before its time, and with its headers. */
async function comesAgain(scene: Scene, member: Member, number: number, later: Later): Promise<Delivery> {
  const delivery = await scene.delivered(member, number, 'what was due later comes again')
  const early = later.due - Date.now()
  scene.expect.that(early <= 0, 'it does not come early', `${early}ms too early`)
  const written = Object.fromEntries(Object.keys(headers).map((name) => [name, delivery.message.headers[name]]))
  scene.expect.equal(written, headers, 'the headers that the settlement wrote')
  const { redeliveries } = scene.kit.about.capabilities
  if (redeliveries) scene.expect.equal(delivery.redeliveries, 0, 'redeliveries, which begin anew')
  return delivery
}

async function survives(scene: Scene, end: (connection: Line) => Promise<void>): Promise<void> {
  const connection = await scene.connect()
  const request = { ordered: true, prefetch: 5 }
  const member = await scene.join(connection, request, hold)
  const [failing, behind] = scene.messages(2, () => ({ subject: 'a' }))
  await scene.publish(connection, [failing!, behind!])
  const later = dueLater(scene)
  await scene.settle(await scene.delivered(member, 1), later)
  await end(connection)
  const heir = await scene.join(await scene.connect(), request, hold)
  await finish(await comesAgain(scene, heir, 1, later))
  await finish(await scene.delivered(heir, 2))
  scene.expect.equal(
    heir.ids,
    [failing, behind].map((message) => idOf(message!)),
    'the order of the key',
  )
}
