import { createCatalog, decodeEvent, defineEvent, encodeEvent, type EncodedEvent } from '@tidings/events'
import { beginning } from '@tidings/store'
import { createStore } from '@tidings/store/recorder'
import * as z from 'zod'
import { defineStoreCase, type StoreCase } from '../case.ts'
import { Happened, happenings, type Happening, Noted, Photographed, Written } from '../happenings.ts'
import { collected } from '../scene.ts'

/** What goes in comes out. */
export const contentCases: readonly StoreCase[] = [
  defineStoreCase('S16', 'data comes back as it was, to the last character and byte', async (scene) => {
    const { expect } = scene
    const store = await scene.open()
    const values = [
      '',
      'a \u0000 and a \ufeff, "quotes", \\, 100%, \r\n',
      'lone \ud800 surrogate',
      '🚀 日本語 a\u0308',
      '9007199254740993',
      [0, 1.1, 1e300, 5e-324, -1, 2 ** 53 - 1],
      { z: 1, a: { 10: 'ten', 9: 'nine' }, m: null, empty: {}, none: [] },
      nested(100),
      'x'.repeat(2 ** 20),
    ]
    const events: Happening[] = [
      ...values.map((value) => Noted.create({ value })),
      Photographed.create(Uint8Array.from({ length: 512 }, (_, index) => index % 256)),
      Photographed.create(new Uint8Array()),
      Written.create('three\nlines\n'),
    ]
    const stream = scene.stream('a')
    await store.append(stream, events)
    for (const reader of [store, await scene.open()]) {
      for (const [index, { event }] of (await collected(reader.read(stream))).entries()) {
        expect.equal(exactly(event), exactly(events[index]!), `event ${index + 1}`)
      }
      expect.equal((await collected(reader.read(stream))).length, events.length, 'events')
    }
  }),

  defineStoreCase(
    'S17',
    'an event keeps its id, its time and every attribute; the log adds when it took it',
    async (scene) => {
      const { expect } = scene
      const store = await scene.open()
      const stream = scene.stream('a')
      const rich = Happened.create(
        { number: 1 },
        {
          source: '/conformance?a=%20',
          subject: 'a "subject", 日本語',
          time: '2001-02-03T04:05:06.789012+01:00',
          sequence: 42,
          correlationId: 'correlation-1',
          causationId: 'causation-1',
          causationDepth: 3,
          extensions: { tenant: 'acme', flag: true, count: -7, zero: 0, text: '0' },
        },
      )
      await store.append(stream, [rich, ...scene.events(2)])
      await store.append(stream, [scene.event()])
      const recorded = await collected(store.read(stream))
      expect.equal(exactly(recorded[0]!.event), exactly(rich), 'an event with every attribute')
      const times = recorded.map(({ recordedAt }) => Date.parse(recordedAt))
      expect.that(
        times.every((time) => Math.abs(time - Date.now()) < 86_400_000),
        'the log knows the day',
        times,
      )
      expect.equal(
        times,
        times.toSorted((a, b) => a - b),
        'times in the order of the log',
      )
    },
  ),

  defineStoreCase('S18', 'what is stored stays; every way of reading brings an old version up alike', async (scene) => {
    const { expect } = scene
    const recorder = await scene.recorder()
    const type = `conformance.${scene.category.toLowerCase()}`
    const Old = defineEvent(type, z.object({ qty: z.int() }))
    const upcast = { 1: ({ qty }: { qty: number }) => ({ quantity: qty }) }
    const New = defineEvent(type, { version: 2, schema: z.object({ quantity: z.int() }), upcast })
    const stream = scene.stream('a')
    const event = Old.create({ qty: 3 })
    await createStore(recorder, { events: [Old] }).append(stream, [event])
    const store = createStore(recorder, { events: [New] })
    const { category } = scene
    for (const read of [store.read(stream), store.readAll({ category }), store.subscribe({ category })]) {
      for await (const { event } of read) {
        expect.equal([event.version, event.data], [2, { quantity: 3 }], 'an old event as it is read')
        break
      }
    }
    const { events } = await recorder.readLog({ after: beginning, limit: 10, category })
    expect.equal(essence(events[0]!.event), essence(encodeEvent(event)), 'what is stored')
    await store.append(stream, [New.create({ quantity: 4 })])
    const old = createStore(recorder, { events: [Old] })
    await scene.refused(collected(old.read(stream)), 'EVENT_VERSION_UNKNOWN', 'reading a version that is newer')
    const none = createStore(recorder, { events: happenings })
    await scene.refused(collected(none.read(stream)), 'EVENT_TYPE_UNKNOWN', 'reading a type that nobody knows')
    expect.equal(decodeEvent(events[0]!.event, createCatalog([Old])).data, { qty: 3 }, 'the old event, to old code')
  }),

  defineStoreCase(
    'S19',
    'what comes from another log keeps its versions and times, and gets new positions',
    async (scene) => {
      const { expect } = scene
      const recorder = await scene.recorder()
      const store = await scene.open()
      const stream = scene.stream('a')
      const times = [Date.parse('2001-01-01T00:00:00Z'), Date.parse('2001-01-01T00:00:00.001Z')]
      const events = scene.events(2).map((event) => encodeEvent(event))
      const restored = { firstVersion: 5, recordedAt: times }
      await store.append(scene.stream('before'), [scene.event()])
      await recorder.commit({ appends: [{ stream, expected: 0, events, restored }] })
      await scene.accepted(store.append(stream, [scene.event()], { expectedVersion: 6 }), 'an append behind version 6')
      const recorded = await collected(store.read(stream))
      expect.equal(
        recorded.map(({ version }) => version),
        [5, 6, 7],
        'the versions',
      )
      expect.equal(
        recorded.slice(0, 2).map(({ recordedAt }) => Date.parse(recordedAt)),
        times,
        'the times',
      )
      expect.that(Date.parse(recorded[2]!.recordedAt) > times[1]!, 'the time of a new one', recorded[2]!.recordedAt)
      const { version, truncatedBefore } = await store.info(stream)
      expect.equal([version, truncatedBefore], [7, 5], 'the version, and where the stream begins')
      const ended = scene.stream('ended')
      const cuts = [{ stream: ended, before: 4, tombstone: true, restoredVersion: 3 }]
      await recorder.commit({ cuts })
      const state = await store.info(ended)
      expect.equal([state.version, state.tombstoned], [3, true], 'a stream of which the other log has nothing left')
      const again = {
        appends: [
          { stream, expected: 'any', events: [encodeEvent(scene.event())], restored: { ...restored, recordedAt: [0] } },
        ],
      } as const
      await scene.refused(recorder.commit(again), 'CONCURRENCY_CONFLICT', 'a version that the stream has')
    },
  ),
]

function nested(depth: number): unknown {
  return depth === 0 ? 'deep' : { in: nested(depth - 1) }
}

/** Everything that an event says, the keys of its data in their order. */
function exactly(event: Happening): string {
  const { attributes, contentType, body } = encodeEvent(event)
  return JSON.stringify([attributes, contentType, typeof body === 'object' ? [...body] : body])
}

/** An encoded event, its attributes by name; a body of bytes is that of its text, since not every log tells them apart. */
function essence({ attributes, contentType, body }: EncodedEvent): unknown {
  const texts = Object.entries(attributes).map(([name, value]) => [name, String(value)])
  return [Object.fromEntries(texts), contentType, typeof body === 'object' ? new TextDecoder().decode(body) : body]
}
