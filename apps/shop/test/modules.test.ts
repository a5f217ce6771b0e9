import type { Middleware } from '@tidings/bus'
import { execute, load, memoryStore, runProcess, runProjection, runSubscription, waitFor } from '@tidings/store'
import { testBus, type TestBusOptions } from '@tidings/testing'
import { expect, test } from 'vitest'
import {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  orderStream,
  PaymentDeclined,
  PaymentTaken,
  recordedEvents,
  shelfStream,
  shopEvents,
  StockReserved,
} from '../src/events.ts'
import { type Booking, memoryLedger } from '../src/ledger.ts'
import { revenue } from '../src/modules/analytics.ts'
import { fulfilment } from '../src/modules/fulfilment.ts'
import { shelf, stock } from '../src/modules/inventory.ts'
import { order } from '../src/modules/orders.ts'
import type { Charge } from '../src/modules/payments.ts'
import { shopOf, type World } from '../src/shop.ts'
import { countingWorld } from './fixtures/counting-world.ts'

const wishes = [
  { order: 1, customer: 'Ada', item: 'Teapot', quantity: 2, pence: 3198, card: 'full' },
  { order: 2, customer: 'Alan', item: 'Teapot', quantity: 1, pence: 1599, card: 'empty' },
  { order: 3, customer: 'Tony', item: 'Teapot', quantity: 3, pence: 4797, card: 'full' },
]

/** A shop with three teapots, on a bus and in a world of its own. */
async function openedShop(options: TestBusOptions = {}, change: (world: World) => Partial<World> = () => ({})) {
  const world = countingWorld()
  const bookings: Booking[] = []
  const store = memoryStore({ events: recordedEvents })
  const shop = shopOf({ ...world, ...change(world) }, { store, ledger: memoryLedger(bookings) })
  const t = await testBus({ ...options, handlers: shop.handlers, definitions: shopEvents })
  const carrier = await runSubscription(store, 'bus', { retry: { delay: '1ms' }, failed: () => {} }, ({ event }) =>
    t.publish(event),
  )
  const process = await runProcess(store, fulfilment, { clock: t.clock })
  await execute(store, shelf, shelfStream('Teapot'), {
    type: 'receive',
    delivery: 'first',
    item: 'Teapot',
    quantity: 3,
  })
  return {
    ...world,
    t,
    store,
    process,
    bookings,
    async place(number: number, change: { heldFor?: number } = {}): Promise<string | undefined> {
      const command = { type: 'place', placed: { ...wishes[number - 1]!, ...change } } as const
      return (await execute(store, order, orderStream(number), command)).events[0]?.id
    },
    /** Until nothing follows from what has happened. */
    async settled(): Promise<void> {
      for (let end = await store.end(), before; end !== before; end = await store.end()) {
        before = end
        await waitFor(process, end)
        await waitFor(carrier, end)
        await t.settled()
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([process.stop(), carrier.stop()])
      await t.close()
    },
  }
}

test('one order is paid, one declined and one refused, and figures, ledger, mails and stock agree', async () => {
  await using opened = await openedShop()
  const { t, store, mails, bookings } = opened
  for (const number of [1, 2, 3]) {
    await opened.place(number)
    await opened.settled()
  }
  await using figures = await runProjection(store, revenue)
  await using shelves = await runProjection(store, stock)
  await waitFor(figures, await store.end())
  await waitFor(shelves, await store.end())
  expect(await figures.get()).toEqual({ placed: 3, paid: 1, cancelled: 2, revenue: 3198 })
  expect(await shelves.get('Teapot')).toEqual({ left: 1, held: 2 })
  expect(mails).toEqual(['1 Thank you for your order', '2 Your order is cancelled', '3 Your order is cancelled'])
  expect(bookings.map(({ order: of, pence }) => [of, pence])).toEqual([
    [1, 3198],
    [2, 0],
  ])
  expect((await load(store, shelf, shelfStream('Teapot'))).state.held).toEqual({ 1: 2, 2: 0, 3: 0 })
  expect(await t.deadLetters()).toEqual([])
  for await (const instance of opened.process.instances()) expect(instance).toBeUndefined()
})

test('an order that comes twice is placed once', async () => {
  await using opened = await openedShop()
  expect(await opened.place(1)).toBeDefined()
  expect(await opened.place(1)).toBeUndefined()
  await opened.settled()
  expect(opened.charges).toEqual([3198])
  expect((await load(opened.store, shelf, shelfStream('Teapot'))).state.left).toBe(1)
})

test('what is not paid in time is cancelled and put back, and money that comes then goes back, once', async () => {
  let answer!: () => void
  const asked = new Promise<void>((resolve) => (answer = resolve))
  const slowly = ({ cards }: World): Partial<World> => ({
    cards: { ...cards, charge: (charge: Charge) => asked.then(() => cards.charge(charge)) },
  })
  await using opened = await openedShop({}, slowly)
  const { t, store, mails, charges, bookings } = opened
  await opened.place(1, { heldFor: 1000 })
  const held = async (): Promise<number | undefined> => (await load(store, shelf, shelfStream('Teapot'))).state.held[1]
  await expect.poll(held).toBe(2)
  // Longer than the goods are held, shorter than the network may take.
  await t.clock.advance(1001)
  await expect.poll(held).toBe(0)
  answer()
  await opened.settled()
  expect(charges).toEqual([3198, -3198])
  await t.publish(PaymentTaken, { order: 1, pence: 3198 })
  await opened.settled()
  expect(charges).toEqual([3198, -3198])
  expect(bookings.reduce((sum, { pence }) => sum + pence, 0)).toBe(0)
  expect(mails).toEqual(['1 Your order is cancelled'])
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
  await opened.place(1)
  await opened.settled()
  expect(refused).toEqual(
    expect.arrayContaining([OrderPlaced, StockReserved, PaymentTaken, OrderConfirmed].map(({ type }) => type)),
  )
  expect(opened.charges).toEqual([3198])
  expect((await load(opened.store, shelf, shelfStream('Teapot'))).state.left).toBe(1)
  expect(opened.mails).toEqual(['1 Thank you for your order'])
})

test('an effect knows the event that began its story', async () => {
  await using opened = await openedShop()
  const id = await opened.place(2)
  await opened.settled()
  expect(opened.t.published(PaymentDeclined)[0]).toMatchObject({ correlationId: id, causationDepth: 2 })
  expect(opened.t.published(OrderCancelled)[0]).toMatchObject({ correlationId: id, causationDepth: 3 })
})

test('a card network that does not answer is asked no more for a while', async () => {
  let asked = 0
  const failing = ({ cards }: World): Partial<World> => ({
    cards: {
      ...cards,
      charge(charge: Charge) {
        asked++
        return charge.order === 1 ? Promise.reject(new Error('no answer')) : cards.charge(charge)
      },
    },
  })
  await using opened = await openedShop({}, failing)
  const { t } = opened
  await opened.place(1)
  await opened.settled()
  const [letter] = await t.deadLetters()
  expect(letter).toMatchObject({ group: 'test.payments', attempts: 5, error: { message: 'no answer' } })
  // The fifth failure has opened the circuit: another order does not reach the network.
  await opened.place(2)
  await opened.settled()
  expect(asked).toBe(5)
  expect((await t.deadLetters())[1]?.error?.name).toBe('CircuitOpenError')
})
