import type { ReadOptions } from '@tidings/store'
import { defineStoreCase, type StoreCase } from '../case.ts'
import { collected } from '../scene.ts'

/** What `read` and `info` promise. */
export const readCases: readonly StoreCase[] = [
  defineStoreCase(
    'S13',
    'a range includes both its ends, a limit counts exactly, and backward mirrors forward',
    async (scene) => {
      const { expect } = scene
      const store = await scene.open()
      const stream = scene.stream('a')
      await store.append(scene.stream('other'), scene.events(3))
      await store.append(stream, scene.events(10))
      const versions = async (options: ReadOptions): Promise<number[]> =>
        (await collected(store.read(stream, options))).map(({ version }) => version)
      const ranges = [
        {},
        { from: 3 },
        { to: 4 },
        { from: 3, to: 5 },
        { from: 4, to: 4 },
        { from: 5, to: 4 },
        { from: 11 },
        { from: 0, to: 99 },
      ]
      for (const range of ranges) {
        const wanted = numbers(10).filter((version) => version >= (range.from ?? 1) && version <= (range.to ?? 10))
        expect.equal(await versions(range), wanted, `read ${JSON.stringify(range)}`)
        expect.equal(
          await versions({ ...range, direction: 'backward' }),
          wanted.toReversed(),
          `${JSON.stringify(range)} backward`,
        )
        for (const limit of [0, 1, 2]) {
          expect.equal(
            await versions({ ...range, limit }),
            wanted.slice(0, limit),
            `${JSON.stringify(range)}, at most ${limit}`,
          )
          const backward = await versions({ ...range, limit, direction: 'backward' })
          expect.equal(
            backward,
            wanted.toReversed().slice(0, limit),
            `${JSON.stringify(range)} backward, at most ${limit}`,
          )
        }
      }
      const long = scene.stream('long')
      await store.append(long, scene.events(600))
      expect.equal(
        (await collected(store.read(long))).map(({ version }) => version),
        numbers(600),
        'a long stream',
      )
    },
  ),

  defineStoreCase('S14', 'reading a part or past the end does not change what is said of a stream', async (scene) => {
    const { expect } = scene
    const recorder = await scene.recorder()
    const store = await scene.open()
    const stream = scene.stream('a')
    await store.append(stream, scene.events(10))
    for (const [from, to, limit] of [
      [1, 5, 100],
      [1, 99, 2],
      [11, 99, 100],
      [5, 4, 1],
    ] as const) {
      for (const backward of [false, true]) {
        const { state } = await recorder.readStream({ stream, from, to, limit, backward })
        const known = { version: 10, truncatedBefore: 1, tombstoned: false }
        expect.equal(state, known, `the state beside versions ${from} to ${to}, at most ${limit}`)
      }
    }
    expect.equal((await store.info(stream)).version, 10, 'the version')
    expect.equal(await collected(store.read(scene.stream('b'))), [], 'the events of a stream that is not there')
  }),

  defineStoreCase('S15', 'as of a position or a moment, what came later is left out', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const [a, b] = [scene.stream('a'), scene.stream('b')]
    const first = await store.append(a, scene.events(2))
    await store.append(b, [scene.event()])
    const [recorded] = await collected(store.read(b))
    // The next one is of a later millisecond, whatever clock the log has.
    await expect.eventually(
      async () => {
        await store.append(scene.stream('clock'), [scene.event()])
        const [latest] = await collected(store.read(scene.stream('clock'), { direction: 'backward', limit: 1 }))
        return latest!.recordedAt > recorded!.recordedAt
      },
      'the time of the log goes on',
      () => recorded?.recordedAt,
    )
    await store.append(a, [scene.event()])
    expect.equal(await scene.places(store.read(a, { asOf: first.position })), ['a@1', 'a@2'], 'as of a position')
    expect.equal(await scene.places(store.read(a, { asOf: recorded!.recordedAt })), ['a@1', 'a@2'], 'as of a moment')
    const backward = store.read(a, { asOf: first.position, direction: 'backward', limit: 1 })
    expect.equal(await scene.places(backward), ['a@2'], 'as of a position, backward')
    const { category } = scene
    expect.equal(await scene.places(store.readAll({ category, asOf: first.position })), ['a@1', 'a@2'], 'the log')
    const log = await scene.places(store.readAll({ category, asOf: recorded!.recordedAt }))
    expect.equal(
      log.filter((place) => !place.startsWith('clock')),
      ['a@1', 'a@2', 'b@1'],
      'the log as of a moment',
    )
  }),
]

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
