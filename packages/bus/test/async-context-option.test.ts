import { causedBy, defineEvent, type TidingsEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Bus, createBus, handler, memory } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

const PriceAsked = defineEvent('shop.price.asked', z.object({ item: z.string() }))
const PriceQuoted = defineEvent('shop.price.quoted', z.object({ pence: z.int() }))

/** A bus on which an order asks for a price and is paid, by code that has the bus and no context. */
async function shop(asyncContext?: boolean) {
  const asked: TidingsEvent[] = []
  const paid: TidingsEvent[] = []
  let bus: Bus
  /** Two layers below the handler, and after an await. */
  const priceOf = async (item: string): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    await bus.request(PriceAsked, { item }, { reply: PriceQuoted })
  }
  const tested = await testedBus({
    asyncContext,
    carry: ['tenant'],
    handlers: [
      handler(PriceAsked, { group: 'prices' }, async (event, { reply }) => {
        asked.push(event)
        await reply(PriceQuoted, { pence: 5 })
      }),
      handler(OrderPlaced, { group: 'billing' }, async ({ data }) => {
        await priceOf(data.item)
        await bus.publish(PaymentTaken, { order: data.order })
      }),
      handler(PaymentTaken, { group: 'ledger' }, (event) => void paid.push(event)),
    ],
  })
  bus = tested.bus
  return { tested, bus, asked, paid }
}

describe('with `asyncContext`', () => {
  test('what a handler asks for and publishes on the bus itself is caused by its event', async () => {
    const { tested, bus, asked, paid } = await shop(true)
    const order = await bus.publish(OrderPlaced, { order: 1 }, { extensions: { tenant: 'acme' } })
    await quiet()
    for (const [event] of [asked, paid]) {
      expect(event).toMatchObject({ ...causedBy(order), extensions: { tenant: 'acme' } })
    }
    await tested.bus.close()
  })

  test('two handlers that run at once are told apart, and what is published outside of one is a root', async () => {
    const { tested, bus, asked } = await shop(true)
    const orders = await Promise.all([1, 2, 3].map((order) => bus.publish(OrderPlaced, { order })))
    await quiet()
    expect(new Set(asked.map(({ causationId }) => causationId))).toEqual(new Set(orders.map(({ id }) => id)))
    const root = await bus.publish(ShelfScanned, { shelf: 1 })
    expect(root).toMatchObject({ causationId: undefined, causationDepth: 0 })
    await tested.bus.close()
  })

  test('a batch is caused by no single event', async () => {
    const published: TidingsEvent[] = []
    let bus: Bus
    await using tested = await testedBus({
      asyncContext: true,
      handlers: [
        handler(OrderPlaced, { group: 'billing', batch: { size: 2, wait: 5 } }, async (orders) => {
          published.push(await bus.publish(ShelfScanned, { shelf: orders.length }))
        }),
      ],
    })
    bus = tested.bus
    await bus.publish(OrderPlaced, { order: 1 })
    await bus.publish(OrderPlaced, { order: 2 })
    await quiet()
    expect(published).toHaveLength(1)
    expect(published[0]).toMatchObject({ causationId: undefined, causationDepth: 0 })
  })
})

test('without it they are roots, unless `causedBy` says otherwise', async () => {
  const { tested, bus, asked, paid } = await shop()
  const order = await bus.publish(OrderPlaced, { order: 1 })
  await quiet()
  for (const [event] of [asked, paid]) expect(event).toMatchObject({ causationId: undefined, causationDepth: 0 })
  await bus.request(PriceAsked, { item: 'Book' }, { reply: PriceQuoted, ...causedBy(order) })
  expect(asked[1]).toMatchObject(causedBy(order))
  await tested.bus.close()
})

test('a value that is no boolean is refused, and so is a runtime that cannot tell', async () => {
  const options = { source: '/shop', transport: memory(), log: false } as const
  await expect(createBus({ ...options, asyncContext: 'yes' as never })).rejects.toThrow(
    /`asyncContext` must be true or/,
  )
  const { getBuiltinModule } = process
  process.getBuiltinModule = () => undefined
  try {
    await expect(createBus({ ...options, asyncContext: true })).rejects.toThrow(/has no AsyncLocalStorage/)
  } finally {
    process.getBuiltinModule = getBuiltinModule
  }
})
