import { describe, expect, test, vi } from 'vitest'
import {
  defineDecider,
  type EventStore,
  execute,
  load,
  memorySnapshots,
  type Snapshot,
  snapshotsIn,
  type SnapshotStore,
} from '../src/index.ts'
import { order } from './support/order.ts'
import { all, OrderPlaced, placed, shop, type ShopEvent } from './support/shop.ts'

const kinds: readonly (readonly [string, (store: EventStore<ShopEvent>) => SnapshotStore])[] = [
  ['memorySnapshots', () => memorySnapshots()],
  ['snapshotsIn the store', (store) => snapshotsIn(store)],
]

/** Adds up quantities; counts the events that it was shown. */
function adding(schema: number, every = 1) {
  const shown = vi.fn<() => void>()
  const decider = defineDecider({
    initial: () => ({ sum: 0 }),
    evolve: (state, event: ShopEvent) => {
      shown()
      return { sum: state.sum + ('quantity' in event.data ? event.data.quantity : 0) }
    },
    decide: (quantity: number) => OrderPlaced.create({ item: 'Book', quantity }),
    snapshot: { name: 'sum', schema, every },
  })
  return { decider, shown }
}

describe.for(kinds)('%s', ([, snapshotsOf]) => {
  test('INVARIANT: a snapshot and what came since is the state of a full replay, for every cut', async () => {
    const store = shop()
    const { decider } = adding(1)
    const count = 12
    for (let cut = 1; cut <= count; cut++) {
      const stream = `order-${cut}`
      const snapshots = snapshotsOf(store)
      for (let version = 1; version <= count; version++) {
        await store.append(stream, [OrderPlaced.create({ item: 'Book', quantity: version })])
        if (version === cut) await load(store, decider, stream, { snapshots })
      }
      expect(await snapshots.get(stream, 'sum')).toMatchObject({ version: cut })
      const { decider: fresh, shown } = adding(1)
      expect(await load(store, fresh, stream, { snapshots })).toEqual(await load(store, decider, stream))
      expect(shown).toHaveBeenCalledTimes(count - cut)
    }
  })

  test('one of another schema or another name is as good as none', async () => {
    const store = shop()
    const snapshots = snapshotsOf(store)
    await store.append('order-1', [placed(), placed()])
    await load(store, adding(1).decider, 'order-1', { snapshots })
    const next = adding(2)
    expect((await load(store, next.decider, 'order-1', { snapshots })).state).toEqual({ sum: 2 })
    expect(next.shown).toHaveBeenCalledTimes(2)
    expect(await snapshots.get('order-1', 'sum')).toMatchObject({ schema: '2' })
    expect(await snapshots.get('order-1', 'other')).toBeUndefined()
    expect(await snapshots.get('order-2', 'sum')).toBeUndefined()
  })
})

test('a snapshot is made when enough came since the last one', async () => {
  const store = shop()
  const put = vi.fn<(snapshot: Snapshot) => void>()
  const kept = memorySnapshots()
  const snapshots: SnapshotStore = { get: kept.get, put: (snapshot) => (put(snapshot), kept.put(snapshot)) }
  const { decider, shown } = adding(1, 10)
  for (let count = 0; count < 35; count++) await execute(store, decider, 'order-1', 1, { snapshots })
  expect(put.mock.calls.map(([{ version }]) => version)).toEqual([10, 20, 30])
  shown.mockClear()
  expect(await load(store, decider, 'order-1', { snapshots })).toEqual({ state: { sum: 35 }, version: 35 })
  expect(shown).toHaveBeenCalledTimes(5)
})

test('a snapshot that is ahead of its stream is of another log, and is replaced', async () => {
  const store = shop()
  const snapshots = memorySnapshots()
  await snapshots.put({ stream: 'order-1', name: 'sum', version: 9, schema: '1', state: '{"sum":9}' })
  await store.append('order-1', [placed()])
  expect(await load(store, adding(1).decider, 'order-1', { snapshots })).toEqual({ state: { sum: 1 }, version: 1 })
  expect(await snapshots.get('order-1', 'sum')).toMatchObject({ version: 1, state: '{"sum":1}' })
})

test('a snapshot keeps the state of events that are removed', async () => {
  const store = shop()
  const snapshots = snapshotsIn(store)
  const { decider } = adding(1)
  await store.append('order-1', [placed(), placed(), placed()])
  await load(store, decider, 'order-1', { snapshots })
  await store.truncate('order-1', { before: 4 })
  expect(await execute(store, decider, 'order-1', 1, { snapshots })).toMatchObject({ state: { sum: 4 }, version: 4 })
})

test('a state that is no JSON value is encoded and decoded', async () => {
  const store = shop()
  const snapshots = memorySnapshots()
  const items = defineDecider({
    initial: () => new Set<string>(),
    evolve: (state, event: ShopEvent) => ('item' in event.data ? state.add(event.data.item) : state),
    decide: (item: string) => placed(item),
    snapshot: {
      name: 'items',
      schema: 1,
      every: 1,
      encode: (state) => [...state],
      decode: (value) => new Set(value as string[]),
    },
  })
  await execute(store, items, 'order-1', 'Book', { snapshots })
  await execute(store, items, 'order-1', 'Pen', { snapshots })
  expect((await load(store, items, 'order-1', { snapshots })).state).toEqual(new Set(['Book', 'Pen']))
  expect(await snapshots.get('order-1', 'items')).toMatchObject({ state: '["Book","Pen"]' })
})

test('snapshots that cannot be read or written are told, and harm nobody', async () => {
  const store = shop()
  const errors: unknown[] = []
  const broken: SnapshotStore = {
    get: () => Promise.reject(new Error('unreadable')),
    put: () => {
      throw new Error('disk full')
    },
  }
  const options = { snapshots: broken, onSnapshotError: (error: unknown) => errors.push(error) }
  await execute(store, adding(1).decider, 'order-1', 2, options)
  await execute(store, adding(1).decider, 'order-1', 3, options)
  expect((await all(store.read('order-1'))).length).toBe(2)
  expect(errors.map((error) => (error as Error).message)).toEqual(['unreadable', 'unreadable', 'disk full'])
})

test('memorySnapshots keeps as many as it is told, and deciders without a name are refused', async () => {
  const snapshots = memorySnapshots({ max: 2 })
  const put = (stream: string): unknown => snapshots.put({ stream, name: 'a', version: 1, schema: '1', state: '1' })
  for (const stream of ['1', '2', '1', '3']) await put(stream)
  expect([await snapshots.get('1', 'a'), await snapshots.get('2', 'a')]).toEqual([expect.anything(), undefined])
  const unnamed = () => defineDecider({ ...order, snapshot: { name: '', schema: 1 } })
  expect(unnamed).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})
