import { defineStoreCase, type StoreCase } from '../case.ts'

/** What `append` promises. */
export const appendCases: readonly StoreCase[] = [
  defineStoreCase(
    'S01',
    'the first event of a stream has version 1, and the result says where it is',
    async (scene) => {
      const { expect } = scene
      const store = await scene.open()
      const stream = scene.stream('a')
      expect.equal(await store.info(stream), info(stream, 0), 'a stream that there is not')
      const first = await store.append(stream, scene.events(2))
      expect.equal([first.firstVersion, first.nextVersion, first.repeated], [1, 2, false], 'the result')
      const second = await store.append(stream, scene.events(2))
      expect.equal([second.firstVersion, second.nextVersion], [3, 4], 'the result of the next append')
      expect.that(second.position > first.position, 'its position is greater', [first.position, second.position])
      expect.equal(await store.info(stream), info(stream, 4), 'the stream')
      const last = (await scene.recorder()).readStream(all(stream))
      expect.equal(
        (await last).events.at(-1)?.position,
        second.position,
        'the position of the result is that of the event',
      )
    },
  ),

  defineStoreCase(
    'S02',
    'an exact version is accepted when it is that of the stream, and else changes nothing',
    async (scene) => {
      const { expect } = scene
      const store = await scene.open()
      const stream = scene.stream('a')
      await store.append(stream, [scene.event()], { expectedVersion: 0 })
      await store.append(stream, scene.events(2), { expectedVersion: 1 })
      const before = await scene.whole(store)
      for (const expectedVersion of [0, 1, 2, 4]) {
        const append = store.append(stream, [scene.event()], { expectedVersion })
        await scene.refused(append, 'CONCURRENCY_CONFLICT', `version ${expectedVersion} of a stream at 3`)
      }
      expect.equal(await scene.whole(store), before, 'the log behind what was refused')
      await store.append(stream, [scene.event()], { expectedVersion: 3 })
    },
  ),

  defineStoreCase(
    'S03',
    'a stream must be new or be there where an append says so; of many that make it one wins',
    async (scene) => {
      const { expect } = scene
      const [store, other] = [await scene.open(), await scene.open()]
      const [there, missing] = [scene.stream('there'), scene.stream('missing')]
      await store.append(there, [scene.event()], { expectedVersion: 'no-stream' })
      const again = store.append(there, [scene.event()], { expectedVersion: 'no-stream' })
      await scene.refused(again, 'CONCURRENCY_CONFLICT', '`no-stream` of a stream that is there')
      await store.append(there, [scene.event()], { expectedVersion: 'exists' })
      const nowhere = store.append(missing, [scene.event()], { expectedVersion: 'exists' })
      await scene.refused(nowhere, 'CONCURRENCY_CONFLICT', '`exists` of a stream that is not there')
      expect.equal((await store.info(missing)).exists, false, 'the stream that is not there')
      for (const expectedVersion of ['no-stream', 0] as const) {
        const raced = scene.stream(`raced-${expectedVersion}`)
        const outcomes = await Promise.allSettled(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 === 0 ? store : other).append(raced, [scene.event()], { expectedVersion }),
          ),
        )
        expect.equal(
          outcomes.filter(({ status }) => status === 'fulfilled').length,
          1,
          `winners of 20 at ${expectedVersion}`,
        )
        expect.equal((await store.info(raced)).version, 1, 'the version of the stream that they raced for')
      }
    },
  ),

  defineStoreCase('S04', 'appends that expect nothing all succeed, each with versions of its own', async (scene) => {
    const { expect } = scene
    const stores = [await scene.open(), await scene.open()]
    const stream = scene.stream('a')
    const count = scene.size(40, 400)
    const append = (index: number) => stores[index % 2]!.append(stream, [scene.event()])
    const results = await Promise.all(
      Array.from({ length: count }, (_, index) => scene.accepted(append(index), `append ${index} of ${count} at once`)),
    )
    const versions = results.map(({ nextVersion }) => nextVersion)
    expect.sameItems(
      versions,
      Array.from({ length: count }, (_, index) => index + 1),
      `the versions of ${count} at once`,
    )
    expect.equal(new Set(results.map(({ position }) => position)).size, count, 'positions')
  }),

  defineStoreCase(
    'S05',
    'a conflict says which stream, what was expected, and the version that it has',
    async (scene) => {
      const store = await scene.open()
      const stream = scene.stream('a')
      await store.append(stream, scene.events(3))
      for (const expectedVersion of [1, 'no-stream'] as const) {
        const append = store.append(stream, [scene.event()], { expectedVersion })
        const error = await scene.refused(append, 'CONCURRENCY_CONFLICT', `${expectedVersion} of a stream at 3`)
        const { stream: about, expected, actual } = error
        scene.expect.equal([about, expected, actual], [stream, expectedVersion, 3], 'what the conflict says')
      }
      const error = await scene.refused(
        store.append(scene.stream('b'), [scene.event()], { expectedVersion: 7 }),
        'CONCURRENCY_CONFLICT',
        '7 of a stream that is not there',
      )
      scene.expect.equal(error['actual'], 0, 'the version of a stream that is not there')
    },
  ),

  defineStoreCase(
    'S06',
    'a version far ahead is a conflict and leaves no gap; one that cannot be is refused',
    async (scene) => {
      const { expect } = scene
      const store = await scene.open()
      const stream = scene.stream('a')
      await store.append(stream, [scene.event()])
      for (const expectedVersion of [2, 1000, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
        const append = store.append(stream, [scene.event()], { expectedVersion })
        await scene.refused(append, 'CONCURRENCY_CONFLICT', `version ${expectedVersion}`)
      }
      for (const expectedVersion of [-1, 0.5, 2 ** 53, Infinity]) {
        const append = store.append(stream, [scene.event()], { expectedVersion })
        await scene.refused(append, 'INVALID_ARGUMENT', `version ${expectedVersion}`)
      }
      await store.append(stream, [scene.event()])
      expect.equal(await scene.places(store.read(stream)), ['a@1', 'a@2'], 'the stream')
    },
  ),

  defineStoreCase('S07', 'the events of one append are there together, one behind the other', async (scene) => {
    const { expect } = scene
    const [store, other] = [await scene.open(), await scene.open()]
    const count = scene.size(20, 200)
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        (index % 2 === 0 ? store : other).append(scene.stream(`${index % 3}`), scene.events(1 + (index % 5))),
      ),
    )
    const recorder = await scene.recorder()
    for (const name of ['0', '1', '2']) {
      const { events, state } = await recorder.readStream(all(scene.stream(name)))
      expect.equal(
        events.map(({ version }) => version),
        events.map((_, index) => index + 1),
        `versions of ${name}`,
      )
      expect.equal(state.version, events.length, `the version of ${name}`)
    }
    // All or nothing: the last of these is in the log already.
    const known = scene.event()
    await store.append(scene.stream('known'), [known])
    const before = await scene.whole(store)
    const append = store.append(scene.stream('0'), [...scene.events(3), known])
    await scene.refused(append, 'EVENT_EXISTS', 'an append with an event that is elsewhere')
    expect.equal(await scene.whole(other), before, 'the log behind an append that was refused in its last event')
    await store.append(scene.stream('together'), scene.events(4))
    const { events } = await recorder.readStream(all(scene.stream('together')))
    const begin = events[0]?.position ?? 0
    expect.equal(
      events.map(({ position }) => position - begin),
      [0, 1, 2, 3],
      'distances in the log of four at once',
    )
  }),

  defineStoreCase('S08', 'an append of no events checks the version, and changes nothing', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const [stream, missing] = [scene.stream('a'), scene.stream('b')]
    const { position } = await store.append(stream, scene.events(2))
    const nothing = await scene.accepted(store.append(stream, [], { expectedVersion: 2 }), 'an append of no events')
    expect.equal([nothing.firstVersion, nothing.nextVersion, nothing.repeated], [3, 2, false], 'the result')
    expect.that(nothing.position >= position, 'its position is the end of the log', nothing.position)
    await scene.refused(
      store.append(stream, [], { expectedVersion: 1 }),
      'CONCURRENCY_CONFLICT',
      'no events at version 1',
    )
    await scene.refused(store.append(missing, [], { expectedVersion: 'exists' }), 'CONCURRENCY_CONFLICT', 'no events')
    expect.equal((await store.append(missing, [])).nextVersion, 0, 'the result for a stream that is not there')
    expect.equal((await store.info(missing)).exists, false, 'no events make no stream')
    expect.equal(await scene.places(store.readAll({ category: scene.category })), ['a@1', 'a@2'], 'the log')
  }),

  defineStoreCase('S09', 'what is appended to several streams is there in all of them or in none', async (scene) => {
    const { expect } = scene
    const [store, other] = [await scene.open(), await scene.open()]
    const [a, b, c] = [scene.stream('a'), scene.stream('b'), scene.stream('c')]
    const results = await store.appendAll([
      { stream: b, events: scene.events(2), expectedVersion: 'no-stream' },
      { stream: a, events: [scene.event()] },
      { stream: c, events: [], expectedVersion: 0 },
    ])
    expect.equal(
      results.map(({ stream }) => stream),
      [b, a, c],
      'the order of the results',
    )
    expect.equal(
      results.map(({ nextVersion }) => nextVersion),
      [2, 1, 0],
      'the versions',
    )
    const before = await scene.whole(other)
    for (const failing of [0, 1, 2]) {
      const appends = [a, b, c].map((stream, index) => ({
        stream,
        events: [scene.event()],
        expectedVersion: index === failing ? 9 : ('any' as const),
      }))
      const error = await scene.refused(store.appendAll(appends), 'CONCURRENCY_CONFLICT', `stream ${failing} at 9`)
      expect.equal(error['stream'], [a, b, c][failing], 'the stream of the conflict')
    }
    expect.equal(await scene.whole(other), before, 'the log behind what was refused')
    // Crosswise: none waits for another for ever, and each is there as a whole.
    const crossed = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => {
        const streams = index % 2 === 0 ? [a, b] : [b, a]
        const appends = streams.map((stream) => ({ stream, events: [scene.event()] }))
        return (index % 3 === 0 ? other : store).appendAll(appends)
      }),
    )
    expect.equal(crossed.filter(({ status }) => status === 'fulfilled').length, 20, 'appends to two streams crosswise')
    expect.equal([(await store.info(a)).version, (await store.info(b)).version], [21, 22], 'their versions')
  }),
]

function info(stream: string, version: number): unknown {
  return { stream, exists: version > 0, version, truncatedBefore: 1, tombstoned: false }
}

/** The whole of a short stream. */
function all(stream: string): { stream: string; from: number; to: number; limit: number; backward: boolean } {
  return { stream, from: 1, to: Number.MAX_SAFE_INTEGER, limit: 1000, backward: false }
}
