import type { Added, AggregationEntry, AggregationStore } from '@tidings/bus/integration'
import type { EventJson } from '@tidings/events'
import { type ConformanceCase, defineCase } from '../case.ts'
import type { Scene } from '../scene.ts'

/** The stores that integration patterns are given by their application. */
export const integrationStoreCases: readonly ConformanceCase[] = [
  defineCase(
    'C90',
    'aggregations take each event once, are sealed once, and know what they had when they are closed',
    { needs: ['an aggregation store'] },
    async (scene) => {
      const { expect } = scene
      const store = scene.kit.aggregations!()
      const add = adding(scene, store)
      expect.equal(brief(await add('one', 'a')), ['added', 'open', 1, true], 'the event that opens it')
      expect.equal(brief(await add('two', 'b')), ['added', 'open', 2, false], 'the next one')
      expect.equal(brief(await add('two', 'c')), ['known', 'open', 2, false], 'one that comes again')
      const first = (await add('one', 'd')).aggregation
      expect.equal(first, 'a', 'the aggregation that has them')
      expect.equal(idsIn(await store.read(first)), ['one', 'two'], 'what is gathered, in its order')
      expect.equal((await add('three', 'e', { max: 2 })).outcome, 'full', 'one more than it may have')
      expect.equal(await store.read('nowhere'), undefined, 'an aggregation that there is not')

      await store.seal(first, 'complete')
      await store.seal(first, 'timeout')
      const sealed = await store.read(first)
      expect.equal([sealed?.state, sealed?.reason], ['sealed', 'complete'], 'the first seal counts')
      expect.equal((await add('four', 'f')).outcome, 'late', 'one that comes behind the seal')
      expect.equal((await add('one', 'f')).outcome, 'known', 'one of those behind the seal')
      expect.equal(idsIn(await store.read(first)), ['one', 'two'], 'what is sealed stays as it is')

      await store.close(first)
      await store.close(first)
      expect.equal((await add('two', 'g')).outcome, 'known', 'one of those behind the end')
      const next = await add('five', 'h', { reopen: true })
      expect.equal(brief(next), ['added', 'open', 1, true], 'one that opens the next aggregation of the key')
      expect.equal(next.aggregation, 'h', 'the next aggregation')
      expect.equal((await add('one', 'i', { reopen: true })).outcome, 'known', 'one of the aggregation before')

      // Of many at the same moment one opens it, and one of each identity is added.
      const many = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          add(`same-${index % 5}`, `many-${index}`, { key: scene.type('many') }),
        ),
      )
      expect.equal(many.filter(({ opener, outcome }) => opener && outcome === 'added').length, 1, 'openers at once')
      expect.equal(many.filter(({ outcome }) => outcome === 'added').length, 5, 'events added at once')
      expect.equal(new Set(many.map(({ aggregation }) => aggregation)).size, 1, 'aggregations opened at once')
    },
  ),

  defineCase(
    'C91',
    'claim checks are found whole, by their key alone, and stay what they are',
    { needs: ['a claim-check store'] },
    async (scene) => {
      const { expect } = scene
      const store = scene.kit.claimChecks!()
      const key = (name: string): string => `${scene.type(name)}${'-'.repeat(43)}`.replace(/[^\w-]/g, '_').slice(0, 43)
      const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)
      await store.put(key('a'), bytes)
      await store.put(key('b'), new Uint8Array(0))
      expect.equal(sum(await store.get(key('a'))), sum(bytes), 'the bytes of a key')
      expect.equal((await store.get(key('b')))?.byteLength, 0, 'no bytes are something else than none')
      expect.equal(await store.get(key('c')), undefined, 'a key that nobody has put')
      // Whoever gave them may go on with his own.
      const mine = Uint8Array.of(1, 2, 3)
      await store.put(key('d'), mine)
      mine.fill(9)
      expect.equal([...((await store.get(key('d'))) ?? [])], [1, 2, 3], 'bytes whose owner has changed his own')
      await store.put(key('a'), bytes)
      expect.equal(sum(await store.get(key('a'))), sum(bytes), 'the bytes of a key that is put again')
    },
  ),
]

function adding(
  scene: Scene,
  store: AggregationStore,
): (identity: string, aggregation: string, more?: Partial<AggregationEntry>) => Promise<Added> {
  return async (identity, aggregation, more = {}) =>
    store.add({
      key: scene.type('order'),
      aggregation,
      identity,
      event: eventOf(identity),
      reopen: false,
      max: 100,
      ...more,
    })
}

function eventOf(id: string): EventJson {
  return { specversion: '1.0', id, source: '/conformance', type: 'conformance.gathered', data: { id } } as never
}

function brief({ outcome, state, size, opener }: Added): unknown[] {
  return [outcome, state, size, opener]
}

function idsIn(aggregation: { readonly events: readonly EventJson[] } | undefined): unknown {
  return aggregation?.events.map(({ id }) => id)
}

/** Length and a sum that tells an order, since a failure shows what it compares. */
function sum(bytes: Uint8Array | undefined): unknown {
  return bytes && [bytes.byteLength, bytes.reduce((all, byte, index) => (all + byte * (index + 1)) % 1_000_003, 0)]
}
