import { handler } from '@tidings/bus'
import { type ConformanceCase, defineCase } from '../case.ts'
import { finish } from '../member.ts'
import type { Scene } from '../scene.ts'
import { counted } from './bus-tools.ts'
import { fillGroup } from './fill-group.ts'

/** What is left behind, and what many cost each of them. */
export const growthCases: readonly ConformanceCase[] = [
  defineCase(
    'C81',
    'after thousands of settled events nothing is left of them: no message, no temporary group',
    { needs: ['groups', 'temporaryGroups'] },
    async (scene) => {
      const { expect } = scene
      const count = scene.size(2000, 10_000)
      const connection = await scene.connect()
      const { inbox } = scene.kit.about.capabilities
      const type = scene.type('effect')
      await scene.join(connection, { group: scene.group('effects'), types: [type], prefetch: 100 })
      let settled = 0
      await scene.join(connection, { prefetch: 100, marks: inbox }, async (delivery) => {
        const { source, id } = delivery.message.attributes
        const mark = inbox ? { source: String(source), id: String(id) } : undefined
        const effects = settled % 10 === 0 ? [{ message: scene.message({ type }) }] : []
        await delivery.settle({ as: 'handled', mark, effects, replayed: undefined, work: undefined })
        settled++
      })
      const messages = scene.messages(count)
      const publishing = Promise.all(messages.map(async (message) => connection.publish({ message })))
      await expect.inTime(publishing, 'every publish() resolves', 3 * scene.kit.within)
      await expect.eventually(
        () => settled >= count,
        `${count} are settled`,
        () => settled,
      )
      // Who asks has a group for the answers, which goes with it.
      const Asked = counted(scene.type('asked'))
      const bus = await scene.bus({
        handlers: [handler(Asked, { group: 'answering' }, ({ data }, { reply }) => reply(Asked, data))],
      })
      for (let number = 0; number < 10; number++) {
        await expect.inTime(bus.request(Asked, { number }, { reply: Asked }), 'request() is answered')
      }
      await expect.inTime(bus.close(), 'close() resolves')
      const mine = scene.group('')
      const left = async (): Promise<(readonly [group: string, temporary: boolean, before: number])[]> =>
        (await connection.groups!.list())
          .filter(({ group, temporary }) => group.startsWith(mine) || (temporary && group.includes(mine.slice(0, -1))))
          .map(({ group, temporary, waiting, handedOut, delayed, retrying }) => {
            return [group, temporary, waiting + handedOut + delayed + retrying] as const
          })
      let seen: Awaited<ReturnType<typeof left>> = []
      await expect.eventually(
        async () => (seen = await left()).every(([, temporary, before]) => !temporary && before === 0),
        'nothing is before any group, and no temporary one is left',
        () => seen,
      )
    },
  ),

  defineCase(
    'C82',
    'an event costs the same whether hundreds or thousands wait behind it',
    { needs: ['waiting'], alone: true },
    async (scene) => {
      const few = await costOf(scene, 'few', (2 + rounds) * each)
      const many = await costOf(scene, 'many', scene.size(5000, 20_000))
      // Half a millisecond for each is what a busy machine may add.
      scene.expect.that(many < 3 * few + 0.5, 'many that wait cost three times as much as few at most', {
        few: `${few.toFixed(3)}ms for each`,
        many: `${many.toFixed(3)}ms for each`,
      })
    },
  ),
]

const rounds = 3
const each = 100

/** Milliseconds for each event, while so many wait, or as many as the group has room for: the best of several rounds. */
async function costOf(scene: Scene, name: string, waiting: number): Promise<number> {
  const { expect } = scene
  const [publisher, line] = [await scene.connect(), await scene.connect()]
  const request = { group: scene.group(name), types: [scene.type(name)], prefetch: 10 }
  let settled = 0
  let best = Infinity
  let begin = 0
  const member = await scene.join(line, request, async (delivery) => {
    await finish(delivery)
    if (++settled % each > 0) return
    const now = performance.now()
    // What was handed out before the pause came early.
    if (settled > each) best = Math.min(best, (now - begin) / each)
    begin = now
  })
  member.membership.pause()
  await fillGroup(scene, publisher, member, waiting, { type: scene.type(name) })
  member.membership.resume()
  await expect.eventually(
    () => settled >= (1 + rounds) * each,
    `${(1 + rounds) * each} are handled`,
    () => settled,
  )
  await expect.inTime(line.close(), 'close() resolves')
  return best
}
