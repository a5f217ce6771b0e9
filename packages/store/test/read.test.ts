import { createCatalog, defineEvent } from '@tidings/events'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { memoryStore, type Position, type ReadAllOptions, type ReadOptions } from '../src/index.ts'
import { createStore, memoryRecorder } from '../src/recorder/index.ts'
import { all, OrderPlaced, OrderShipped, placed, places, rejection, shop, type ShopEvent } from './support/shop.ts'

describe('read', () => {
  test.for<[ReadOptions, number[]]>([
    [{}, [1, 2, 3, 4, 5]],
    [{ from: 3 }, [3, 4, 5]],
    [{ from: 0, to: 2 }, [1, 2]],
    [{ from: 2, to: 3 }, [2, 3]],
    [{ from: 3, limit: 2 }, [3, 4]],
    [{ limit: 0 }, []],
    [{ from: 6 }, []],
    [{ from: 4, to: 2 }, []],
    [{ direction: 'backward' }, [5, 4, 3, 2, 1]],
    [{ direction: 'backward', limit: 1 }, [5]],
    [{ direction: 'backward', from: 2, to: 4 }, [4, 3, 2]],
    [{ direction: 'backward', from: 2, to: 4, limit: 2 }, [4, 3]],
  ])('%j of five events gives %j', async ([options, versions]) => {
    const store = shop()
    await store.append(
      'order-1',
      Array.from({ length: 5 }, () => placed()),
    )
    expect((await all(store.read('order-1', options))).map(({ version }) => version)).toEqual(versions)
  })

  test('gives each event whole, with its place and its time', async () => {
    let now = Date.parse('2026-01-31T12:00:00Z')
    const store = memoryStore({ events: [OrderPlaced], clock: { now: () => now } })
    const event = OrderPlaced.create({ item: 'Book' }, { correlationId: 'c-1', extensions: { tenant: 'acme' } })
    await store.append('order-1', [event])
    now -= 1000
    await store.append('order-1', [placed()])
    const [first, second] = await all(store.read('order-1'))
    expect(first).toEqual({
      event,
      stream: 'order-1',
      version: 1,
      position: 1,
      recordedAt: '2026-01-31T12:00:00.000Z',
    })
    // A clock that is set back does not make a later event an earlier one.
    expect(second?.recordedAt).toBe('2026-01-31T12:00:00.000Z')
  })

  test('is typed by the catalog', async () => {
    const store = shop()
    for await (const { event, position } of store.read('order-1')) {
      expectTypeOf(position).toEqualTypeOf<Position>()
      if (event.type === 'shop.order.shipped') expectTypeOf(event.data.carrier).toEqualTypeOf<string>()
    }
    const small = memoryStore({ events: createCatalog([OrderPlaced]) })
    // @ts-expect-error The store has no such event.
    const error = await rejection(small.append('order-1', [OrderShipped.create({ carrier: 'Mail' })]))
    expect(error).toMatchObject({ code: 'EVENT_TYPE_UNKNOWN' })
    // @ts-expect-error A position is not just any number.
    const options: ReadAllOptions<ShopEvent> = { after: 1 }
    expect(await places(shop().readAll(options))).toEqual([])
  })

  test('reads anew each time that it is iterated', async () => {
    const store = shop()
    const orders = store.read('order-1')
    expect(await places(orders)).toEqual([])
    await store.append('order-1', [placed()])
    expect([await places(orders), await places(orders)]).toEqual([['order-1@1'], ['order-1@1']])
  })

  test('reads streams longer than a page, both ways', async () => {
    const store = shop()
    await store.append(
      'order-1',
      Array.from({ length: 700 }, () => placed()),
    )
    const versions = Array.from({ length: 700 }, (_, index) => index + 1)
    expect((await all(store.read('order-1'))).map(({ version }) => version)).toEqual(versions)
    const backward = await all(store.read('order-1', { direction: 'backward', limit: 600 }))
    expect(backward.map(({ version }) => version)).toEqual(versions.toReversed().slice(0, 600))
  })

  test.for<ReadOptions>([
    { from: -1 },
    { to: 1.5 },
    { limit: -1 },
    { direction: 'sideways' as never },
    { asOf: 'yesterday' },
    { form: 1 } as never,
  ])('refuses %j at once', (options) => {
    expect(() => shop().read('order-1', options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

describe('readAll', () => {
  test('gives the log in its order, of a category, of types, behind a position', async () => {
    const store = shop()
    await store.append('order-1', [placed(), placed()])
    const { position } = await store.append('parcel-1', [OrderShipped.create({ carrier: 'Mail' })])
    await store.append('order-1-a', [placed()])
    await store.append('order', [OrderShipped.create({ carrier: 'Mail' })])
    const read = (options: ReadAllOptions<ShopEvent>): Promise<string[]> => places(store.readAll(options))
    expect(await read({})).toEqual(['order-1@1', 'order-1@2', 'parcel-1@1', 'order-1-a@1', 'order@1'])
    expect(await read({ category: 'order' })).toEqual(['order-1@1', 'order-1@2', 'order-1-a@1', 'order@1'])
    expect(await read({ types: ['shop.order.shipped'] })).toEqual(['parcel-1@1', 'order@1'])
    expect(await read({ after: position })).toEqual(['order-1-a@1', 'order@1'])
    expect(await read({ after: position, category: 'order', types: ['shop.order.placed'] })).toEqual(['order-1-a@1'])
    expect(await read({ limit: 2 })).toEqual(['order-1@1', 'order-1@2'])
    expect(await read({ types: [] })).toEqual([])
  })

  test('a limit counts events, however many others stand between them', async () => {
    const store = shop()
    for (let index = 0; index < 600; index++) {
      await store.append(`order-${index}`, [index % 2 === 0 ? placed() : OrderShipped.create({ carrier: 'Mail' })])
    }
    expect(await all(store.readAll({ types: ['shop.order.shipped'], limit: 280 }))).toHaveLength(280)
    expect(await all(store.readAll({ types: ['shop.order.shipped'] }))).toHaveLength(300)
  })
})

describe('as of', () => {
  test('a position or a time leaves out what came later', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z')
    const store = memoryStore({ events: [OrderPlaced], clock: { now: () => now } })
    const { position } = await store.append('order-1', [placed()])
    now += 1000
    await store.append('order-1', [placed()])
    await store.append('order-2', [placed()])
    expect(await places(store.read('order-1', { asOf: position }))).toEqual(['order-1@1'])
    expect(await places(store.read('order-1', { asOf: '2026-01-01T00:00:00.999Z' }))).toEqual(['order-1@1'])
    expect(await places(store.read('order-1', { asOf: new Date(now), direction: 'backward' }))).toEqual([
      'order-1@2',
      'order-1@1',
    ])
    expect(await places(store.readAll({ asOf: position }))).toEqual(['order-1@1'])
    expect(await places(store.readAll({ asOf: '2025-12-31T23:59:59Z' }))).toEqual([])
  })
})

describe('INVARIANT: what is stored stays as it was written, and is read as the catalog has it now', () => {
  const Old = defineEvent('shop.order.placed', z.object({ item: z.string(), qty: z.int() }))
  const New = defineEvent('shop.order.placed', {
    version: 2,
    schema: z.object({ item: z.string(), quantity: z.int() }),
    upcast: { 1: ({ item, qty }) => ({ item, quantity: qty }) },
  })

  test('an older version is brought up, by read, readAll and subscribe alike', async () => {
    const recorder = memoryRecorder()
    await createStore(recorder, { events: [Old] }).append('order-1', [Old.create({ item: 'Book', qty: 3 })])
    const before = JSON.stringify((await recorder.readLog({ after: 0 as Position, limit: 9 })).events)
    const store = createStore(recorder, { events: [New] })
    const end = new AbortController()
    const reads = [store.read('order-1'), store.readAll(), store.subscribe({ signal: end.signal })]
    for (const read of reads) {
      for await (const { event } of read) {
        expect(event).toMatchObject({ version: 2, data: { item: 'Book', quantity: 3 } })
        break
      }
    }
    expect(JSON.stringify((await recorder.readLog({ after: 0 as Position, limit: 9 })).events)).toBe(before)
  })

  test('what the catalog does not know is a typed error, and no event is passed over', async () => {
    const recorder = memoryRecorder()
    await createStore(recorder, { events: [New] }).append('order-1', [New.create({ item: 'Book', quantity: 3 })])
    const old = createStore(recorder, { events: [Old] })
    expect(await rejection(all(old.read('order-1')))).toMatchObject({ code: 'EVENT_VERSION_UNKNOWN' })
    const other = createStore(recorder, { events: [OrderShipped] })
    expect(await rejection(all(other.readAll()))).toMatchObject({ code: 'EVENT_TYPE_UNKNOWN' })
    expect(await all(other.readAll({ types: ['shop.order.shipped'] }))).toEqual([])
  })
})
