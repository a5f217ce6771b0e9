import type { Delivery } from '@tidings/bus/transport'
import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import { finish, Holder } from '../member.ts'
import { idOf } from '../message.ts'

/** What happens to members while connections come and go. */
export const connectionCases: readonly ConformanceCase[] = [
  defineCase(
    'C29',
    'a consumer that lost the network comes back by itself, loses nothing and is there once',
    { needs: ['network'] },
    async (scene) => {
      const connection = await scene.connect()
      const member = await scene.join(connection)
      const before = scene.messages(5)
      await scene.publish(connection, before)
      await scene.expect.eventually(
        () => member.ids.length >= 5,
        'it works',
        () => member.ids,
      )
      await scene.kit.network!.cut()
      await scene.expect.eventually(
        () => connection.states.includes('reconnecting'),
        'it says that it reconnects',
        () => connection.states,
      )
      await pause(scene.size(500, 5000))
      await scene.kit.network!.restore()
      await scene.expect.eventually(
        () => connection.states.at(-1) === 'connected',
        'it says that it is back',
        () => connection.states,
      )
      const after = scene.messages(20)
      await scene.publish(connection, after)
      const wanted = after.map(idOf)
      await scene.expect.eventually(
        () => wanted.every((id) => member.ids.includes(id)),
        'what is published then arrives',
        () => member.ids,
      )
      const count = (id: string): number => member.ids.filter((other) => other === id).length
      await scene.expect.never(
        () => wanted.some((id) => count(id) > 1),
        'it comes once: there is no second consumer',
        () => wanted.map(count),
      )
    },
  ),

  defineCase(
    'C32',
    'settling a delivery of a connection that broke does nothing, and the message comes again',
    { needs: ['network'] },
    async (scene) => {
      const connection = await scene.connect()
      const holder = new Holder()
      const member = await scene.join(connection, {}, holder.react)
      const messages = scene.messages(3)
      await scene.publish(connection, messages)
      await scene.expect.eventually(
        () => member.ids.length === 3,
        'three arrive',
        () => member.ids,
      )
      const old = holder.unsettled.splice(0)
      await scene.kit.network!.cut()
      await scene.expect.eventually(
        () => old.every(({ lost }) => lost.aborted),
        'the deliveries are lost',
        () => old.map(({ lost }) => lost.aborted),
      )
      await scene.kit.network!.restore()
      await scene.expect.eventually(
        () => connection.states.at(-1) === 'connected',
        'it is back',
        () => connection.states,
      )
      await scene.expect.inTime(Promise.all(old.map(finish)), 'settling what is lost resolves')
      await scene.expect.eventually(
        () => member.ids.length >= 6,
        'the messages come again',
        () => member.ids,
      )
      scene.expect.sameItems(member.ids.slice(3, 6), messages.map(idOf), 'what came again')
      await scene.expect.inTime(holder.finishAll(), 'settling resolves')
      const next = scene.message()
      await scene.publish(connection, [next])
      await scene.expect.eventually(
        () => member.ids.includes(idOf(next)),
        'the connection works',
        () => member.ids,
      )
    },
  ),

  defineCase(
    'C33',
    'ten connections that close at once, and twice, give back what they hold and lose nothing',
    {},
    async (scene) => {
      const count = scene.size(100, 1000)
      const lines = await Promise.all(Array.from({ length: 10 }, () => scene.connect()))
      const settled = new Set<string>()
      const held: Delivery[] = []
      const members = await Promise.all(
        lines.map((line) =>
          scene.join(line, { prefetch: 5 }, async (delivery) => {
            // Each member settles two, and dies with the others in its hands.
            if (held.push(delivery) > 20) return
            await finish(delivery)
            settled.add(idOf(delivery.message))
          }),
        ),
      )
      const publisher = await scene.connect()
      const messages = scene.messages(count)
      await scene.publish(publisher, messages)
      const seen = (): number => members.reduce((sum, { ids }) => sum + ids.length, 0)
      await scene.expect.eventually(() => seen() >= 60 && settled.size === 20, 'the members hold messages', seen)
      const closings = lines.flatMap((line) => [line.close(), line.close()])
      await scene.expect.inTime(Promise.all(closings), 'every close() resolves')
      const before = seen()
      scene.expect.that(
        held.slice(20).every(({ lost }) => lost.aborted),
        'what they held is lost to them',
        held.filter(({ lost }) => !lost.aborted).length,
      )
      // Too late: it must do nothing.
      await scene.expect.inTime(Promise.all(held.map(finish)), 'settling what is lost resolves')
      const heir = await scene.join(await scene.connect(), { prefetch: 50 })
      const missing = (): string[] => messages.map(idOf).filter((id) => !settled.has(id) && !heir.ids.includes(id))
      await scene.expect.eventually(
        () => missing().length === 0,
        'a later member gets all that was not settled',
        missing,
      )
      await scene.expect.never(
        () => heir.ids.some((id) => settled.has(id)),
        'what was settled does not come again',
        () => heir.ids.filter((id) => settled.has(id)),
      )
      scene.expect.equal(seen(), before, 'deliveries to members that are closed')
    },
  ),

  defineCase('C35', 'close() resolves in time while the broker is away', { needs: ['network'] }, async (scene) => {
    for (const fault of ['cut', 'blackHole'] as const) {
      const connection = await scene.connect()
      const holder = new Holder()
      await scene.join(connection, { group: scene.group(fault) }, holder.react)
      await scene.publish(connection, scene.messages(2))
      await scene.expect.eventually(
        () => holder.unsettled.length === 2,
        'it holds messages',
        () => holder.unsettled.length,
      )
      await scene.kit.network![fault]()
      try {
        await scene.expect.inTime(connection.close(), `close() resolves after ${fault}`)
      } finally {
        await scene.kit.network!.restore()
      }
      scene.expect.equal(connection.states.at(-1), 'closed', 'the last state')
    }
  }),

  defineCase('C36', 'connections opened and closed leave nothing behind', { alone: true }, async (scene) => {
    const count = scene.size(50, 200)
    const cycle = async (): Promise<void> => {
      const connection = await scene.connect()
      await scene.join(connection)
      await scene.publish(connection, [scene.message()])
      await scene.expect.inTime(connection.close(), 'close() resolves')
      scene.expect.equal(connection.states.at(-1), 'closed', 'the last state')
    }
    // The first cycles may open what all later ones share.
    for (let index = 0; index < 3; index++) await cycle()
    const before = activeResources()
    for (let index = 0; index < count; index++) await cycle()
    await scene.expect.eventually(
      // Others in the process may have begun something; a leak grows with the cycles.
      () => activeResources() - before < count / 5,
      `${count} cycles leave no sockets and timers behind`,
      () => ({ before, now: activeResources() }),
    )
    const member = await scene.join(await scene.connect())
    const last = scene.message()
    await scene.publish(await scene.connect(), [last])
    await scene.expect.eventually(
      () => member.ids.includes(idOf(last)),
      'no member of a closed connection takes anything',
      () => member.ids,
    )
  }),
]

/** Sockets, timers and the like that keep the process alive, where the runtime can tell. */
function activeResources(): number {
  const { process } = globalThis as { process?: { getActiveResourcesInfo?(): readonly string[] } }
  return process?.getActiveResourcesInfo?.().length ?? 0
}
