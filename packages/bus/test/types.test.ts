import { createCatalog, type DefinedEvent, defineEvent, type EventOf, type InputOf } from '@tidings/events'
import type { StandardSchema, TidingsEvent } from '@tidings/events'
import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { type BatchContext, type Bus, handler, type HandlerContext, type Publish } from '../src/index.ts'

const OrderPlaced = defineEvent(
  'order.placed',
  z.object({
    id: z.string().brand<'OrderId'>(),
    at: z.date().default(new Date(0)),
    count: z.string().transform(Number),
  }),
)
const OrderMoved = defineEvent('order.moved', OrderPlaced.schema)
const OrderShipped = defineEvent('order.shipped', z.object({ id: z.string().brand<'OrderId'>() }))
type OrderPlaced = EventOf<typeof OrderPlaced>
type OrderId = OrderPlaced['data']['id']

// Nothing of this runs: that it compiles is the test. What does not compile, and where, is in scripts/test/told.test.ts.
export function compiles(
  bus: Bus,
  context: HandlerContext,
  batch: BatchContext,
  id: OrderId,
  placed: OrderPlaced,
): void {
  for (const publish of [bus.publish, context.publish]) {
    expectTypeOf(publish).toEqualTypeOf<Publish>()
    // What a publisher gives, and what becomes of it: a default may be left out, a transform takes its input.
    expectTypeOf(publish(OrderPlaced, { id, count: '1' })).resolves.toEqualTypeOf<OrderPlaced>()
    expectTypeOf(publish(OrderPlaced, { id, count: '1' }, { delay: '1s' })).resolves.toEqualTypeOf<OrderPlaced>()
    expectTypeOf(publish(placed)).resolves.toEqualTypeOf<OrderPlaced>()
    expectTypeOf(publish(placed, { delay: '1s' })).resolves.toEqualTypeOf<OrderPlaced>()
    expectTypeOf(publish(placed as TidingsEvent, undefined)).resolves.toEqualTypeOf<TidingsEvent>()
    const shipped = OrderShipped.create({ id })
    const either = Math.random() > 0.5 ? placed : shipped
    expectTypeOf(publish(either)).resolves.toEqualTypeOf<OrderPlaced | typeof shipped>()
    void publish(Math.random() > 0.5 ? OrderPlaced : OrderMoved, { id, count: '1' })
  }
  expectTypeOf(batch.publish(placed, OrderPlaced, { id, count: '1' })).resolves.toEqualTypeOf<OrderPlaced>()

  // Who wraps a bus hands definitions, inputs and events on.
  const send = async <Type extends string, Schema extends StandardSchema>(
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
  ): Promise<EventOf<DefinedEvent<Type, Schema>>> => await bus.publish(definition, input, { delay: '1s' })
  const forward = async <Event extends TidingsEvent>(event: Event): Promise<Event> => await context.publish(event)
  const later = async <Event extends TidingsEvent>(event: Event): Promise<Event> =>
    await context.publish(event, { delay: '1s' })
  expectTypeOf(send(OrderPlaced, { id, count: '1' })).resolves.toEqualTypeOf<OrderPlaced>()
  expectTypeOf(forward(placed)).resolves.toEqualTypeOf<OrderPlaced>()
  expectTypeOf(later(placed)).resolves.toEqualTypeOf<OrderPlaced>()

  // The events of a catalog are told apart by their type.
  handler(createCatalog([OrderPlaced, OrderShipped]).definitions, { group: 'all' }, (event) => {
    if (event.type === 'order.placed') expectTypeOf(event).toEqualTypeOf<OrderPlaced>()
    else expectTypeOf(event.data).toEqualTypeOf<{ readonly id: OrderId }>()
  })
}

test('publish and handlers know the event, as this file shows to the compiler', () => {
  expectTypeOf(compiles).toBeFunction()
})
