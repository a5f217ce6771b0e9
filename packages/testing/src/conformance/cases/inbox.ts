import { type Bus, type EventIdentity, handler, type Inbox } from '@tidings/bus'
import { type ConformanceCase, defineCase } from '../case.ts'
import type { Scene } from '../scene.ts'
import { counted } from './bus-tools.ts'

/** Handlers that see an event once, and the store by which their groups know what they have handled. */
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
      for (let time = 0; time < 3; time++) await bus.publish(event)
      const copies = deduplication ? 1 : 3
      await scene.expect.eventually(
        () => all.length >= copies && effects.length + duplicates >= copies,
        'the copies arrive',
        () => [effects, all, duplicates],
      )
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

  defineCase(
    'C64',
    'the inbox knows each event of each group by its source and id, through every connection',
    { needs: ['inbox'] },
    async (scene) => {
      const { expect } = scene
      const inbox = await inboxOf(scene)
      const [group, other] = [scene.group(), scene.group('other')]
      const marked: EventIdentity = { source: '/shop/ünïque?a=b', id: `${scene.group('id')} with "all", it/takes` }
      const alike: readonly [string, EventIdentity][] = [
        [other, marked],
        [group, { ...marked, source: '/shop' }],
        [group, { ...marked, id: marked.id.toUpperCase() }],
        [group, { ...marked, id: `${marked.id} ` }],
        [group, { source: `${marked.source} ${marked.id.slice(0, 1)}`, id: marked.id.slice(1) }],
      ]
      expect.equal(await inbox.has(marked, group), false, 'has() of an event that is new')
      await inbox.add(marked, group)
      await inbox.add(marked, group)
      for (const reader of [inbox, await inboxOf(scene)]) {
        expect.equal(await reader.has(marked, group), true, 'has() of an event that was added')
        for (const [of, event] of alike)
          expect.equal(await reader.has(event, of), false, `has() of ${of}, ${JSON.stringify(event)}`)
      }
      const many = Array.from({ length: 500 }, (_, index) => ({ source: '/many', id: `${index}` }))
      await Promise.all(many.map(async (event) => inbox.add(event, group)))
      const known = await Promise.all(many.map(async (event) => inbox.has(event, group)))
      expect.equal(known.filter(Boolean).length, many.length, 'events that are known of 500 that were added at once')
    },
  ),
]

async function inboxOf(scene: Scene): Promise<Inbox> {
  const { inbox } = await scene.connect()
  scene.expect.that(inbox !== undefined, 'a transport with `inbox` has one', inbox)
  return inbox!
}
