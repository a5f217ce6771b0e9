import { beginning, type Position, type Recorded } from '@tidings/store'
import { defineStoreCase, type StoreCase } from '../case.ts'
import { Noted } from '../happenings.ts'
import { collected, type StoreScene } from '../scene.ts'

/** The one order of all streams, and who follows it. */
export const logCases: readonly StoreCase[] = [
  defineStoreCase('S20', 'positions grow, and the versions of each stream grow with them', async (scene) => {
    const { expect } = scene
    const stores = [await scene.open(), await scene.open()]
    await Promise.all(
      Array.from({ length: scene.size(30, 300) }, (_, index) =>
        stores[index % 2]!.append(scene.stream(`${index % 4}`), scene.events(1 + (index % 3))),
      ),
    )
    const { category } = scene
    const log = await collected(stores[0]!.readAll({ category }))
    expect.that(
      log.every(({ position }, index) => position > (log[index - 1]?.position ?? 0)),
      'positions grow',
      log.map(({ position }) => position),
    )
    const last = new Map<string, number>()
    for (const { stream, version } of log) {
      expect.equal(version, (last.get(stream) ?? 0) + 1, `the next version of ${stream} in the log`)
      last.set(stream, version)
    }
    const end = await stores[1]!.end()
    expect.that(end >= log.at(-1)!.position, 'the end of the log is not before its last event', end)
    expect.equal(await collected(stores[0]!.readAll({ category, after: end })), [], 'what stands behind the end')
  }),

  defineStoreCase('S21', 'while many write, nothing ever appears behind a reader of the log', async (scene) => {
    const { expect } = scene
    const writers = await Promise.all([scene.open(), scene.open(), scene.open()])
    const reader = await scene.recorder()
    const acknowledged: string[] = []
    let writing = true
    const write = async (writer: number): Promise<void> => {
      for (let index = 0; index < scene.size(40, 1000); index++) {
        const events = scene.events(1 + (index % 3))
        await writers[writer % 3]!.append(scene.stream(`${writer}-${index % 5}`), events)
        acknowledged.push(...events.map(({ id }) => id))
      }
    }
    const all = Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)))
    const writes = scene.beside(all.finally(() => (writing = false)))
    const seen: string[] = []
    let after: Position = beginning
    for (let last = false; ;) {
      const { events, through, more } = await reader.readLog({ after, limit: 7, category: scene.category })
      expect.that(through >= after, 'a reader never goes back', [after, through])
      const places = events.map(({ position }) => position)
      expect.that(
        places.every((place) => place > after && place <= through),
        'what is given stands behind what was',
        places,
      )
      seen.push(...events.map(({ event }) => String(event.attributes['id'])))
      after = through
      if (!more && last) break
      last = !writing
      if (!more) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await writes
    expect.equal(seen.length, new Set(seen).size, 'events that were seen, each once')
    expect.sameItems(seen.toSorted(), acknowledged.toSorted(), 'events that were seen are those that were acknowledged')
  }),

  defineStoreCase(
    'S22',
    'a filter by type and by category leaves out the others, and a limit counts what fits',
    async (scene) => {
      const { expect } = scene
      const recorder = await scene.recorder()
      const store = await scene.open()
      const { category } = scene
      const begin = await store.end()

      for (let index = 0; index < 20; index++) {
        await store.append(scene.stream(`${index % 3}`), [scene.event()])
        await store.append(scene.stream('notes'), [Noted.create({ value: index })])
        await store.append(`${category}x-1`, [scene.event()])
      }
      await store.append(category, [scene.event()])
      const count = async (filter: object): Promise<number> =>
        (await collected(store.readAll({ after: begin, ...filter }))).length
      expect.equal(await count({ category }), 41, 'of the category, and of the stream with its very name')
      expect.equal(await count({ category, types: ['conformance.noted'] }), 20, 'of the category and the type')
      expect.equal(await count({ category, types: ['conformance.noted', 'conformance.happened'] }), 41, 'of two types')
      expect.equal(await count({ category, types: ['conformance.note'] }), 0, 'of a type that nobody has')
      expect.equal(await count({ category, types: [] }), 0, 'of no types')
      expect.equal(await count({ category: `${category}x` }), 20, 'of a category whose name is longer')
      expect.equal(await count({ category, limit: 7 }), 7, 'of the category, at most 7')
      // Whoever goes on behind `through` page by page meets all that fits, and comes to the end.
      let [after, met] = [begin, 0]
      for (let pages = 0, more = true; more; pages++) {
        const page = await recorder.readLog({ after, limit: 3, category, types: ['conformance.noted'] })
        expect.that(page.through > after || !page.more, 'each page goes on', page.through)
        expect.that(page.events.length <= 3, 'a page has no more than its limit', page.events.length)
        met += page.events.length
        ;({ through: after, more } = page)
        if (pages > 1000) throw scene.failure('paging comes to an end', pages)
      }
      expect.equal(met, 20, 'events that pages have')
      expect.that(
        after >= (await store.end()),
        'behind the last page nothing is left, also of what does not fit',
        after,
      )
    },
  ),

  defineStoreCase(
    'S23',
    'a subscription goes over from what was there to what comes, without a gap and without a double',
    async (scene) => {
      const { expect } = scene
      const [store, other] = [await scene.open(), await scene.open()]
      const count = scene.size(60, 1000)
      for (let index = 0; index < count; index++) await store.append(scene.stream(`${index % 4}`), [scene.event()])
      const follower = follow(scene, await scene.open(), {})
      const late = follow(scene, await scene.open(), { after: await store.end() })
      await Promise.all(
        Array.from({ length: count }, (_, index) =>
          (index % 2 === 0 ? store : other).append(scene.stream(`${index % 4}`), [scene.event()]),
        ),
      )
      await expect.eventually(
        () => follower.seen.length >= 2 * count,
        `${2 * count} events arrive`,
        () => follower.seen.length,
      )
      await expect.eventually(
        () => late.seen.length >= count,
        `${count} new events arrive`,
        () => late.seen.length,
      )
      await store.append(scene.stream('0'), [scene.event()])
      await expect.eventually(
        () => follower.seen.length > 2 * count,
        'one more arrives',
        () => follower.seen.length,
      )
      await expect.never(
        () => follower.seen.length > 2 * count + 1,
        'nothing comes twice',
        () => follower.seen.length,
      )
      const log = (await collected(store.readAll({ category: scene.category }))).map(({ position }) => position)
      expect.equal(
        follower.seen.map(({ position }) => position),
        log,
        'what it saw is the log in its order',
      )
      expect.equal(
        late.seen.map(({ position }) => position),
        log.slice(count),
        'what a later one saw',
      )
      await follower.end()
      await late.end()
    },
  ),

  defineStoreCase('S24', 'what is refused is seen by nobody, and holds up nobody', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const stream = scene.stream('a')
    const follower = follow(scene, await scene.open(), {})
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const expectedVersion = index % 2 === 0 ? ('any' as const) : 1000
        await store.append(stream, scene.events(2), { expectedVersion }).catch(() => undefined)
      }),
    )
    await expect.eventually(
      () => follower.seen.length >= 20,
      '20 events arrive',
      () => follower.seen.length,
    )
    await expect.never(
      () => follower.seen.length > 20,
      'no others arrive',
      () => follower.seen.length,
    )
    expect.equal((await store.info(stream)).version, 20, 'the version of the stream')
    await follower.end()
  }),

  defineStoreCase('S25', 'a subscription ends when it is aborted, and one of a closed store says so', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const aborted = follow(scene, store, {})
    await store.append(scene.stream('a'), [scene.event()])
    await expect.eventually(
      () => aborted.seen.length === 1,
      'an event arrives',
      () => aborted.seen.length,
    )
    await expect.inTime(aborted.end(), 'an aborted subscription ends, without an error')
    const closed = follow(scene, store, {})
    const ended = scene.beside(expect.rejection(closed.ended, 'a subscription ends with the store'))
    await expect.eventually(
      () => closed.seen.length === 1,
      'an event arrives again',
      () => closed.seen.length,
    )
    const pending = Promise.allSettled(
      Array.from({ length: 5 }, () => store.append(scene.stream('a'), [scene.event()])),
    )
    await expect.inTime(store.close(), 'close() resolves')
    await store.close()
    expect.equal(((await ended) as { code?: unknown }).code, 'STORE_CLOSED', 'the error of the subscription')
    await expect.inTime(pending, 'appends that were under way settle')
    await scene.refused(store.append(scene.stream('a'), [scene.event()]), 'STORE_CLOSED', 'an append to a closed store')
  }),

  defineStoreCase('S26', 'what was acknowledged is there for whoever opens the log again', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const event = scene.event()
    const result = await store.append(scene.stream('a'), [event, scene.event()])
    const before = await scene.whole(store)
    await store.recorder.commit({ records: [{ key: scene.stream('record'), value: 'kept' }] })
    await store.close()
    const again = await scene.open()
    expect.equal(await scene.whole(again), before, 'the log')
    const record = await again.recorder.readRecord(scene.stream('record'))
    expect.equal([record?.value, record?.revision], ['kept', 1], 'a record')
    const repeated = await again.append(scene.stream('a'), [event])
    expect.equal([repeated.firstVersion, repeated.repeated], [result.firstVersion, true], 'an event that comes again')
    const next = await again.append(scene.stream('a'), [scene.event()], { expectedVersion: 2 })
    expect.that(next.position > result.position, 'positions go on', [result.position, next.position])
  }),
]

/** A subscription to the events of the case, and what it has seen. */
function follow(
  scene: StoreScene,
  store: Awaited<ReturnType<StoreScene['open']>>,
  options: { readonly after?: Position },
): { readonly seen: readonly Recorded[]; readonly ended: Promise<void>; end(): Promise<void> } {
  const seen: Recorded[] = []
  const aborting = new AbortController()
  const run = async (): Promise<void> => {
    const { category } = scene
    for await (const each of store.subscribe({ category, signal: aborting.signal, ...options })) seen.push(each)
  }
  const ended = scene.beside(run())
  return { seen, ended, end: () => (aborting.abort(), ended) }
}
