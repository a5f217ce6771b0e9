import type { DeadLetterSink, SinkReplay } from '@tidings/bus/transport'
import { type ConformanceCase, defineCase } from '../case.ts'
import { essence, idOf } from '../message.ts'
import type { Line, Scene } from '../scene.ts'
import { deadLettered } from './dead-lettered.ts'

/** The sink to which a transport adds dead letters. */
export const deadLetterSinkCases: readonly ConformanceCase[] = [
  defineCase(
    'C94',
    'the letters of a sink go back to their group as a whole: oldest first, as they were received, each once',
    { needs: ['a sink of dead letters'] },
    async (scene) => {
      const { expect } = scene
      const count = 6
      const [group, other] = [scene.group(), scene.group('other')]
      const declining = await scene.connect()
      const parked = await decline(scene, declining, group)
      const parkedElsewhere = await decline(scene, declining, other)
      const messages = scene.messages(count, (index) => ({
        subject: 'key',
        headers: { 'x-note': `é ${index}` },
        body: new Uint8Array([0x7b, 0xff, index]),
      }))
      await scene.publish(await scene.connect(), messages)
      await expect.eventually(
        () => parked.length >= count && parkedElsewhere.length >= count,
        'all are letters, in both groups',
        () => [parked, parkedElsewhere],
      )
      // What is declined once more meanwhile is none of those that it began with, and it would never end.
      expect.equal(await replay(scene, declining, group), count, 'letters that go back to who declines them')
      await expect.eventually(
        () => parked.length >= 2 * count,
        'all are letters again',
        () => parked,
      )
      await expect.inTime(declining.close(), 'close() resolves')

      const line = await scene.connect()
      const member = await scene.join(line, { group, ...inTurn(scene) })
      const stranger = await scene.join(line, { group: other, ...inTurn(scene) })
      const sent = [
        await replay(scene, line, group, { limit: 2 }),
        await replay(scene, line, group, { signal: AbortSignal.abort() }),
      ]
      await scene.delivered(member, 2)
      await expect.never(
        () => member.ids.length > 2,
        'no more than the limit go back',
        () => member.ids,
      )
      const oldest = parked.slice(count)
      expect.sameItems(member.ids, oldest.slice(0, 2), 'the oldest two')
      sent.push(await replay(scene, line, group), await replay(scene, line, group))
      expect.equal(sent, [2, 0, count - 2, 0], 'how many go back: with a limit, with a signal that aborted, all, none')
      await scene.delivered(member, count)
      await expect.never(
        () => member.ids.length > count || stranger.ids.length > 0,
        'each goes back once, and to no other group',
        () => [member.ids, stranger.ids],
      )
      const isOrdered = scene.kit.about.capabilities.ordering !== 'none'
      if (isOrdered) expect.equal(member.ids, oldest, 'the order in which they go back')
      const received = member.deliveries.map(({ message }) => essence(message))
      expect.sameItems(received, messages.map(essence), 'what goes back')

      const begin = performance.now()
      expect.equal(await replay(scene, line, other, { rate: 4 }), count, 'letters of the other group')
      const took = performance.now() - begin
      // Four at once and four a second later are four a second.
      expect.that(took > 900, 'six letters at four a second take a second at least', `${took.toFixed()}ms`)
      await scene.delivered(stranger, count)
    },
  ),
]

/** Joins a group whose member makes a letter of whatever it is handed. Fills with the ids, in the order of the letters. */
async function decline(scene: Scene, line: Line, group: string): Promise<string[]> {
  const parked: string[] = []
  await scene.join(line, { group, ...inTurn(scene) }, async (delivery) => {
    await scene.settle(delivery, deadLettered(group, delivery))
    parked.push(idOf(delivery.message))
  })
  return parked
}

/** One after the other, so that the letters have the order of the deliveries. */
function inTurn({ kit }: Scene): { readonly prefetch: number; readonly ordered: boolean } {
  return { prefetch: 1, ordered: kit.about.capabilities.ordering !== 'none' }
}

async function replay(
  { expect }: Scene,
  { deadLetterSink: sink }: { readonly deadLetterSink?: DeadLetterSink | undefined },
  group: string,
  options: Partial<SinkReplay> = {},
): Promise<number> {
  expect.that(sink !== undefined, 'a transport with a sink has `deadLetterSink`', 'none')
  const whole = { rate: Infinity, limit: Infinity, signal: new AbortController().signal, ...options }
  return expect.inTime(sink!.replay(group, whole), 'replay() resolves')
}
