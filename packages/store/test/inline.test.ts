import { describe, expect, test } from 'vitest'
import { defineProjection, memoryStore, type Position } from '../src/index.ts'
import { createStore, memoryRecorder } from '../src/recorder/index.ts'
import { OrderPlaced, OrderShipped, placed, places, rejection } from './support/shop.ts'

const events = [OrderPlaced, OrderShipped] as const

const sold = defineProjection('sold', {
  on: [OrderPlaced],
  key: ({ data }) => data.item,
  initial: () => 0,
  evolve: (count, { data }) => {
    if (data.item === 'Poison') throw new Error('poison')
    return count + data.quantity
  },
})
const orders = defineProjection('orders', { on: [OrderPlaced], initial: () => 0, evolve: (count) => count + 1 })

describe('an inline projection', () => {
  test('INVARIANT: is never behind what was appended', async () => {
    const store = memoryStore({ events, inline: [sold, orders] })
    expect(await store.state(sold, 'Book')).toBe(0)
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.append(`order-${index % 5}`, [placed('Book')])))
    expect(await store.state(sold, 'Book')).toBe(50)
    await store.appendAll([
      { stream: 'order-1', events: [placed('Pen'), OrderShipped.create({ carrier: 'Mail' })] },
      { stream: 'order-2', events: [placed('Pen')] },
    ])
    expect([await store.state(sold, 'Pen'), await store.state(orders)]).toEqual([2, 52])
  })

  test('INVARIANT: that throws rolls its append back, and no other', async () => {
    const store = memoryStore({ events, inline: [orders, sold] })
    const appends = ['Book', 'Poison', 'Pen'].map((item) =>
      rejection(store.append(`order-${item}`, [placed('Cup'), placed(item)])),
    )
    const [book, poison, pen] = await Promise.all(appends)
    expect([book, pen]).toEqual([undefined, undefined])
    expect(poison).toMatchObject({ code: 'PROJECTION_FAILED', projection: 'sold', cause: new Error('poison') })
    expect(await places(store.readAll())).toEqual(['order-Book@1', 'order-Book@2', 'order-Pen@1', 'order-Pen@2'])
    expect([await store.state(orders), await store.state(sold, 'Cup')]).toEqual([4, 2])
  })

  test('counts nothing of an append that is refused, and nothing twice of one that comes again', async () => {
    const store = memoryStore({ events, inline: [orders] })
    const order = [placed()]
    await store.append('order-1', order)
    await store.append('order-1', order)
    expect(await rejection(store.append('order-1', [placed()], { expectedVersion: 0 }))).toMatchObject({ actual: 1 })
    await store.append('order-1', [])
    expect(await store.state(orders)).toBe(1)
  })

  test('counts what was there before it, and what was appended without it', async () => {
    const recorder = memoryRecorder()
    const bare = createStore(recorder, { events })
    for (let index = 0; index < 600; index++) await bare.append('order-1', [placed('Book')])
    const store = createStore(recorder, { events, inline: [orders] })
    await store.append('order-1', [placed('Book')])
    expect(await store.state(orders)).toBe(601)
    await bare.append('order-1', [placed('Book')])
    expect(await store.state(orders)).toBe(602)
    await store.append('order-1', [placed('Book')])
    expect(await store.state(orders)).toBe(603)
    const head = await recorder.readRecord('inline/"orders"/1/head')
    expect(head?.position).toBe(603 as Position)
  })

  test('that throws at what was there before says so, and lets nothing be appended', async () => {
    const recorder = memoryRecorder()
    await createStore(recorder, { events }).append('order-1', [placed('Poison')])
    const store = createStore(recorder, { events, inline: [sold] })
    expect(await rejection(store.state(sold, 'Book'))).toMatchObject({ code: 'PROJECTION_FAILED' })
    expect(await rejection(store.append('order-1', [placed()]))).toMatchObject({ code: 'PROJECTION_FAILED' })
    expect(await places(store.readAll())).toEqual(['order-1@1'])
  })

  test('of several stores on one log counts every event once', async () => {
    const recorder = memoryRecorder()
    const stores = [1, 2, 3].map(() => createStore(recorder, { events, inline: [orders, sold] }))
    await Promise.all(Array.from({ length: 30 }, (_, index) => stores[index % 3]!.append('order-1', [placed('Book')])))
    for (const store of stores) expect([await store.state(orders), await store.state(sold, 'Book')]).toEqual([30, 30])
  })

  test('of another version is computed anew', async () => {
    const recorder = memoryRecorder()
    await createStore(recorder, { events, inline: [orders] }).append('order-1', [placed()])
    const double = { ...orders, version: 2, evolve: (count: number) => count + 2 }
    const store = createStore(recorder, { events, inline: [double] })
    expect(await store.state(double)).toBe(2)
  })

  test('is asked for by the projection that the store was given', async () => {
    const store = memoryStore({ events, inline: [orders] })
    expect(await rejection(store.state(sold))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(await rejection(memoryStore({ events }).state(orders))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(() => memoryStore({ events, inline: [orders, orders] })).toThrow('different names')
  })
})
