import { expectTypeOf, test } from 'vitest'
import { AsyncEventDispatcher, EventDispatcher, type EventDefinition, eventType, type PayloadOf } from '../src/index.ts'

interface ShopEvents {
  'order.placed': { item: string; quantity: number }
  'order.shipped': { orderId: number }
  'order.item.lost': { sku: string }
  tick: undefined
}

interface Placed {
  readonly type: 'shop.placed'
  readonly data: { item: string }
}
interface Options {
  id?: string
}

const Placed: EventDefinition<'shop.placed', Placed, { item: string }, Options> = {
  type: 'shop.placed',
  create: (input) => ({ type: 'shop.placed', data: input }),
}
const Plain = eventType<{ size: number }>()('plain')

const sync = new EventDispatcher<ShopEvents>()
const background = new AsyncEventDispatcher<ShopEvents>()

// Nothing of this runs: that it compiles, and that what is marked does not, is the test.
export function compiles(): void {
  expectTypeOf(sync.publish('order.placed', { item: 'Book', quantity: 1 })).toEqualTypeOf<number>()
  expectTypeOf(background.publish('order.placed', { item: 'Book', quantity: 1 })).toEqualTypeOf<Promise<number>>()
  sync.publish('tick')
  sync.publish('tick', undefined)

  // @ts-expect-error an unknown type
  sync.publish('order.plcd', { item: 'Book', quantity: 1 })
  // @ts-expect-error a wrong payload
  sync.publish('order.placed', { item: 'Book', quantity: 'one' })
  // @ts-expect-error a missing payload
  sync.publish('order.placed')
  // @ts-expect-error a pattern
  sync.publish('order.*', { orderId: 1 })
  // @ts-expect-error a pattern, asynchronously too
  void background.publish('**', { orderId: 1 })

  sync.subscribe('order.placed', (order, type) => {
    expectTypeOf(order).toEqualTypeOf<{ item: string; quantity: number }>()
    expectTypeOf(type).toEqualTypeOf<'order.placed'>()
  })
  sync.subscribe('order.*', (order, type) => {
    expectTypeOf(order).toEqualTypeOf<{ item: string; quantity: number } | { orderId: number }>()
    expectTypeOf(type).toEqualTypeOf<'order.placed' | 'order.shipped'>()
  })
  sync.subscribe('order.**', (_order, type) => {
    expectTypeOf(type).toEqualTypeOf<'order.placed' | 'order.shipped' | 'order.item.lost'>()
  })
  sync.subscribe('**.lost', (lost) => expectTypeOf(lost).toEqualTypeOf<{ sku: string }>())
  sync.subscribe('**', (_event, type) => expectTypeOf(type).toEqualTypeOf<keyof ShopEvents>())
  // @ts-expect-error an unknown type
  sync.subscribe('order.plcd', () => {})
  // @ts-expect-error a pattern that nothing matches
  sync.subscribe('invoice.*', () => {})
  // @ts-expect-error a handler for another payload
  sync.subscribe('order.placed', (order: { orderId: number }) => order)
  // @ts-expect-error an unknown option
  sync.subscribe('order.placed', () => {}, { onse: true })

  sync.subscribe(Placed, (event, type) => {
    expectTypeOf(event).toEqualTypeOf<Placed>()
    expectTypeOf(type).toEqualTypeOf<'shop.placed'>()
  })
  sync.publish(Placed, { item: 'Book' })
  sync.publish(Placed, { item: 'Book' }, { id: '1' })
  // @ts-expect-error a wrong input
  sync.publish(Placed, { item: 1 })
  // @ts-expect-error a wrong option of create
  sync.publish(Placed, { item: 'Book' }, { id: 1 })
  // @ts-expect-error a definition without its input
  sync.publish(Placed)
  // @ts-expect-error a handler for another event
  sync.subscribe(Placed, (event: { data: number }) => event)
  sync.publish({ type: 'shop.placed', data: { item: 'Book' } })

  sync.publish(Plain, { size: 1 })
  // @ts-expect-error a wrong payload
  sync.publish(Plain, { size: 'L' })
  expectTypeOf<PayloadOf<typeof Plain>>().toEqualTypeOf<{ size: number }>()

  const topic = sync.topic('order.placed')
  expectTypeOf(topic.publish({ item: 'Book', quantity: 1 })).toEqualTypeOf<number>()
  // @ts-expect-error a wrong payload
  topic.publish({ item: 1 })
  topic.subscribe((order) => expectTypeOf(order.item).toEqualTypeOf<string>())
  // @ts-expect-error a topic is one type
  sync.topic('order.*')
  expectTypeOf(background.topic(Placed).publish({ item: 'Book' }, { id: '1' })).toEqualTypeOf<Promise<number>>()
  // @ts-expect-error a wrong input
  void background.topic(Placed).publish({ item: 1 })

  const orders = background.events('order.*', { buffer: 10, overflow: 'wait' })
  expectTypeOf(orders.next()).resolves.toEqualTypeOf<
    IteratorResult<ShopEvents['order.placed'] | ShopEvents['order.shipped'], undefined>
  >()
  // @ts-expect-error an unknown policy
  background.events('order.*', { overflow: 'block' })
  // @ts-expect-error options of the asynchronous dispatcher alone
  void new EventDispatcher({ concurrency: 1 })
  // @ts-expect-error a misspelt policy
  void new EventDispatcher({ errors: 'thrw' })

  // An event or a definition of a type that the map knows must be what the map says.
  sync.publish({ type: 'order.placed', item: 'Book', quantity: 1 })
  // @ts-expect-error another event
  sync.publish({ type: 'order.placed', whatever: 1 })
  const Another = eventType<{ sku: string }>()('order.placed')
  // @ts-expect-error another payload
  sync.publish(Another, { sku: 'B1' })

  // Who wraps a dispatcher hands keys and payloads on.
  const forward = <K extends keyof ShopEvents>(type: K, payload: ShopEvents[K]): number => sync.publish(type, payload)
  const listen = <K extends keyof ShopEvents>(type: K, handler: (payload: ShopEvents[K]) => void): unknown =>
    background.subscribe(type, handler)
  expectTypeOf(forward).returns.toEqualTypeOf<number>()
  expectTypeOf(listen).returns.toBeUnknown()
  const send = <D extends { readonly type: string; create(input: never): unknown }>(
    definition: D,
    input: Parameters<D['create']>[0],
  ): number => new EventDispatcher().publish(definition, input)
  const Made = { type: 'made', create: (input: { item: string }) => input }
  expectTypeOf(send(Made, { item: 'Book' })).toEqualTypeOf<number>()
  const again = <Event extends { readonly type: string; readonly id: string }>(event: Event): number =>
    new EventDispatcher().publish(event)
  expectTypeOf(again({ type: 'made', id: '1' })).toEqualTypeOf<number>()
  // Either kind of dispatcher, too.
  const tick = (either: typeof sync | typeof background): number | Promise<number> => either.publish('tick')
  expectTypeOf(tick).returns.toEqualTypeOf<number | Promise<number>>()

  const open = new EventDispatcher()
  open.publish('anything', 1)
  open.subscribe('anything', (payload) => expectTypeOf(payload).toEqualTypeOf<unknown>())
  // @ts-expect-error a pattern, without a map too
  open.publish('any.*', 1)
}

test('misuse does not compile, as the marked lines of this file show to the compiler', () => {
  expectTypeOf(compiles).toBeFunction()
})
