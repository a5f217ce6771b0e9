import { expect, test } from 'vitest'
import { handler, type HandlerContext } from '../../src/index.ts'
import { recipient, scatterGather, translator, wireTap } from '../../src/integration/index.ts'
import { quiet, until } from '../support/recording-member.ts'
import {
  atOnce,
  busOf,
  deadLetters,
  FreightOrdered,
  LineOrdered,
  Log,
  OrderPlaced,
  OrderPriced,
  recording,
} from './integration-bus.ts'

test('the tap sees each event, at every attempt', async () => {
  const seen: string[] = []
  let failures = 2
  const bill = (): void => {
    if (failures-- > 0) throw new Error('not yet')
  }
  const tapped = wireTap((event: OrderPlaced, { attempt }) => seen.push(`${event.data.orderId}/${attempt}`), bill)
  await using bus = await busOf([handler(OrderPlaced, { group: 'billing', retry: atOnce }, tapped)])
  await bus.publish(OrderPlaced, { orderId: '1' })
  await until(() => seen.length === 3)
  expect(seen).toEqual(['1/1', '1/2', '1/3'])
})

test('INVARIANT: a tap that throws, rejects or never ends fails and delays nothing', async () => {
  const log = new Log()
  const handled: string[] = []
  const taps = [
    () => {
      throw new Error('thrown')
    },
    () => Promise.reject(new Error('rejected')),
    () => new Promise<never>(() => {}),
  ]
  const handlers = taps.map((tap, index) =>
    handler(
      OrderPlaced,
      { group: `group-${index}` },
      wireTap(tap, (event: OrderPlaced) => handled.push(`${index} ${event.data.orderId}`)),
    ),
  )
  await using bus = await busOf(handlers, { log })
  for (const orderId of ['1', '2']) await bus.publish(OrderPlaced, { orderId })
  await until(() => handled.length === 6)
  expect(await deadLetters(bus)).toEqual([])
  expect(log.lines).toEqual(Array.from({ length: 4 }, () => 'error: a wire tap failed'))
  expect(log.facts[0]).toMatchObject({ type: 'shop.order.placed', group: 'shop.group-0' })
})

test('the tap is called when the handler has begun, and sees events whose handler fails', async () => {
  const calls: string[] = []
  const tapped = wireTap(
    () => calls.push('tap'),
    () => {
      calls.push('handler')
      throw new Error('failed')
    },
  )
  const log = new Log()
  expect(() => tapped(OrderPlaced.create({ orderId: '1' }), { log } as never)).toThrow('failed')
  expect(calls).toEqual(['handler', 'tap'])
})

test('beyond `max` calls under way events pass untapped, and the log says how many', async () => {
  const log = new Log()
  const open: (() => void)[] = []
  let handled = 0
  const tapped = wireTap(
    () => new Promise<void>((resolve) => open.push(resolve)),
    () => handled++,
    { max: 2 },
  )
  const event = OrderPlaced.create({ orderId: '1' })
  const context = { log } as unknown as HandlerContext
  for (let i = 0; i < 5; i++) void tapped(event, context)
  expect([handled, open.length]).toEqual([5, 2])
  for (const end of open) end()
  await quiet()
  void tapped(event, context)
  expect(open.length).toBe(3)
  expect(log.lines).toEqual(['warn: a wire tap is behind, and misses events', 'warn: a wire tap sees events again'])
  expect(log.facts).toEqual([{ max: 2 }, { missed: 3 }])
})

test('a log that throws ends nothing either', async () => {
  const log = {
    error: () => {
      throw new Error('no log')
    },
  }
  let handled = 0
  const tapped = wireTap(
    () => Promise.reject(new Error('rejected')),
    () => handled++,
  )
  void tapped(OrderPlaced.create({ orderId: '1' }), { log } as never)
  await quiet()
  expect(handled).toBe(1)
})

test('a tap can publish, and cannot answer in place of the handler', async () => {
  const freight: unknown[] = []
  const copy = translator(FreightOrdered, ({ data }: OrderPlaced) => ({ orderId: data.orderId }))
  const answers = handler(
    OrderPlaced,
    { group: 'answers' },
    wireTap(
      async (event, context) => {
        await context.reply(OrderPriced, { orderId: 'tap', items: [], total: 0 })
        await copy(event, context)
      },
      async (event: OrderPlaced, { reply }) => {
        await quiet(5)
        await reply(OrderPriced, { orderId: event.data.orderId, items: [], total: 1 })
      },
    ),
  )
  await using bus = await busOf([answers, recording(freight, FreightOrdered)])
  const reply = await bus.request(OrderPlaced, { orderId: '7' }, { reply: OrderPriced })
  expect(reply.data.orderId).toBe('7')
  await until(() => freight.length === 1)
})

test('the name of the handler is kept, and what makes no sense is refused', () => {
  const bill = (): void => {}
  expect(
    handler(
      OrderPlaced,
      wireTap(() => {}, bill),
    ).group,
  ).toBe('bill')
  expect(() => wireTap(1 as never, bill)).toThrow('`tap` must be a function, received 1')
  expect(() => wireTap(bill, 1 as never)).toThrow('`handler` must be a function, received 1')
  expect(() => wireTap(bill, bill, { max: 0 })).toThrow('`max` must be a whole number from 1 on, received 0')
  expect(() => wireTap(bill, bill, { size: 1 } as never)).toThrow('`size` is no option of wireTap')
})

test('types: tap and handler are for the same events', () => {
  const ofOrders = wireTap(
    (event: OrderPlaced) => event.data.lines,
    () => {},
  )
  // @ts-expect-error the tap is for another event
  handler(LineOrdered, { group: 'g' }, ofOrders)
  // A tap asks whom it likes.
  const ask = recipient(LineOrdered, ({ data }: OrderPlaced) => ({ ...data, item: '', price: 0 }), OrderPriced)
  const asking = scatterGather({ to: { ask } }, () => {})
  handler(
    OrderPlaced,
    { group: 'g' },
    wireTap(asking, () => {}),
  )
})
