import { describe, expect, test, vi } from 'vitest'
import { type EventDefinition, EventDispatcher, eventType, nextDefinitionIndex } from '../src/index.ts'

interface Shop {
  'order.placed': { item: string }
  'order.shipped': { orderId: number }
  'shop.closed': undefined
}

const OrderPlaced = {
  type: 'order.placed',
  index: nextDefinitionIndex(),
  create: (input: { item: string }, options?: { source: string }) => ({
    data: input,
    source: options?.source ?? '/shop',
  }),
} as const satisfies EventDefinition

describe('a topic handle', () => {
  test('publishes and subscribes as the dispatcher does with its key', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const placed = dispatcher.topic('order.placed')
    const handler = vi.fn()
    expect(placed.key).toBe('order.placed')
    expect(placed.publish({ item: 'Book' })).toBe(0)
    placed.subscribe(handler)
    dispatcher.subscribe('order.*', handler)
    for (let i = 0; i < 4; i++) expect(placed.publish({ item: 'Book' })).toBe(2)
    expect(dispatcher.publish('order.placed', { item: 'Pen' })).toBe(2)
    expect(handler).toHaveBeenLastCalledWith({ item: 'Pen' }, 'order.placed')
  })

  test('is always the same one, for a string, a definition and a definition that creates', () => {
    const Tick = eventType<number>()('tick')
    const dispatcher = new EventDispatcher<Shop>()
    expect(dispatcher.topic('order.shipped')).toBe(dispatcher.topic('order.shipped'))
    expect(dispatcher.topic(Tick)).toBe(dispatcher.topic(Tick))
    expect(dispatcher.topic(OrderPlaced)).toBe(dispatcher.topic(OrderPlaced))
    expect(dispatcher.topic(OrderPlaced)).not.toBe(new EventDispatcher().topic(OrderPlaced))
  })

  test('of each definition that creates goes by its own create', () => {
    const Plus = { type: 'sum', create: (input: number): number => input + 1 }
    const Times = { type: 'sum', create: (input: number): number => input * 10 }
    const dispatcher = new EventDispatcher()
    const got: unknown[] = []
    dispatcher.topic(Plus).subscribe((payload) => got.push(payload))
    dispatcher.topic(Plus).publish(1)
    dispatcher.topic(Times).publish(1)
    expect(got).toEqual([2, 10])
  })

  test('hands the options to create', () => {
    const dispatcher = new EventDispatcher()
    const handler = vi.fn()
    const placed = dispatcher.topic(OrderPlaced)
    placed.subscribe(handler)
    placed.publish({ item: 'Book' }, { source: '/other' })
    expect(handler.mock.calls[0]![0]).toMatchObject({ source: '/other' })
  })

  test('stays good after thousands of other types, and while nobody is subscribed', () => {
    const dispatcher = new EventDispatcher<Record<string, number>>()
    const handle = dispatcher.topic('kept')
    const all = vi.fn()
    const patterns = dispatcher.subscribe('**', all)
    for (let i = 0; i < 5000; i++) dispatcher.publish(`made.up.${i}`, i)
    patterns.unsubscribe()
    const handler = vi.fn()
    dispatcher.subscribe('kept', handler)
    expect(handle.publish(1)).toBe(1)
    expect(dispatcher.topic('kept')).toBe(handle)
    expect(handler).toHaveBeenCalledOnce()
  })

  test('a publish taken off a handle that was never used works', () => {
    const dispatcher = new EventDispatcher<Record<string, number>>()
    const { publish } = dispatcher.topic('a')
    expect(publish(1)).toBe(0)
    dispatcher.subscribe('a', () => {})
    expect(publish(2)).toBe(1)
  })

  test('INVARIANT: a publish taken off a warm handle sees every later change of subscriptions', () => {
    for (let handlers = 1; handlers <= 5; handlers++) {
      const dispatcher = new EventDispatcher<Record<string, number>>()
      const handle = dispatcher.topic('a')
      const subscriptions = Array.from({ length: handlers }, () => dispatcher.subscribe('a', () => {}))
      for (let i = 0; i < 3; i++) handle.publish(i)
      const { publish } = handle
      const counts = [publish(1)]
      const more = dispatcher.subscribe('*', () => {})
      counts.push(publish(2))
      subscriptions[0]!.unsubscribe()
      counts.push(publish(3), publish(4), publish(5))
      more.unsubscribe()
      counts.push(publish(6))
      expect(counts).toEqual([handlers, handlers + 1, handlers, handlers, handlers, handlers - 1])
      dispatcher.close()
      expect(() => publish(7)).toThrow('closed')
    }
  })
})

describe('introspection', () => {
  test('handlers() lists the active subscriptions of a type in the order of calls, patterns included', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const late = dispatcher.subscribe('order.placed', () => {}, { priority: -1, name: 'late' })
    const all = dispatcher.subscribe('order.*', () => {}, { name: 'all' })
    const gone = dispatcher.subscribe('order.placed', () => {}, { name: 'gone' })
    const early = dispatcher.subscribe('order.placed', () => {}, { priority: 1, once: true, name: 'early' })
    dispatcher.subscribe('order.shipped', () => {})
    gone.unsubscribe()
    expect(dispatcher.handlers('order.placed')).toEqual([early, all, late])
    expect(
      dispatcher
        .handlers('order.placed')
        .map(({ name, key, priority, once, active }) => [name, key, priority, once, active]),
    ).toEqual([
      ['early', 'order.placed', 1, true, true],
      ['all', 'order.*', 0, false, true],
      ['late', 'order.placed', -1, false, true],
    ])
  })

  test('handlers() takes a definition, and knows of patterns for types never seen before', () => {
    const dispatcher = new EventDispatcher()
    const all = dispatcher.subscribe('**', () => {})
    const own = dispatcher.subscribe(OrderPlaced, () => {})
    expect(dispatcher.handlers(OrderPlaced)).toEqual([all, own])
    expect(dispatcher.handlers('never.seen')).toEqual([all])
    all.unsubscribe()
    expect(dispatcher.handlers('never.seen')).toEqual([])
    expect(dispatcher.handlers('never.seen.either')).toEqual([])
  })

  test('handlers() is a list of its own: later changes do not show in it', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const one = dispatcher.subscribe('shop.closed', () => {})
    const handlers = dispatcher.handlers('shop.closed')
    dispatcher.subscribe('shop.closed', () => {})
    expect(handlers).toEqual([one])
  })

  test('types() names each key that somebody is subscribed to, once, patterns included', () => {
    const dispatcher = new EventDispatcher<Shop>()
    expect(dispatcher.types()).toEqual([])
    dispatcher.topic('shop.closed')
    dispatcher.publish('shop.closed')
    const shipped = dispatcher.subscribe('order.shipped', () => {})
    dispatcher.subscribe('order.placed', () => {})
    dispatcher.subscribe('order.placed', () => {})
    dispatcher.subscribe('order.*', () => {})
    expect(dispatcher.types().toSorted()).toEqual(['order.*', 'order.placed', 'order.shipped'])
    shipped.unsubscribe()
    expect(dispatcher.types().toSorted()).toEqual(['order.*', 'order.placed'])
  })

  test('size counts active subscriptions, a pattern once however many types it matches', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const subscriptions = [
      dispatcher.subscribe('order.placed', () => {}),
      dispatcher.subscribe('order.placed', () => {}, { once: true }),
      dispatcher.subscribe('**', () => {}),
      dispatcher.subscribe('order.shipped', () => {}),
    ]
    expect(dispatcher.size).toBe(4)
    dispatcher.publish('order.placed', { item: 'Book' })
    expect(dispatcher.size).toBe(3)
    for (const subscription of subscriptions) subscription.unsubscribe()
    expect(dispatcher.size).toBe(0)
  })
})
