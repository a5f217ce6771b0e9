import type { Middleware } from '@tidings/bus'
import { AsyncEventDispatcher } from '@tidings/core'
import { testBus } from '@tidings/testing'
import { expect, test } from 'vitest'
import { openBooks } from '../src/books.ts'
import { memoryJournal } from '../src/carriers/journal.ts'
import { onBus } from '../src/carriers/on-bus.ts'
import { onDispatcher } from '../src/carriers/on-dispatcher.ts'
import { OrderCancelled, OrderConfirmed, OrderPlaced, PaymentTaken, shopEvents, StockReserved } from '../src/events.ts'
import type { Events } from '../src/modules/module.ts'
import { openShop } from '../src/shop.ts'
import { countingWorld, quiet } from './fixtures/quiet.ts'

const stock = { Teapot: 3 }
const placed = [
  { order: 1, customer: 'Ada', item: 'Teapot', quantity: 2, pence: 3198, card: 'full' },
  { order: 2, customer: 'Alan', item: 'Teapot', quantity: 1, pence: 1599, card: 'empty' },
  { order: 3, customer: 'Tony', item: 'Teapot', quantity: 3, pence: 4797, card: 'full' },
].map((order) => OrderPlaced.create(order))

/** A shop whose modules are on these events, in a world of its own. */
function shopOn(events: Events, books = openBooks(stock)) {
  const world = countingWorld()
  return { ...openShop({ events, narrator: quiet }, world, books), ...world, books }
}

test('the same modules run on a dispatcher and on a bus, with the same figures, mails and stock', async () => {
  await using dispatcher = new AsyncEventDispatcher()
  const inProcess = shopOn(onDispatcher(dispatcher))
  const events = onBus(memoryJournal())
  const delivered = shopOn(events)
  await using t = await testBus({ handlers: events.handlers, definitions: shopEvents })
  for (const order of placed) {
    await dispatcher.publish(order)
    await dispatcher.drain()
    await t.publish(order)
    await t.settled()
  }
  expect(delivered.figures).toEqual(inProcess.figures)
  expect(delivered.mails).toEqual(inProcess.mails)
  expect(delivered.books.shelves).toEqual(inProcess.books.shelves)
  expect(delivered.trail.size).toBe(inProcess.trail.size)
  expect(delivered.figures).toMatchObject({ placed: 3, paid: 1, cancelled: 2, revenue: 3198 })
  expect(await t.deadLetters()).toEqual([])
})

test.for(['dispatcher', 'bus'] as const)('an order that comes twice is handled once on a %s', async (kind) => {
  await using dispatcher = new AsyncEventDispatcher()
  const onto = onBus(memoryJournal())
  const shop = shopOn(kind === 'bus' ? onto : onDispatcher(dispatcher))
  await using t = await testBus({ handlers: onto.handlers, definitions: shopEvents })
  for (const order of [placed[0]!, placed[0]!]) {
    await (kind === 'bus' ? t.publish(order) : dispatcher.publish(order))
    await (kind === 'bus' ? t.settled() : dispatcher.drain())
  }
  expect(shop.figures).toMatchObject({ placed: 1, paid: 1, revenue: 3198 })
  expect(shop.charges).toEqual([3198])
  expect(shop.books.shelves.left.get('Teapot')).toBe(1)
})

test('INVARIANT: what a handler has published goes out, though the broker refuses it at first, and the handler is called once', async () => {
  const refused: string[] = []
  const refusing: Middleware = {
    name: 'refuses the first of each type',
    publish(message, next) {
      const type = String(message.attributes['type'])
      if (refused.includes(type)) return next(message)
      refused.push(type)
      return Promise.reject(new Error('broken pipe'))
    },
  }
  const events = onBus(memoryJournal())
  const shop = shopOn(events)
  await using t = await testBus({ handlers: events.handlers, definitions: shopEvents, middleware: [refusing] })
  await expect(t.publish(placed[0]!)).rejects.toThrow('broken pipe')
  await t.publish(placed[0]!)
  await t.settled()
  expect(refused).toEqual([OrderPlaced, StockReserved, PaymentTaken, OrderConfirmed].map(({ type }) => type))
  expect(shop.charges).toEqual([3198])
  expect(shop.books.shelves.left.get('Teapot')).toBe(1)
  expect(shop.mails).toEqual(['1 Thank you for your order'])
})

test('an effect has an id made of that of its cause', async () => {
  const events = onBus(memoryJournal())
  shopOn(events)
  await using t = await testBus({ handlers: events.handlers, definitions: shopEvents })
  const { id } = await t.publish(placed[1]!)
  await t.settled()
  const [cancelled] = t.published(OrderCancelled)
  expect(cancelled).toMatchObject({
    id: `${id}/test.inventory/1/test.payments/1/test.orders/1`,
    correlationId: id,
    causationDepth: 3,
  })
})

test('on a bus modules publish in their handlers only', async () => {
  const events = onBus(memoryJournal())
  await expect(events.publish(OrderConfirmed, { order: 1 })).rejects.toThrow(
    'shop.order.confirmed is published by no handler: use the bus',
  )
})

test('a handler that is unsubscribed before the bus takes it is none of its handlers', () => {
  const events = onBus(memoryJournal())
  const unsubscribe = events.subscribe(OrderConfirmed, function thank() {}) as () => void
  events.subscribe(OrderCancelled, function regret() {}, { group: 'mail' })
  unsubscribe()
  expect(events.handlers.map(({ group, name }) => [group, name])).toEqual([['mail', 'regret']])
})
