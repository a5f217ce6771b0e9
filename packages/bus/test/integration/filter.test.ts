import type { TidingsEvent } from '@tidings/events'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { handler, type HandlerContext } from '../../src/index.ts'
import { filter } from '../../src/integration/index.ts'
import { until } from '../support/recording-member.ts'
import { busOf, deadLetters, LineOrdered, OrderPlaced } from './integration-bus.ts'

test('the handler sees what the predicate accepts, and the rest counts as handled', async () => {
  const seen: string[] = []
  const outcomes: string[] = []
  const atHome = filter(
    (event: OrderPlaced) => event.data.country === 'CH',
    (event) => seen.push(event.data.orderId),
  )
  await using bus = await busOf([handler(OrderPlaced, { group: 'home' }, atHome)], {
    observer: { handled: ({ message }) => outcomes.push(String(message.attributes['subject'])) },
  })
  await bus.publish(OrderPlaced, { orderId: '1' })
  await bus.publish(OrderPlaced, { orderId: '2', country: 'DE' })
  await until(() => outcomes.length === 2)
  expect(seen).toEqual(['1'])
  expect(await deadLetters(bus)).toEqual([])
})

test('the name of the handler is kept, so it names the group', () => {
  const ship = (): void => {}
  expect(
    handler(
      OrderPlaced,
      filter(() => true, ship),
    ).group,
  ).toBe('ship')
})

test('a predicate that throws fails the attempt', () => {
  const broken = filter(
    () => {
      throw new Error('broken')
    },
    () => {},
  )
  expect(() => broken(OrderPlaced.create({ orderId: '1' }), {} as HandlerContext)).toThrow('broken')
})

test('what is no function, and a predicate that returns a promise, is refused', () => {
  expect(() => filter(1 as never, () => {})).toThrow('`predicate` must be a function, received 1')
  expect(() => filter(() => true, 1 as never)).toThrow('`handler` must be a function, received 1')
  const event = OrderPlaced.create({ orderId: '1' })
  const promising = filter((async () => false) as never, () => {})
  expect(() => promising(event, {} as HandlerContext)).toThrow('`predicate of filter` must be synchronous')
})

describe('types', () => {
  test('a type predicate narrows what the handler is given', () => {
    const isOrder = (event: TidingsEvent): event is OrderPlaced => event.type === OrderPlaced.type
    handler(
      'shop.**',
      { group: 'g' },
      filter(isOrder, (event) => expectTypeOf(event).toEqualTypeOf<OrderPlaced>()),
    )
  })

  test('a handler of other events does not compile', () => {
    const ofOrders = filter(
      () => true,
      (event: OrderPlaced) => event.data.lines,
    )
    // @ts-expect-error the handler is for another event
    handler(LineOrdered, { group: 'g' }, ofOrders)
  })
})
