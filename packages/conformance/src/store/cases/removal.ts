import { defineStoreCase, type StoreCase } from '../case.ts'

/** What is removed, and what stays. */
export const removalCases: readonly StoreCase[] = [
  defineStoreCase('S27', 'a stream that is cut begins behind the cut, and its versions go on', async (scene) => {
    const { expect } = scene
    const [store, other] = [await scene.open(), await scene.open()]
    const [a, b] = [scene.stream('a'), scene.stream('b')]
    await store.append(a, scene.events(5))
    const last = await store.append(b, scene.events(2))
    await store.truncate(a, { before: 4 })
    await store.truncate(a, { before: 2 })
    const cut = { stream: a, exists: true, version: 5, truncatedBefore: 4, tombstoned: false }
    expect.equal(await other.info(a), cut, 'the stream')
    expect.equal(await scene.places(other.read(a)), ['a@4', 'a@5'], 'what it holds')
    expect.equal(await scene.places(other.read(a, { direction: 'backward', to: 4 })), ['a@4'], 'backward')
    const { category } = scene
    expect.equal(await scene.places(other.readAll({ category })), ['a@4', 'a@5', 'b@1', 'b@2'], 'the log')
    const refused = store.truncate(a, { before: 7 })
    await scene.refused(refused, 'CONCURRENCY_CONFLICT', 'a cut of what is not there yet')
    await store.append(a, [scene.event()], { expectedVersion: 5 })
    // All of it, the latest event of the whole log too: neither versions nor positions are used again.
    const latest = await store.append(b, [scene.event()])
    await store.truncate(b, { before: 4 })
    expect.equal(await scene.places(store.read(b)), [], 'a stream that is cut to its end')
    expect.equal((await other.info(b)).version, 3, 'its version')
    const next = await store.append(b, [scene.event()], { expectedVersion: 3 })
    expect.that(next.position > latest.position, 'no position is used again', [
      last.position,
      latest.position,
      next.position,
    ])
    expect.equal(await scene.places(other.read(b)), ['b@4'], 'what it holds then')
  }),

  defineStoreCase(
    'S28',
    'a stream with a tombstone is empty and takes nothing more, and disturbs no other',
    async (scene) => {
      const { expect } = scene
      const [store, other] = [await scene.open(), await scene.open()]
      const [a, b] = [scene.stream('a'), scene.stream('b')]
      await store.append(b, [scene.event()])
      await scene.refused(store.tombstone(a), 'CONCURRENCY_CONFLICT', 'the end of a stream that is not there')
      const { position } = await store.append(a, scene.events(3))
      await scene.refused(
        store.tombstone(a, { expectedVersion: 2 }),
        'CONCURRENCY_CONFLICT',
        'the end at another version',
      )
      await store.tombstone(a, { expectedVersion: 3 })
      await store.tombstone(a)
      const ended = { stream: a, exists: false, version: 3, truncatedBefore: 4, tombstoned: true }
      expect.equal(await other.info(a), ended, 'the stream')
      expect.equal(await scene.places(other.read(a)), [], 'what it holds')
      expect.equal(await scene.places(other.readAll({ category: scene.category })), ['b@1'], 'the log')
      for (const expectedVersion of ['any', 'exists', 'no-stream', 3] as const) {
        const append = other.append(a, [scene.event()], { expectedVersion })
        const error = await scene.refused(append, 'STREAM_TOMBSTONED', `an append at ${expectedVersion}`)
        expect.equal([error['stream'], error['version']], [a, 3], 'what the error says')
      }
      const both = store.appendAll([
        { stream: b, events: [scene.event()] },
        { stream: a, events: [scene.event()] },
      ])
      await scene.refused(both, 'STREAM_TOMBSTONED', 'an append to it and to another')
      const next = await scene.accepted(
        store.append(b, [scene.event()], { expectedVersion: 1 }),
        'an append to the other stream, which nothing was appended to',
      )
      expect.that(next.position > position, 'no position is used again', [position, next.position])
    },
  ),
]
