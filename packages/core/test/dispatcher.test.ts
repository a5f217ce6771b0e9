import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type EventDefinition, EventDispatcher, eventType, isTidingsError, nextDefinitionIndex } from '../src/index.ts'

interface Shop {
  'order.placed': { item: string }
  'order.shipped': { orderId: number }
  'shop.closed': undefined
}

/** What a JavaScript caller can do to a dispatcher. */
interface Untyped {
  publish(...given: unknown[]): unknown
  subscribe(...given: unknown[]): unknown
  topic(key: unknown): unknown
}

function untyped(dispatcher: object): Untyped {
  return dispatcher as Untyped
}

describe('publish', () => {
  test('hands each handler the payload itself and the event type', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const handler = vi.fn()
    const order = { item: 'Book' }
    dispatcher.subscribe('order.placed', handler)
    dispatcher.publish('order.placed', order)
    expect(handler.mock.calls).toEqual([[order, 'order.placed']])
    expect(handler.mock.calls[0]![0]).toBe(order)
  })

  test('returns the number of handlers called', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const counts = []
    for (let handlers = 0; handlers <= 6; handlers++) {
      // Several times: a publish is specialised once subscriptions have come to rest.
      for (let i = 0; i < 4; i++) counts.push(dispatcher.publish('order.placed', { item: 'Book' }))
      dispatcher.subscribe('order.placed', () => {})
    }
    expect(counts).toEqual([0, 1, 2, 3, 4, 5, 6].flatMap((count) => [count, count, count, count]))
  })

  test('reaches only the handlers of its event type', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const placed = vi.fn()
    const shipped = vi.fn()
    dispatcher.subscribe('order.placed', placed)
    dispatcher.subscribe('order.shipped', shipped)
    dispatcher.publish('order.shipped', { orderId: 7 })
    expect(placed).not.toHaveBeenCalled()
    expect(shipped).toHaveBeenCalledOnce()
  })

  test('runs in the stack of the publisher: every handler has returned before publish does', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const told: string[] = []
    dispatcher.subscribe('shop.closed', () => told.push('handler'))
    dispatcher.publish('shop.closed')
    told.push('after')
    expect(told).toEqual(['handler', 'after'])
  })

  test('needs no payload where undefined is one', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const handler = vi.fn()
    dispatcher.subscribe('shop.closed', handler)
    expect(dispatcher.publish('shop.closed')).toBe(1)
    expect(handler).toHaveBeenCalledWith(undefined, 'shop.closed')
  })

  test('passes on falsy payloads as they are', () => {
    const dispatcher = new EventDispatcher()
    const got: unknown[] = []
    dispatcher.subscribe('any', (payload) => got.push(payload))
    for (const payload of [0, '', false, null, Number.NaN]) dispatcher.publish('any', payload)
    expect(got).toEqual([0, '', false, null, Number.NaN])
  })

  test('takes every string that is no pattern for an event type, names of Object.prototype included', () => {
    const dispatcher = new EventDispatcher()
    for (const type of [
      '',
      '.',
      'a..b',
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      '0',
      'Größe',
      '🛒',
    ]) {
      expect(dispatcher.publish(type, 1), type).toBe(0)
      dispatcher.subscribe(type, () => {})
      expect(dispatcher.publish(type, 1), type).toBe(1)
    }
  })

  test('keeps two dispatchers apart, for definitions too', () => {
    const Placed = eventType<number>()('placed')
    const one = new EventDispatcher()
    const other = new EventDispatcher()
    const handler = vi.fn()
    other.subscribe(Placed, handler)
    one.subscribe(Placed, () => {})
    expect(one.publish(Placed, 1)).toBe(1)
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('order', () => {
  test('INVARIANT: handlers of one event are called in the order of subscription', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 4 }), (handlers, publishes) => {
        const dispatcher = new EventDispatcher<Record<string, number>>()
        const called: string[] = []
        for (let id = 0; id < handlers; id++) dispatcher.subscribe('a', (payload) => called.push(`${payload}:${id}`))
        for (let payload = 0; payload < publishes; payload++) dispatcher.publish('a', payload)
        const expected = Array.from({ length: publishes }, (_, p) =>
          Array.from({ length: handlers }, (_, id) => `${p}:${id}`),
        )
        expect(called).toEqual(expected.flat())
      }),
    )
  })

  test('INVARIANT: a higher priority is called first, equal ones in the order of subscription', () => {
    const priority = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(Infinity, -Infinity, 0.5))
    fc.assert(
      fc.property(fc.array(fc.tuple(priority, fc.boolean())), (subscriptions) => {
        const dispatcher = new EventDispatcher<Record<string, number>>()
        const called: number[] = []
        for (const [id, [priority, pattern]] of subscriptions.entries()) {
          dispatcher.subscribe(pattern ? 'a.*' : 'a.b', () => called.push(id), { priority })
        }
        dispatcher.publish('a.b', 1)
        const expected = subscriptions.map(([priority], id) => ({ priority, id }))
        expect(called).toEqual(
          expected
            .toSorted((a, b) => (a.priority < b.priority ? 1 : -1) * Number(a.priority !== b.priority))
            .map(({ id }) => id),
        )
      }),
    )
  })

  test('a nested publish is finished before the handlers that follow', () => {
    const dispatcher = new EventDispatcher<Record<string, number>>()
    const told: string[] = []
    dispatcher.subscribe('outer', () => {
      told.push('first')
      dispatcher.publish('inner', 1)
    })
    dispatcher.subscribe('outer', () => told.push('second'))
    dispatcher.subscribe('inner', () => told.push('inner'))
    dispatcher.publish('outer', 1)
    expect(told).toEqual(['first', 'inner', 'second'])
  })

  test('a function that is subscribed twice is called twice', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const handler = vi.fn()
    const first = dispatcher.subscribe('shop.closed', handler)
    dispatcher.subscribe('shop.closed', handler)
    expect(dispatcher.publish('shop.closed')).toBe(2)
    first.unsubscribe()
    expect(dispatcher.publish('shop.closed')).toBe(1)
    expect(handler).toHaveBeenCalledTimes(3)
  })
})

const OrderPlaced = {
  type: 'order.placed',
  index: nextDefinitionIndex(),
  create: (input: { item: string }, options?: { source: string }) => ({
    data: input,
    source: options?.source ?? '/shop',
  }),
} as const satisfies EventDefinition

describe('nobody listening', () => {
  test('is no error: publish returns 0 and onUnhandled is told', () => {
    const onUnhandled = vi.fn()
    const dispatcher = new EventDispatcher<Shop>({ onUnhandled })
    const handle = dispatcher.topic('order.shipped')
    expect(dispatcher.publish('order.placed', { item: 'Book' })).toBe(0)
    expect(handle.publish({ orderId: 7 })).toBe(0)
    expect(dispatcher.publish({ type: 'unheard.of' })).toBe(0)
    expect(dispatcher.publish(OrderPlaced as EventDefinition, { item: 'Book' })).toBe(0)
    expect(onUnhandled.mock.calls).toEqual([
      [{ type: 'order.placed', payload: { item: 'Book' } }],
      [{ type: 'order.shipped', payload: { orderId: 7 } }],
      [{ type: 'unheard.of', payload: { type: 'unheard.of' } }],
      [{ type: 'order.placed', payload: OrderPlaced.create({ item: 'Book' }) }],
    ])
  })

  test('is told each time, and again once the last handler has gone', () => {
    const onUnhandled = vi.fn()
    const dispatcher = new EventDispatcher<Shop>({ onUnhandled })
    const tell = (): number => {
      for (let i = 0; i < 3; i++) dispatcher.publish('shop.closed')
      return onUnhandled.mock.calls.length
    }
    expect(tell()).toBe(3)
    const subscription = dispatcher.subscribe('shop.closed', () => {})
    expect(tell()).toBe(3)
    subscription.unsubscribe()
    expect(tell()).toBe(6)
  })

  test('does not hold for an event that a pattern takes', () => {
    const onUnhandled = vi.fn()
    const dispatcher = new EventDispatcher<Shop>({ onUnhandled })
    dispatcher.subscribe('**', () => {})
    dispatcher.publish('order.placed', { item: 'Book' })
    expect(onUnhandled).not.toHaveBeenCalled()
  })
})

describe('close', () => {
  test('ends every subscription and refuses further work', () => {
    const dispatcher = new EventDispatcher<Shop>()
    const handle = dispatcher.topic('order.placed')
    const subscriptions = [dispatcher.subscribe('order.placed', () => {}), dispatcher.subscribe('order.*', () => {})]
    for (let i = 0; i < 3; i++) handle.publish({ item: 'Book' })
    dispatcher.close()
    expect(subscriptions.map(({ active }) => active)).toEqual([false, false])
    expect(dispatcher.size).toBe(0)
    const definition: EventDefinition = OrderPlaced
    const refused = [
      () => dispatcher.publish('order.placed', { item: 'Book' }),
      () => dispatcher.publish('shop.closed'),
      () => dispatcher.publish(definition, { item: 'Book' }),
      () => dispatcher.publish(eventType<number>()('tick'), 1),
      () => dispatcher.publish({ type: 'order.placed', item: 'Book' }),
      () => handle.publish({ item: 'Book' }),
      () => dispatcher.subscribe('order.placed', () => {}),
      () => dispatcher.subscribe('order.*', () => {}),
      () => handle.subscribe(() => {}),
    ]
    for (const call of refused) {
      expect(call).toThrow(expect.objectContaining({ name: 'DispatcherClosedError', code: 'DISPATCHER_CLOSED' }))
    }
    expect(() => dispatcher.publish('shop.closed')).toThrow('"shop.closed"')
  })

  test('is idempotent, and is what `using` calls', () => {
    let outer: EventDispatcher<Shop>
    {
      using dispatcher = new EventDispatcher<Shop>()
      dispatcher.subscribe('shop.closed', () => {})
      outer = dispatcher
    }
    expect(outer.size).toBe(0)
    outer.close()
    expect(() => outer.publish('shop.closed')).toThrow('closed')
  })

  test.for([1, 2, 3, 4, 6])('within a publish calls nobody else: %d handlers', (handlers) => {
    for (let closing = 0; closing < handlers; closing++) {
      const dispatcher = new EventDispatcher<Record<string, number>>()
      const called: number[] = []
      let close = false
      for (let id = 0; id < handlers; id++) {
        dispatcher.subscribe('a', () => {
          called.push(id)
          if (close && id === closing) dispatcher.close()
        })
      }
      for (let i = 0; i < 3; i++) dispatcher.publish('a', i)
      called.length = 0
      close = true
      expect(dispatcher.publish('a', 3)).toBe(closing + 1)
      expect(called).toEqual(Array.from({ length: closing + 1 }, (_, id) => id))
      expect(() => dispatcher.publish('a', 4)).toThrow('closed')
    }
  })
})

describe('what is no key is refused', () => {
  const refusal = (call: () => unknown): unknown => {
    try {
      call()
    } catch (error) {
      return error
    }
    return undefined
  }

  test.for([
    ['a number', 7, '7'],
    ['a symbol', Symbol('key'), 'key'],
    ['a function', () => {}, 'function'],
    ['an object without a type', {}, 'object'],
    ['an object whose type is no string', { type: 1 }, 'object'],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
  ] as const)('%s', ([, key, named]) => {
    const dispatcher = untyped(new EventDispatcher())
    const calls = [
      () => dispatcher.publish(key, 1),
      () => dispatcher.publish(key),
      () => dispatcher.subscribe(key, () => {}),
      () => dispatcher.topic(key),
    ]
    for (const call of calls) {
      const error = refusal(call)
      expect(isTidingsError(error, 'INVALID_ARGUMENT'), String(error)).toBe(true)
      expect(String(error)).toContain(named)
    }
  })

  test.for([
    ['null', null],
    ['undefined', undefined],
    ['a string', 'handler'],
    ['an object with handleEvent', { handleEvent() {} }],
    ['a promise', Promise.resolve()],
  ] as const)('nor is %s a handler', ([, handler]) => {
    const dispatcher = new EventDispatcher()
    for (const key of ['a', 'a.*', OrderPlaced]) {
      const error = refusal(() => untyped(dispatcher).subscribe(key, handler))
      expect(isTidingsError(error, 'INVALID_ARGUMENT'), String(error)).toBe(true)
    }
    expect(dispatcher.size).toBe(0)
  })
})

describe('options that make no sense are refused at construction', () => {
  test.for([
    ['maxDepth', { maxDepth: 0 }],
    ['maxDepth', { maxDepth: -1 }],
    ['maxDepth', { maxDepth: Number.NaN }],
    ['errors', { errors: 'ignore' as 'throw' }],
    ['storm.limit', { storm: { limit: 0 } }],
    ['storm.limit', { storm: { limit: Number.NaN } }],
    ['storm.per', { storm: { limit: 1, per: -1 } }],
    ['storm.cooldown', { storm: { limit: 1, cooldown: Number.NaN } }],
  ] as const)('%s in %o', ([option, options]) => {
    expect(() => new EventDispatcher(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`\`${option}\``) }),
    )
  })

  test('frozen ones are taken', () => {
    const options = Object.freeze({ maxDepth: 8, storm: Object.freeze({ limit: 10 }) })
    const dispatcher = new EventDispatcher<Record<string, number>>(options)
    dispatcher.subscribe('a', () => {}, Object.freeze({ once: true, priority: 1 }))
    expect(dispatcher.publish('a', 1)).toBe(1)
  })
})
