import type { Middleware } from '@tidings/bus'
import { testBus, type TestBusOptions } from '@tidings/testing'
import { expect, test } from 'vitest'
import { openBooks } from '../src/books.ts'
import { OrderCancelled, OrderConfirmed, OrderPlaced, PaymentTaken, shopEvents, StockReserved } from '../src/events.ts'
import type { Charge } from '../src/modules/payments.ts'
import { shopOf } from '../src/shop.ts'
import { countingWorld } from './fixtures/counting-world.ts'

const placed = [
  { order: 1, customer: 'Ada', item: 'Teapot', quantity: 2, pence: 3198, card: 'full' },
  { order: 2, customer: 'Alan', item: 'Teapot', quantity: 1, pence: 1599, card: 'empty' },
  { order: 3, customer: 'Tony', item: 'Teapot', quantity: 3, pence: 4797, card: 'full' },
].map((order) => OrderPlaced.create(order))

/** A shop with three teapots, on a bus and in a world of its own. */
async function openedShop(options: TestBusOptions = {}) {
  const world = countingWorld()
  const books = openBooks({ Teapot: 3 })
  const shop = shopOf(world, books)
  const t = await testBus({ ...options, handlers: shop.handlers, definitions: shopEvents })
  return { t, shop, books, ...world, [Symbol.asyncDispose]: () => t.close() }
}

test('one order is paid, one declined and one refused, and figures, mails and stock agree', async () => {
  await using opened = await openedShop()
  const { t, shop, books, mails } = opened
  for (const order of placed) {
    await t.publish(order)
    await t.settled()
  }
  expect(shop.figures).toMatchObject({ placed: 3, paid: 1, cancelled: 2, revenue: 3198 })
  expect(mails).toEqual(['1 Thank you for your order', '2 Your order is cancelled', '3 Your order is cancelled'])
  expect(books.shelves.left.get('Teapot')).toBe(1)
  expect([...books.shelves.reserved.keys()]).toEqual([1])
  expect(shop.trail.size).toBe([...shop.figures.byType.values()].reduce((sum, count) => sum + count))
  expect(await t.deadLetters()).toEqual([])
})

test('an order that comes twice is handled once', async () => {
  await using opened = await openedShop()
  const { t, shop, books, charges } = opened
  for (const order of [placed[0]!, placed[0]!]) {
    await t.publish(order)
    await t.settled()
  }
  expect(shop.figures).toMatchObject({ placed: 1, paid: 1, revenue: 3198 })
  expect(charges).toEqual([3198])
  expect(books.shelves.left.get('Teapot')).toBe(1)
})

test('INVARIANT: what a handler has published goes out, though the broker refuses it at first, and nothing is done twice', async () => {
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
  await using opened = await openedShop({ middleware: [refusing] })
  const { t, books, charges, mails } = opened
  await expect(t.publish(placed[0]!)).rejects.toThrow('broken pipe')
  await t.publish(placed[0]!)
  await t.settled()
  expect(refused).toEqual([OrderPlaced, StockReserved, PaymentTaken, OrderConfirmed].map(({ type }) => type))
  expect(charges).toEqual([3198])
  expect(books.shelves.left.get('Teapot')).toBe(1)
  expect(mails).toEqual(['1 Thank you for your order'])
})

test('an effect knows the event that began its story', async () => {
  await using opened = await openedShop()
  const { t, shop } = opened
  const { id } = await t.publish(placed[1]!)
  await t.settled()
  const [cancelled] = t.published(OrderCancelled)
  expect(cancelled).toMatchObject({ correlationId: id, causationDepth: 3 })
  expect(shop.trail.stories()).toEqual([id])
})

test('a card network that does not answer is asked no more for a while', async () => {
  const world = countingWorld()
  let asked = 0
  const cards = {
    charge: (charge: Charge) => {
      asked++
      return charge.order === 1 ? Promise.reject(new Error('no answer')) : world.cards.charge(charge)
    },
  }
  const { handlers } = shopOf({ ...world, cards }, openBooks({ Teapot: 3 }))
  await using t = await testBus({ handlers, definitions: shopEvents })
  await t.publish(placed[0]!)
  await t.settled()
  const [letter] = await t.deadLetters()
  expect(letter).toMatchObject({ group: 'test.payments', attempts: 5, error: { message: 'no answer' } })
  // The fifth failure has opened the circuit: another order does not reach the network.
  await t.publish(OrderPlaced, placed[1]!.data)
  await t.settled()
  expect(asked).toBe(5)
  expect((await t.deadLetters())[1]?.error?.name).toBe('CircuitOpenError')
})
