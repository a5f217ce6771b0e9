import { type ConformanceCase, defineCase } from '../case.ts'
import { finish, hold } from '../member.ts'
import { idOf } from '../message.ts'

/** Who is blamed when members die. */
export const suspectCases: readonly ConformanceCase[] = [
  defineCase(
    'C75',
    'what was handed out twice without an end is handed out alone: the next death blames one message and no other',
    { needs: ['redeliveries'] },
    async (scene) => {
      const { expect } = scene
      const count = 20
      const messages = scene.messages(count)
      const request = { prefetch: count }
      const publisher = await scene.connect()
      for (let death = 1; death <= 2; death++) {
        const line = await scene.connect()
        const member = await scene.join(line, request, hold)
        if (death === 1) await scene.publish(publisher, messages)
        await scene.delivered(member, count, `${count} are handed out at once`)
        await expect.inTime(line.close(), 'close() resolves')
      }
      const line = await scene.connect()
      const third = await scene.join(line, request, hold)
      const blamed = await scene.delivered(third, 1, 'one of them is handed out')
      await expect.never(
        () => third.ids.length > 1,
        'while it is unsettled its member gets no other',
        () => third.ids,
      )
      await expect.inTime(line.close(), 'close() resolves')
      const last = await scene.join(await scene.connect(), request, hold)
      for (let number = 1; number <= count; number++) {
        await scene.delivered(last, number, 'the next one is handed out when the one before is settled')
        if (number < 3) {
          await expect.never(
            () => last.ids.length > number,
            'one at a time',
            () => last.ids,
            scene.kit.quiet / 3,
          )
        }
        expect.equal(last.ids.length, number, 'deliveries')
        await finish(last.deliveries[number - 1]!)
      }
      expect.sameItems(last.ids, messages.map(idOf), 'what is handled in the end')
      for (const { message, redeliveries } of last.deliveries) {
        const deaths = idOf(message) === idOf(blamed.message) ? 3 : 2
        expect.equal(redeliveries, deaths, `redeliveries of ${idOf(message)}`)
      }
      // What nobody suspects is handed out together again.
      await scene.publish(publisher, scene.messages(2))
      await scene.delivered(last, count + 2, 'what comes then is handed out together')
    },
  ),
]
