import { encodeEvent } from '@tidings/events'
import { Happened } from '../happenings.ts'
import { defineStoreCase, type StoreCase } from '../case.ts'

/** What an event that comes again comes to. */
export const repetitionCases: readonly StoreCase[] = [
  defineStoreCase(
    'S10',
    'the same events appended again give the result of the first time, also all at once',
    async (scene) => {
      const { expect } = scene
      const [store, other] = [await scene.open(), await scene.open()]
      const stream = scene.stream('a')
      const events = scene.events(3)
      const { repeated: _, ...first } = await store.append(stream, events, { expectedVersion: 0 })
      await store.append(stream, [scene.event()])
      for (const expectedVersion of [0, 'no-stream', 'any', 99] as const) {
        const again = await scene.accepted(
          other.append(stream, events, { expectedVersion }),
          `an append of the same events at ${expectedVersion}`,
        )
        expect.equal(again, { ...first, repeated: true }, `the result of the same events at ${expectedVersion}`)
      }
      const same = scene.events(2)
      const raced = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? store : other).append(stream, same, { expectedVersion: 4 }),
        ),
      )
      expect.equal(raced.filter(({ repeated }) => !repeated).length, 1, 'appends of 20 that wrote the same events')
      expect.equal(new Set(raced.map(({ nextVersion }) => nextVersion)).size, 1, 'versions that they tell')
      expect.equal((await store.info(stream)).version, 6, 'the version of the stream')
      const several = [
        { stream: scene.stream('b'), events: scene.events(2), expectedVersion: 0 },
        { stream: scene.stream('c'), events: [scene.event()], expectedVersion: 0 },
        { stream: scene.stream('d'), events: [] },
      ]
      const result = await store.appendAll(several)
      const again = await scene.accepted(other.appendAll(several), 'an append of the same to several streams')
      const versions = result.map(({ firstVersion, nextVersion }) => [firstVersion, nextVersion, true])
      const told = again.map(({ firstVersion, nextVersion, repeated }) => [firstVersion, nextVersion, repeated])
      expect.equal(told, versions, 'its results')
      const some = [several[0]!, { stream: scene.stream('e'), events: [scene.event()] }]
      await scene.refused(store.appendAll(some), 'EVENT_EXISTS', 'an append of which only a part is there')
      const encoded = same.map((event) => encodeEvent(event))
      const records = [{ key: scene.stream('record'), value: 'twice' }]
      await store.recorder.commit({ appends: [{ stream, expected: 'any', events: encoded }], records })
      const record = await store.recorder.readRecord(scene.stream('record'))
      expect.equal(record, undefined, 'a record beside events that are there')
    },
  ),

  defineStoreCase('S11', 'an event that is elsewhere, or says something else, is refused', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const [a, b] = [scene.stream('a'), scene.stream('b')]
    const [one, two] = [scene.event(), scene.event()]
    await store.append(a, [one, two])
    const before = await scene.whole(store)
    const changed = Happened.create({ number: -1 }, { id: one.id, time: one.time })
    const wrong = [
      ['in another stream', b, [one]],
      ['with other contents', a, [changed]],
      ['with a new one behind it', a, [two, scene.event()]],
      ['with a new one before it', a, [scene.event(), two]],
      ['in another order', a, [two, one]],
    ] as const
    for (const [how, stream, events] of wrong) {
      await scene.refused(store.append(stream, events), 'EVENT_EXISTS', `an event ${how}`)
    }
    expect.equal(await scene.whole(store), before, 'the log behind what was refused')
    // What names an event is its source and its id together.
    const alike = Happened.create({ number: 0 }, { id: one.id, source: '/another' })
    await scene.accepted(store.append(b, [alike]), 'an event of another source with the same id')
    expect.equal((await store.info(b)).version, 1, 'the stream of an event of another source with the same id')
  }),

  defineStoreCase('S12', 'names of streams are told apart to the last character', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const names = [
      'a',
      'A',
      'ä',
      'a\u0308',
      'a ',
      ' a',
      'a%20',
      'a_',
      'a.b',
      'a/b',
      "a'b",
      'a"b',
      'ß',
      'ss',
      '🚀',
      '1',
      '01',
      'x'.repeat(400),
      `${'x'.repeat(400)}y`,
    ]
    for (const [index, name] of names.entries()) await store.append(scene.stream(name), scene.events(index + 1))
    for (const [index, name] of names.entries()) {
      expect.equal(
        (await store.info(scene.stream(name))).version,
        index + 1,
        `the version of stream ${JSON.stringify(name)}`,
      )
    }
  }),
]
