import { eventType } from '@tidings/core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  type Cancellable,
  circuitBreaker,
  compose,
  debounce,
  filtered,
  type Flushable,
  idempotent,
  limit,
  logged,
  memoryInbox,
  on,
  once,
  partial,
  resequenced,
  retry,
  type SignalContext,
  timeout,
  typedOn,
  unwrap,
} from '../src/index.ts'

interface Order {
  id: string
  source: string
  sequence: number
  quantity: number
}
interface LargeOrder extends Order {
  approvedBy: string
}

const OrderPlaced = eventType<Order>()('shop.order.placed')
const reserve = async (order: Order) => order.quantity
const count = (order: Order, _type: string) => order.quantity
const isLarge = (order: Order): order is LargeOrder => 'approvedBy' in order

// Nothing here runs: the compiler is the test. The one test below keeps the file from being empty for the runner.
function functions(): void {
  // The type is kept.
  expectTypeOf(logged()(reserve)).toEqualTypeOf(reserve)
  expectTypeOf(logged()(count)).toEqualTypeOf(count)

  // The result becomes a promise; arguments stay.
  for (const wrapped of [retry()(count), limit(2)(count), circuitBreaker()(count), timeout(1)(count)]) {
    expectTypeOf(wrapped).parameters.toEqualTypeOf<[order: Order, _type: string]>()
    expectTypeOf(wrapped).returns.toEqualTypeOf<Promise<number>>()
  }
  expectTypeOf(retry()(reserve)).returns.toEqualTypeOf<Promise<number>>()
  for (const wrapped of [debounce(1)(count), idempotent()(count), resequenced()(count)]) {
    expectTypeOf(wrapped).returns.toEqualTypeOf<Promise<number | undefined>>()
  }

  // What may be left out says so, and stays sync.
  expectTypeOf(once()(count)).returns.toEqualTypeOf<number | undefined>()
  expectTypeOf(once()(reserve)).returns.toEqualTypeOf<Promise<number> | Promise<number | undefined> | undefined>()

  // Controls where there is something to control, through outer layers too.
  expectTypeOf(retry()(count)).toExtend<Cancellable>()
  expectTypeOf(debounce(1)(count)).toExtend<Flushable>()
  expectTypeOf(timeout(1)(logged()(debounce(1)(count)))).toExtend<Flushable>()
  // @ts-expect-error -- nothing waits in a timeout
  void timeout(1)(count).cancel
  // @ts-expect-error -- a retry cannot be flushed
  void retry()(count).flush

  // `this` is kept.
  const method = function (this: { stock: number }, order: Order) {
    return this.stock - order.quantity
  }
  expectTypeOf(retry()(method)).thisParameter.toEqualTypeOf<{ stock: number }>()

  // The original comes back with its own type.
  expectTypeOf(unwrap(retry()(logged()(count)))).toEqualTypeOf(count)
  expectTypeOf(unwrap(count)).toEqualTypeOf(count)

  // @ts-expect-error -- a wrong payload type
  void retry()(reserve)({ quantity: '3' })
  // @ts-expect-error -- the payload is not optional
  void logged()(reserve)()
  // @ts-expect-error -- not a function
  retry()('reserve')
  // @ts-expect-error -- no such option
  retry({ atempts: 3 })
  // @ts-expect-error -- not a duration
  timeout('5 seconds')
}

function predicates(): void {
  // A type guard widens what the wrapper takes to what the predicate takes.
  const inspect = filtered(isLarge)((order: LargeOrder) => order.approvedBy)
  expectTypeOf(inspect).parameters.toEqualTypeOf<[event: Order]>()
  expectTypeOf(inspect).returns.toEqualTypeOf<string | undefined>()
  expectTypeOf(unwrap(inspect)).parameters.toEqualTypeOf<[order: LargeOrder]>()
  expectTypeOf(filtered(isLarge)((order: LargeOrder, type: string) => [order, type])).parameters.toEqualTypeOf<
    [event: Order, type: string]
  >()
  // What is written in place gets its types from the predicate.
  expectTypeOf(filtered(isLarge)((order) => order.approvedBy)).returns.toEqualTypeOf<string | undefined>()
  expectTypeOf(compose(logged(), filtered(isLarge))((order) => order.approvedBy)).returns.toEqualTypeOf<
    string | undefined
  >()
  // @ts-expect-error -- the guard lets through what the handler does not take
  filtered(isLarge)((order: { total: number }) => order.total)
  // @ts-expect-error -- without a guard the handler must take all that the predicate takes
  filtered((order: Order) => order.quantity > 1)((order: LargeOrder) => order.approvedBy)
  // @ts-expect-error -- a promise is no verdict
  filtered(async (order: Order) => order.quantity > 1)
}

function signals(): void {
  const load = timeout('1s')((id: string, { signal }: SignalContext) => fetch(id, { signal }))
  expectTypeOf(load).parameters.toEqualTypeOf<[id: string, context?: SignalContext]>()
  expectTypeOf(load).returns.toEqualTypeOf<Promise<Response>>()

  // A context that holds more must be given: a timeout could not make it up.
  interface BusContext extends SignalContext {
    attempt: number
  }
  const onBus = timeout('1s')((order: Order, context: BusContext) => [order, context.attempt])
  expectTypeOf(onBus).parameters.toEqualTypeOf<[order: Order, context: BusContext]>()

  // Another optional argument would be taken for the signal's place, so that it must be given.
  const page = timeout('1s')((from: number, size?: number) => [from, size])
  // @ts-expect-error -- see above
  void page(1)
  void page(1, 10)
}

function events(): void {
  // @ts-expect-error -- no id
  idempotent()((order: { quantity: number }) => order.quantity)
  expectTypeOf(
    idempotent({ key: (order: { number: number }) => String(order.number) })(
      (order: { number: number }) => order.number,
    ),
  ).returns.toEqualTypeOf<Promise<number | undefined>>()
  void idempotent({ store: memoryInbox() })
  // @ts-expect-error -- a set of keys is no inbox
  void idempotent({ store: new Set<string>() })
  // @ts-expect-error -- no source
  resequenced()((order: { id: string; sequence: number }) => order.id)
}

function composition(): void {
  expectTypeOf(compose(logged(), retry(), timeout(1))(count)).returns.toEqualTypeOf<Promise<number>>()
  expectTypeOf(compose(logged(), debounce(1), retry())(count)).toExtend<Flushable>()
  expectTypeOf(compose(logged(), logged())(count)).toEqualTypeOf(count)
  expectTypeOf(compose()(count)).toEqualTypeOf(count)
  const inspect = compose(retry(), filtered(isLarge))((order: LargeOrder) => order.approvedBy)
  expectTypeOf(inspect).parameters.toEqualTypeOf<[event: Order]>()
  expectTypeOf(inspect).returns.toEqualTypeOf<Promise<string | undefined>>()
  // @ts-expect-error -- checked at each layer: no id
  compose(logged(), idempotent())((order: { quantity: number }) => order.quantity)
  // @ts-expect-error -- at an outer one too
  compose(idempotent(), logged())((order: { quantity: number }) => order.quantity)
  // @ts-expect-error -- the factory, not a decorator
  compose(logged)(count)
}

function partials(): void {
  const add = (ledger: number[], note: string, order: Order) => [ledger, note, order]
  expectTypeOf(partial(add, [1])).parameters.toEqualTypeOf<[note: string, order: Order]>()
  expectTypeOf(partial(add, [1], 'note')).parameters.toEqualTypeOf<[order: Order]>()
  expectTypeOf(partial(add, [1], 'note')).returns.toEqualTypeOf<(string | number[] | Order)[]>()
  // @ts-expect-error -- a wrong leading argument
  partial(add, 'note')
}

function classes(): void {
  interface Shop {
    'order.placed': Order
    'order.shipped': { orderId: number }
    'user.created': { name: string }
  }
  const onShop = typedOn<Shop>()
  // @ts-expect-error -- no such type
  onShop('order.lost')
  // @ts-expect-error -- no type matches
  onShop('stock.*')

  class Warehouse {
    @on(OrderPlaced) @logged() @retry() @timeout('5s') async reserve(_order: Order): Promise<void> {}
    @on(OrderPlaced) none(): void {}
    @on(OrderPlaced) wider(_order: { quantity: number }): void {}
    @on(OrderPlaced) withType(_order: Order, _type: string): void {}
    @on(OrderPlaced) withContext(_order: Order, _context: SignalContext): void {}
    @on(OrderPlaced) @timeout(1) async withSignal(
      _order: Order,
      _type: string,
      _context?: SignalContext,
    ): Promise<void> {}
    @on('order.placed') unknownPayload(_order: unknown): void {}
    @on<Order>('order.placed') statedPayload(_order: Order): void {}
    @on(OrderPlaced) #hidden(_order: Order): void {}
    @onShop('order.placed') mapped(_order: Order): void {}
    @onShop('order.*') pattern(_order: Order | { orderId: number }): void {}
    @once() maybe(_order: Order): void {}
    @once() async maybeAsync(_order: Order): Promise<void> {}
    @filtered((order: Order) => order.quantity > 1) async large(_order: Order): Promise<void> {}
    @idempotent() async booked(_order: Order): Promise<void> {}
    @compose(logged(), retry()) async composed(_order: Order): Promise<number> {
      return 1
    }

    // @ts-expect-error -- a wrong payload type
    @on(OrderPlaced) wrong(_order: { total: number }): void {}
    // @ts-expect-error -- what comes by a bare string is unknown
    @on('order.placed') unchecked(_order: Order): void {}
    // @ts-expect-error -- the pattern also matches order.shipped
    @onShop('order.*') tooNarrow(_order: Order): void {}
    // @ts-expect-error -- static
    @on(OrderPlaced) static shared(_order: Order): void {}
    // @ts-expect-error -- the method would return a promise, and says a number
    @retry() sync(_order: Order): number {
      return 1
    }
    // @ts-expect-error -- the method may give undefined, and says a number
    @once() value(_order: Order): number {
      return 1
    }
    // @ts-expect-error -- likewise
    @debounce(1) async awaited(_order: Order): Promise<number> {
      return 1
    }
    // @ts-expect-error -- no id
    @idempotent() async anonymous(_order: { quantity: number }): Promise<void> {}
    // @ts-expect-error -- above a method the type stays the method's: it must take all that the predicate takes
    @filtered(isLarge) narrowed(_order: LargeOrder, _other: number): string {
      return ''
    }
    // @ts-expect-error -- a field
    @retry() field = (): void => {}

    use(): unknown {
      return this.#hidden({ id: '', source: '', sequence: 1, quantity: 1 })
    }
  }
  void Warehouse
}

describe('types', () => {
  test('are checked by the compiler', () => {
    for (const checked of [functions, predicates, signals, events, composition, partials, classes]) {
      expect(checked).toBeTypeOf('function')
    }
  })
})
