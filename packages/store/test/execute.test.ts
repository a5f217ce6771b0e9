import { causedBy } from '@tidings/events'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { ConcurrencyError, defineDecider, execute, load } from '../src/index.ts'
import { type Command, order, type Order } from './support/order.ts'
import { all, OrderPlaced, OrderShipped, placed, places, rejection, shop } from './support/shop.ts'

describe('execute', () => {
  test('decides by the state of the stream, and appends what happened', async () => {
    const store = shop()
    const first = await execute(store, order, 'order-1', { place: 'Book' })
    expect(first).toMatchObject({ state: { items: ['Book'] }, version: 1, position: 1 })
    await execute(store, order, 'order-1', { place: 'Pen' })
    const shipped = await execute(store, order, 'order-1', { ship: 'Mail' })
    expect(shipped.state).toEqual({ items: ['Book', 'Pen'], shippedBy: 'Mail' })
    expect(shipped.events.map(({ type }) => type)).toEqual(['shop.order.shipped'])
    expectTypeOf(shipped.state).toEqualTypeOf<Order>()
    expect(await places(store.read('order-1'))).toEqual(['order-1@1', 'order-1@2', 'order-1@3'])
  })

  test('is typed by the functions of the decider', () => {
    type Asked = Parameters<typeof execute<Order, Command, never>>[3]
    expectTypeOf<Asked>().toEqualTypeOf<Command>()
    const call = () =>
      // @ts-expect-error There is no such command.
      execute(shop(), order, 'order-1', { cancel: true })
    expect(call).toBeTypeOf('function')
  })

  test('a command that is refused writes nothing', async () => {
    const store = shop()
    await execute(store, order, 'order-1', { place: 'Book' })
    await execute(store, order, 'order-1', { ship: 'Mail' })
    expect(await rejection(execute(store, order, 'order-1', { place: 'Pen' }))).toEqual(new Error('shipped by Mail'))
    expect((await store.info('order-1')).version).toBe(2)
  })

  test('a command that changes nothing appends nothing', async () => {
    const store = shop()
    expect(await execute(store, order, 'order-1', { ship: 'Mail' })).toEqual({
      events: [],
      state: { items: [], shippedBy: undefined },
      version: 0,
      position: 0,
    })
  })

  test('INVARIANT: of many commands at once each is decided by a state that has all before it', async () => {
    const store = shop()
    const counter = defineDecider({
      initial: () => 0,
      evolve: (state) => state + 1,
      decide: (_: 'add', state) => OrderPlaced.create({ item: `${state + 1}` }),
    })
    const commands = Array.from({ length: 20 }, () => execute(store, counter, 'count-1', 'add', { retries: 100 }))
    await Promise.all(commands)
    const items = (await all(store.read('count-1'))).map(({ event, version }) => [event.data, version])
    expect(items).toEqual(Array.from({ length: 20 }, (_, index) => [{ item: `${index + 1}`, quantity: 1 }, index + 1]))
  })

  test('retries a conflict as often as it is told', async () => {
    const store = shop()
    let decided = 0
    const disturbed = defineDecider({
      ...order,
      decide: (command: Command, state: Order) => {
        decided++
        // Before the append of the decision, as its commit is asked for first.
        void store.append('order-1', [placed('Disturbance')])
        return order.decide(command, state)
      },
    })
    const error = await rejection(execute(store, disturbed, 'order-1', { place: 'Book' }, { retries: 2 }))
    expect(error).toBeInstanceOf(ConcurrencyError)
    expect(decided).toBe(3)
    const items = (await all(store.read('order-1'))).map(({ event }) => event.data)
    expect(items).toEqual(Array.from({ length: 3 }, () => ({ item: 'Disturbance', quantity: 1 })))
  })

  test('a version that the caller has seen is checked, and not tried again', async () => {
    const store = shop()
    await execute(store, order, 'order-1', { place: 'Book' }, { expectedVersion: 0 })
    const stale = execute(store, order, 'order-1', { place: 'Pen' }, { expectedVersion: 0 })
    expect(await rejection(stale)).toMatchObject({ expected: 0, actual: 1 })
    await execute(store, order, 'order-1', { place: 'Pen' }, { expectedVersion: 1 })
  })

  test('carries correlation and causation on, and keeps what an event has itself', async () => {
    const store = shop()
    const cause = OrderPlaced.create({ item: 'Book' }, { correlationId: 'c-1', causationDepth: 2 })
    const { events } = await execute(
      store,
      order,
      'order-1',
      { place: 'Book' },
      { cause, extensions: { tenant: 'acme' } },
    )
    expect(events[0]).toMatchObject({ ...causedBy(cause), extensions: { tenant: 'acme' }, data: { item: 'Book' } })
    const own = defineDecider({
      ...order,
      decide: () => OrderShipped.create({ carrier: 'Mail' }, { causationId: 'x', extensions: { tenant: 'own' } }),
    })
    const options = { cause, extensions: { tenant: 'acme', region: 'eu' } }
    const { events: ownEvents } = await execute(store, own, 'order-1', { place: 'Pen' }, options)
    expect(ownEvents[0]).toMatchObject({ causationId: 'x', extensions: { tenant: 'own', region: 'eu' } })
    expect((await all(store.read('order-1'))).map(({ event }) => event)).toEqual([...events, ...ownEvents])
  })

  test.for<[string, object]>([
    ['retries', { retries: -1 }],
    ['expectedVersion', { expectedVersion: 0.5 }],
    ['a slip of the pen', { retires: 1 }],
  ])('refuses %s', async ([, options]) => {
    const error = await rejection(execute(shop(), order, 'order-1', { place: 'Book' }, options))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('load', () => {
  test('gives the state of now, and the state of then', async () => {
    const store = shop()
    const { position } = await execute(store, order, 'order-1', { place: 'Book' })
    await execute(store, order, 'order-1', { ship: 'Mail' })
    expect(await load(store, order, 'order-1')).toEqual({ state: { items: ['Book'], shippedBy: 'Mail' }, version: 2 })
    const then = await load(store, order, 'order-1', { asOf: position })
    expect(then).toEqual({ state: { items: ['Book'], shippedBy: undefined }, version: 1 })
    expect(await load(store, order, 'order-2')).toEqual({ state: order.initial(), version: 0 })
  })

  test('goes on behind the version of a stream whose events are all removed', async () => {
    const store = shop()
    await store.append('order-1', [placed(), placed()])
    await store.truncate('order-1', { before: 3 })
    expect(await load(store, order, 'order-1')).toEqual({ state: order.initial(), version: 2 })
    expect((await execute(store, order, 'order-1', { place: 'Pen' })).version).toBe(3)
  })
})
