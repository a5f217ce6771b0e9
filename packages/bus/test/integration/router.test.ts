import { describe, expect, expectTypeOf, test } from 'vitest'
import { handler, type HandlerContext } from '../../src/index.ts'
import { type AsyncEventHandler, filter, route, router, translator } from '../../src/integration/index.ts'
import { quiet, until } from '../support/recording-member.ts'
import {
  atOnce,
  busOf,
  someDeadLetters,
  FreightOrdered,
  LineOrdered,
  OrderPlaced,
  preparing,
  recording,
} from './integration-bus.ts'

const order = (orderId: string, country = 'CH') => ({ orderId, country })

describe('by predicate', () => {
  test('the first route that accepts an event gets it, no other one', async () => {
    const seen: string[] = []
    const to = (name: string) => (event: OrderPlaced) => seen.push(`${name} ${event.data.orderId}`)
    const shipping = handler(
      OrderPlaced,
      { group: 'shipping' },
      router(
        [
          { when: (event) => event.data.orderId === '2', to: to('second') },
          { when: (event) => event.data.country === 'CH', to: to('home') },
        ],
        to('abroad'),
      ),
    )
    await using bus = await busOf([shipping])
    await bus.publish(OrderPlaced, order('1'))
    await bus.publish(OrderPlaced, order('2'))
    await bus.publish(OrderPlaced, order('3', 'DE'))
    await until(() => seen.length === 3)
    expect(seen).toEqual(['home 1', 'second 2', 'abroad 3'])
  })

  test('a route publishes another event, with correlation and causation', async () => {
    const freight: unknown[] = []
    const routing = router<OrderPlaced>([
      { when: () => true, to: translator(FreightOrdered, ({ data }) => ({ orderId: data.orderId })) },
    ])
    await using bus = await busOf([
      handler(OrderPlaced, { group: 'shipping' }, routing),
      recording(freight, FreightOrdered),
    ])
    const cause = await bus.publish(OrderPlaced, order('1'))
    await until(() => freight.length === 1)
    expect(freight[0]).toMatchObject({ data: { orderId: '1' }, causationId: cause.id, correlationId: cause.id })
  })

  test('an event that is tried again is routed again, and its effect keeps its id', async () => {
    const effects: { id: string }[] = []
    const ids: string[] = []
    let failures = 1
    const routing = router<OrderPlaced>([
      {
        when: () => true,
        to: async (event, context) => {
          await translator(FreightOrdered, ({ data }: OrderPlaced) => ({ orderId: data.orderId }))(event, context)
          if (failures-- > 0) throw new Error('after the effect')
        },
      },
    ])
    await using bus = await busOf(
      [handler(OrderPlaced, { group: 'shipping', retry: atOnce }, routing), recording(effects, FreightOrdered)],
      { middleware: [preparing(FreightOrdered.type, ids)] },
    )
    await bus.publish(OrderPlaced, order('1'))
    await until(() => effects.length === 1)
    await quiet()
    // That of the attempt that failed went nowhere.
    expect(effects).toHaveLength(1)
    expect(ids).toEqual([effects[0]!.id, effects[0]!.id])
  })

  test('INVARIANT: an event without a route stands among the dead letters, after one attempt', async () => {
    const routing = router<OrderPlaced>([{ when: () => false, to: () => {} }])
    await using bus = await busOf([handler(OrderPlaced, { group: 'shipping', retry: atOnce }, routing)])
    const event = await bus.publish(OrderPlaced, order('1'))
    const letters = await someDeadLetters(bus)
    expect(letters).toMatchObject([{ reason: 'permanent-error', attempts: 1, error: { code: 'PERMANENT' } }])
    expect(letters[0]!.error!.message).toContain(
      `no route for the event "shop.order.placed" ${event.id}: none of 1 accepts it`,
    )
  })

  test('a predicate that returns a promise is refused, since it would let everything through', async () => {
    const routing = router<OrderPlaced>([{ when: (async () => false) as never, to: () => {} }])
    await expect(routing(OrderPlaced.create(order('1')), {} as HandlerContext)).rejects.toThrow(
      '`\\`when\\` of a route` must be synchronous'.replaceAll('\\', ''),
    )
  })

  test('routers, filters and plain functions nest', async () => {
    const seen: string[] = []
    const inner = router<OrderPlaced>([{ when: (event) => event.data.country === 'CH', to: () => seen.push('home') }])
    const outer = router<OrderPlaced>([
      {
        when: (event) => event.data.orderId !== '0',
        to: filter((event: OrderPlaced) => event.data.orderId !== '1', inner),
      },
    ])
    await outer(OrderPlaced.create(order('1')), {} as HandlerContext)
    await outer(OrderPlaced.create(order('2')), {} as HandlerContext)
    expect(seen).toEqual(['home'])
  })
})

describe('by name', () => {
  test('a function names the destination', async () => {
    const seen: string[] = []
    const routing = router((event: OrderPlaced) => event.data.country, {
      CH: () => seen.push('home'),
      DE: () => seen.push('abroad'),
    })
    for (const country of ['DE', 'CH']) await routing(OrderPlaced.create(order('1', country)), {} as HandlerContext)
    expect(seen).toEqual(['abroad', 'home'])
  })

  test.for(['FR', 'constructor', '__proto__'])('%s, which has no destination, is refused', async (country) => {
    const routing = router((event: OrderPlaced) => event.data.country, { CH: () => {} })
    await expect(routing(OrderPlaced.create(order('1', country)), {} as HandlerContext)).rejects.toMatchObject({
      code: 'PERMANENT',
    })
  })

  test('no name means `otherwise`', async () => {
    const seen: string[] = []
    const routing = router(
      (): 'home' | undefined => undefined,
      { home: () => {} },
      () => seen.push('otherwise'),
    )
    await routing(OrderPlaced.create(order('1')), {} as HandlerContext)
    expect(seen).toEqual(['otherwise'])
  })
})

test.for([
  [() => router([]), '`routes` must be a list of routes'],
  [() => router([{ when: true, to: () => {} }] as never), '`routes[0].when` must be a function, received true'],
  [() => router([{ when: () => true }] as never), '`routes[0].to` must be a function, received undefined'],
  [() => router(() => 'a' as const, {} as never), '`destinations` must be an object of handlers by name'],
  [() => router(() => 'a' as const, { a: 1 } as never), '`destinations.a` must be a function, received 1'],
  [() => router([{ when: () => true, to: () => {} }], 1 as never), '`otherwise` must be a function, received 1'],
] as const)('%s is refused', ([make, text]) => {
  expect(make).toThrow(text)
})

test('types: routes fit the events of the handler', () => {
  handler(
    OrderPlaced,
    { group: 'g' },
    router([{ when: ({ data }) => data.country === 'CH', to: ({ data }) => data.lines }]),
  )
  expectTypeOf(router<OrderPlaced>([{ when: () => true, to: () => {} }])).toEqualTypeOf<
    AsyncEventHandler<OrderPlaced>
  >()
  // @ts-expect-error the destination is for another event
  handler(LineOrdered, { group: 'g' }, router([{ when: () => true, to: (event: OrderPlaced) => event.data.lines }]))
  // @ts-expect-error a destination is missing
  router((event: OrderPlaced) => (event.data.country === 'CH' ? 'home' : 'abroad'), { home: () => {} })
  // @ts-expect-error the data does not fit the definition
  translator(FreightOrdered, (event: OrderPlaced) => ({ order: event.data.orderId }))
  const isGift = (event: OrderPlaced): event is OrderPlaced & { readonly data: { readonly ribbon: string } } =>
    'ribbon' in event.data
  route(isGift, (event) => expectTypeOf(event.data.ribbon).toEqualTypeOf<string>())
})
