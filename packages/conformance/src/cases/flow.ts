import { type ConformanceCase, defineCase } from '../case.ts'
import { finish, Holder, type Member, type React } from '../member.ts'
import { idOf } from '../message.ts'
import type { Scene } from '../scene.ts'

/** How much a member is handed, and when. */
export const flowCases: readonly ConformanceCase[] = [
  defineCase(
    'C26',
    'no more deliveries are unsettled than the prefetch allows, however many wait',
    {},
    async (scene) => {
      const count = scene.size(200, 10_000)
      const prefetch = 7
      const { ordering } = scene.kit.about.capabilities
      // A log may hand out less, while what it has handed out of a partition is unsettled.
      const exact = ordering !== 'partition'
      for (const ordered of ordering === 'none' ? [false] : [false, true]) {
        const name = ordered ? 'ordered' : 'free'
        const connection = await scene.connect()
        const holder = new Holder()
        const type = scene.type(name)
        const member = await scene.join(
          connection,
          { group: scene.group(name), types: [type], prefetch, ordered },
          holder.react,
        )
        const messages = scene.messages(count, (index) => ({ type, subject: `key-${index}` }))
        // Not waited for: where the broker has no room it makes publishers wait.
        const published = Promise.all(messages.map(async (message) => connection.publish({ message })))
        await scene.expect.eventually(
          () => holder.unsettled.length >= (exact ? prefetch : 1),
          'the prefetch is used',
          () => holder.most,
        )
        await scene.expect.never(
          () => holder.most > prefetch,
          `${prefetch} are unsettled at most`,
          () => holder.most,
        )
        if (exact) await makesRoomForOne(scene, member, holder, prefetch)
        await scene.expect.eventually(
          async () => {
            await scene.expect.inTime(holder.finishAll(), 'settling resolves')
            return new Set(member.ids).size >= count
          },
          `${count} messages arrive in the end`,
          () => member.ids.length,
        )
        await scene.expect.inTime(published, 'every publish() resolves')
        scene.expect.that(holder.most <= prefetch, `${prefetch} are unsettled at most`, holder.most)
      }
    },
  ),

  defineCase('C28', 'a paused member gets nothing, keeps its place, and goes on where it was', {}, async (scene) => {
    const connection = await scene.connect()
    const holder = new Holder()
    const member = await scene.join(connection, { prefetch: 5 }, holder.react)
    const before = scene.messages(3)
    await scene.publish(connection, before)
    await scene.expect.eventually(
      () => member.ids.length === 3,
      'the member works',
      () => member.ids,
    )
    member.membership.pause()
    member.membership.pause()
    // What was on its way may still come.
    await scene.expect.never(
      () => member.ids.length > 3,
      'nothing was on its way',
      () => member.ids,
      scene.kit.quiet / 3,
    )
    const after = scene.messages(10)
    await scene.publish(connection, after)
    await scene.expect.inTime(holder.finishAll(), 'settling resolves')
    await scene.expect.never(
      () => member.ids.length > 3,
      'a paused member gets nothing',
      () => member.ids,
    )
    member.membership.resume()
    await scene.expect.eventually(
      async () => {
        await scene.expect.inTime(holder.finishAll(), 'settling resolves')
        return member.ids.length >= 13
      },
      'it goes on',
      () => member.ids,
    )
    await scene.expect.never(
      () => member.ids.length > 13,
      'nothing comes twice',
      () => member.ids,
    )
    scene.expect.sameItems(member.ids, [...before, ...after].map(idOf), 'what it got')
  }),

  defineCase('C51', 'a member that has stopped gets nothing more, and can settle what it holds', {}, async (scene) => {
    const connection = await scene.connect()
    const holder = new Holder()
    const member = await scene.join(connection, { prefetch: 5 }, holder.react)
    const held = scene.messages(3)
    await scene.publish(connection, held)
    await scene.expect.eventually(
      () => member.ids.length === 3,
      'the member works',
      () => member.ids,
    )
    await scene.expect.inTime(member.membership.stop(), 'stop() resolves')
    await scene.expect.inTime(member.membership.stop(), 'a second stop() resolves')
    const later = scene.messages(5)
    await scene.publish(connection, later)
    await scene.expect.never(
      () => member.ids.length > 3,
      'a stopped member gets nothing',
      () => member.ids,
    )
    await scene.expect.inTime(holder.finishAll(), 'settling resolves')
    await scene.expect.inTime(connection.close(), 'close() resolves')
    const other = await scene.join(await scene.connect())
    await scene.expect.eventually(
      () => other.ids.length >= 5,
      'the next member gets what came meanwhile',
      () => other.ids,
    )
    await scene.expect.never(
      () => other.ids.length > 5,
      'what was settled does not come again',
      () => other.ids,
    )
    scene.expect.sameItems(other.ids, later.map(idOf), 'what the next member got')
  }),

  defineCase('C66', 'nothing is handed out before the publish() of it has returned', {}, async (scene) => {
    const [connection, other] = [await scene.connect(), await scene.connect()]
    const messages = scene.messages(20)
    const group = scene.group()
    const early: string[] = []
    let published = 0
    let underWay = 0
    const publishNext = (): void | Promise<void> => {
      const message = messages[published++]
      if (message === undefined) return
      underWay++
      try {
        // What a retry is sent by, and what is for everybody.
        return connection.publish(published % 2 === 0 ? { message, group } : { message })
      } finally {
        underWay--
      }
    }
    const react: React = (delivery) => {
      if (underWay > 0) early.push(idOf(delivery.message))
      return finish(delivery)
    }
    // One publishes the next message as it is handed one, as a handler does.
    const member = await scene.join(connection, { group }, async (delivery, self) => {
      await react(delivery, self)
      await publishNext()
    })
    await scene.join(other, { group: scene.group('other') }, react)
    await scene.expect.inTime(Promise.resolve(publishNext()), 'publish() resolves')
    await scene.expect.eventually(
      () => member.ids.length >= messages.length || early.length > 0,
      `${messages.length} messages arrive`,
      () => member.ids.length,
    )
    scene.expect.equal(early, [], 'what was handed out while publish() was called')
  }),
]

async function makesRoomForOne(
  { expect, kit }: Scene,
  member: Member,
  holder: Holder,
  prefetch: number,
): Promise<void> {
  await expect.inTime(holder.finishNext(), 'settling resolves')
  await expect.eventually(
    () => member.ids.length >= prefetch + 1,
    'one settled makes room for one',
    () => member.ids.length,
  )
  await expect.never(
    () => member.ids.length > prefetch + 1,
    'one settled makes room for one only',
    () => member.ids.length,
    kit.quiet / 3,
  )
}
