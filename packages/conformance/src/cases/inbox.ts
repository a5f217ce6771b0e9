import { type Bus, handler } from '@tidings/bus'
import { type ConformanceCase, defineCase } from '../case.ts'
import { counted } from './bus-tools.ts'

/** Handlers that see an event once. */
export const inboxCases: readonly ConformanceCase[] = [
  defineCase(
    'C38',
    'an event that is published three times has one effect where the handler is idempotent',
    { needs: ['an inbox'] },
    async (scene) => {
      const { deduplication } = scene.kit.about.capabilities
      const Happened = counted(scene.type())
      const [effects, all]: [string[], string[]] = [[], []]
      let duplicates = 0
      const bus = await scene.bus({
        handlers: [
          handler(Happened, { group: 'careful', idempotent: true }, ({ id }) => void effects.push(id)),
          handler(Happened, { group: 'careless' }, ({ id }) => void all.push(id)),
        ],
        observer: { duplicate: () => void duplicates++ },
      })
      const event = Happened.create({ number: 1 }, { source: bus.source })
      const copies = deduplication ? 1 : 3
      for (let time = 1; time <= 3; time++) {
        await bus.publish(event)
        // One after the other, so that it is the inbox which knows the copy.
        const came = Math.min(time, copies)
        await scene.expect.eventually(
          () => all.length >= came && effects.length + duplicates >= came,
          'the copies arrive',
          () => [effects, all, duplicates],
        )
      }
      await scene.expect.never(
        () => all.length > copies || effects.length > 1,
        'one effect',
        () => [effects, all],
      )
      scene.expect.equal(effects, [event.id], 'effects')
      scene.expect.equal(duplicates, copies - 1, 'duplicates that were left out')
    },
  ),

  defineCase(
    'C63',
    'copies of an event have one effect, whichever member of the group gets them, and whenever it came',
    { needs: ['an inbox', 'ordering'] },
    async (scene) => {
      const Happened = counted(scene.type())
      const effects: string[] = []
      let duplicates = 0
      const member = (name: string) =>
        scene.bus({
          handlers: [
            handler(Happened, { group: 'careful', idempotent: true, concurrency: 1, prefetch: 1 }, ({ id }) => {
              effects.push(`${name} ${id}`)
            }),
          ],
          observer: { duplicate: () => void duplicates++ },
        })
      const [first, second] = [await member('first'), await member('second')]
      const { deduplication } = scene.kit.about.capabilities
      const event = Happened.create({ number: 1, key: 'one' }, { source: first.source })
      let copies = 0
      const publish = async (bus: Bus, count: number): Promise<void> => {
        for (let copy = 0; copy < count; copy++) await bus.publish(event)
        copies += count
        await scene.expect.eventually(
          () => duplicates + effects.length >= (deduplication ? 1 : copies),
          'the copies arrive',
          () => [effects, duplicates],
        )
      }
      await publish(first, 6)
      await first.close()
      await publish(second, 2)
      await second.close()
      await publish(await member('third'), 2)
      await scene.expect.never(
        () => effects.length > 1,
        'a second effect',
        () => effects,
      )
      scene.expect.equal(effects.length, 1, 'effects')
    },
  ),
]
