import { getEventListeners } from 'node:events'
import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  AsyncEventDispatcher,
  EventDispatcher,
  eventType,
  type SubscribeOptions,
  type Subscription,
} from '../src/index.ts'

type Events = Record<string, unknown>

const Definition = eventType<unknown>()('a')

/** Every way to subscribe to the events of type `a`. */
const ways: [
  string,
  (dispatcher: EventDispatcher<Events>, handler: () => void, options?: SubscribeOptions) => Subscription,
][] = [
  ['a type', (dispatcher, handler, options) => dispatcher.subscribe('a', handler, options)],
  ['a pattern', (dispatcher, handler, options) => dispatcher.subscribe('*', handler, options)],
  ['a definition', (dispatcher, handler, options) => dispatcher.subscribe(Definition, handler, options)],
  ['a handle', (dispatcher, handler, options) => dispatcher.topic('a').subscribe(handler, options)],
]

describe.for(ways)('a subscription to %s', ([, subscribe]) => {
  test('unsubscribes, and again without harm', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    const subscription = subscribe(dispatcher, handler)
    expect(subscription.active).toBe(true)
    subscription.unsubscribe()
    subscription.unsubscribe()
    subscription[Symbol.dispose]()
    expect(subscription.active).toBe(false)
    expect(dispatcher.publish('a', 1)).toBe(0)
    expect(dispatcher.size).toBe(0)
  })

  test('ends with the block that uses it', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    {
      using subscription = subscribe(dispatcher, handler)
      expect(subscription.active).toBe(true)
      dispatcher.publish('a', 1)
    }
    dispatcher.publish('a', 2)
    expect(handler).toHaveBeenCalledOnce()
  })

  test('stays when nobody keeps it', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    subscribe(dispatcher, handler)
    dispatcher.publish('a', 1)
    expect(handler).toHaveBeenCalledOnce()
  })

  test('unsubscribing one leaves another one of the same handler', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    const one = subscribe(dispatcher, handler)
    subscribe(dispatcher, handler)
    one.unsubscribe()
    one.unsubscribe()
    expect(dispatcher.publish('a', 1)).toBe(1)
  })

  test('tells its key, priority and whether it is for one event', () => {
    const dispatcher = new EventDispatcher<Events>()
    const plain = subscribe(dispatcher, () => {})
    expect(['a', '*']).toContain(plain.key)
    expect([plain.priority, plain.once]).toEqual([0, false])
    const other = subscribe(dispatcher, () => {}, { priority: -2, once: true })
    expect([other.priority, other.once]).toEqual([-2, true])
  })

  describe('once', () => {
    test('INVARIANT: is called at most once', () => {
      const dispatcher = new EventDispatcher<Events>()
      const handler = vi.fn()
      const subscription = subscribe(dispatcher, handler, { once: true })
      expect([1, 2, 3].map((payload) => dispatcher.publish('a', payload))).toEqual([1, 0, 0])
      expect(handler).toHaveBeenCalledOnce()
      expect(subscription.active).toBe(false)
    })

    test('has ended before its handler runs', () => {
      const dispatcher = new EventDispatcher<Events>()
      const seen: unknown[] = []
      const subscription = subscribe(dispatcher, () => seen.push(subscription.active, dispatcher.size), { once: true })
      dispatcher.publish('a', 1)
      expect(seen).toEqual([false, 0])
    })

    test('has been used up by a handler that throws', () => {
      const onError = vi.fn()
      const dispatcher = new EventDispatcher<Events>({ onError })
      const broken = (): never => {
        throw new Error('broken')
      }
      subscribe(dispatcher, broken, { once: true })
      dispatcher.publish('a', 1)
      dispatcher.publish('a', 2)
      expect(onError).toHaveBeenCalledOnce()
    })

    test('may subscribe itself anew', () => {
      const dispatcher = new EventDispatcher<Events>()
      let calls = 0
      const again = (): void => {
        calls++
        subscribe(dispatcher, again, { once: true })
      }
      subscribe(dispatcher, again, { once: true })
      for (let i = 0; i < 5; i++) expect(dispatcher.publish('a', i)).toBe(1)
      expect(calls).toBe(5)
      expect(dispatcher.size).toBe(1)
    })
  })

  describe('with a signal', () => {
    test('ends when it aborts', () => {
      const dispatcher = new EventDispatcher<Events>()
      const controller = new AbortController()
      const subscription = subscribe(dispatcher, () => {}, { signal: controller.signal })
      expect(dispatcher.publish('a', 1)).toBe(1)
      controller.abort()
      expect(subscription.active).toBe(false)
      expect(dispatcher.publish('a', 2)).toBe(0)
      expect(dispatcher.size).toBe(0)
    })

    test('that has aborted already never begins', () => {
      const dispatcher = new EventDispatcher<Events>()
      const handler = vi.fn()
      const subscription = subscribe(dispatcher, handler, { signal: AbortSignal.abort() })
      expect(subscription.active).toBe(false)
      expect(dispatcher.publish('a', 1)).toBe(0)
      expect(dispatcher.size).toBe(0)
      expect(handler).not.toHaveBeenCalled()
    })

    test('that aborts during a publish is not called any more', () => {
      const dispatcher = new EventDispatcher<Events>()
      const controller = new AbortController()
      dispatcher.subscribe('a', () => controller.abort(), { priority: 1 })
      const handler = vi.fn()
      subscribe(dispatcher, handler, { signal: controller.signal })
      expect(dispatcher.publish('a', 1)).toBe(1)
      expect(handler).not.toHaveBeenCalled()
    })

    test.for([
      ['unsubscribing', ({ subscription }) => subscription.unsubscribe()],
      ['its one event', ({ dispatcher }) => dispatcher.publish('a', 1)],
      ['closing the dispatcher', ({ dispatcher }) => dispatcher.close()],
      ['the abort', ({ controller }) => controller.abort()],
    ] as [
      string,
      (all: { dispatcher: EventDispatcher<Events>; subscription: Subscription; controller: AbortController }) => void,
    ][])('leaves no listener on it after %s', ([, end]) => {
      const dispatcher = new EventDispatcher<Events>()
      const controller = new AbortController()
      const subscription = subscribe(dispatcher, () => {}, { signal: controller.signal, once: true })
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
      end({ dispatcher, subscription, controller })
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    })

    test('that is none is refused, and nothing is subscribed', () => {
      const dispatcher = new EventDispatcher<Events>()
      for (const signal of [{}, 'signal', new AbortController()]) {
        const options = { signal } as unknown as SubscribeOptions
        expect(() => subscribe(dispatcher, () => {}, options)).toThrow(
          expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('`signal`') }),
        )
      }
      expect(dispatcher.size).toBe(0)
      expect(dispatcher.publish('a', 1)).toBe(0)
    })
  })

  test('one signal ends many subscriptions, without a warning about their number', async () => {
    const warnings: unknown[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    const dispatcher = new EventDispatcher<Events>()
    const controller = new AbortController()
    for (let i = 0; i < 100; i++) subscribe(dispatcher, () => {}, { signal: controller.signal })
    expect(dispatcher.publish('a', 1)).toBe(100)
    controller.abort()
    expect(dispatcher.publish('a', 2)).toBe(0)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  test.for([Number.NaN, '1', null, {}])('a priority of %o is refused, and nothing is subscribed', (priority) => {
    const dispatcher = new EventDispatcher<Events>()
    expect(() => subscribe(dispatcher, () => {}, { priority } as unknown as SubscribeOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('`priority`') }),
    )
    expect(dispatcher.size).toBe(0)
    expect(dispatcher.publish('a', 1)).toBe(0)
  })
})

describe('the name of a subscription', () => {
  test('is the option, else the name of the function, else anonymous', () => {
    const dispatcher = new EventDispatcher<Events>()
    function reserve(): void {}
    const names = [
      dispatcher.subscribe('a', reserve, { name: 'stock' }),
      dispatcher.subscribe('a', reserve),
      dispatcher.subscribe('a', () => {}),
      dispatcher.subscribe('*', reserve),
      dispatcher.subscribe('a', reserve.bind(null)),
      dispatcher.subscribe('a', reserve, { weak: true }),
    ].map(({ name }) => name)
    expect(names).toEqual(['stock', 'reserve', 'anonymous', 'reserve', 'bound reserve', 'reserve'])
  })

  test('that was given survives unsubscribing; that of the function goes with it', () => {
    const dispatcher = new EventDispatcher<Events>()
    function reserve(): void {}
    const given = dispatcher.subscribe('a', reserve, { name: 'stock' })
    const own = dispatcher.subscribe('a', reserve)
    given.unsubscribe()
    own.unsubscribe()
    expect([given.name, own.name]).toEqual(['stock', 'anonymous'])
  })

  test('is told of a handler that unsubscribes itself and then fails', () => {
    const told: unknown[] = []
    const dispatcher = new EventDispatcher<Events>({ onError: ({ handler }) => told.push(handler) })
    for (let others = 0; others < 5; others++) {
      const subscription = dispatcher.subscribe('a', function reserve() {
        subscription.unsubscribe()
        throw new Error('out of stock')
      })
      dispatcher.publish('a', 1)
      dispatcher.subscribe('a', () => {})
    }
    expect(told).toEqual(Array.from({ length: 5 }, () => 'reserve'))
  })
})

test('options that are undefined count as not given', () => {
  const dispatcher = new EventDispatcher<Events>()
  const options = { once: undefined, priority: undefined, signal: undefined, weak: undefined, name: undefined }
  const subscription = dispatcher.subscribe('a', () => {}, options as object)
  expect([subscription.once, subscription.priority, subscription.name]).toEqual([false, 0, 'anonymous'])
  expect(dispatcher.publish('a', 1)).toBe(1)
})

test('one options object serves many subscriptions, and is left as it was', () => {
  const dispatcher = new EventDispatcher<Events>()
  const options = { once: true, priority: 3 }
  for (const key of ['a', '*', 'a.**']) dispatcher.subscribe(key, () => {}, options)
  expect(dispatcher.publish('a', 1)).toBe(3)
  expect(dispatcher.publish('a', 1)).toBe(0)
  expect(options).toEqual({ once: true, priority: 3 })
})

test('INVARIANT: after unsubscribing in any order, exactly the others are called, in their order', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }).chain((length) =>
        fc.record({
          priorities: fc.array(fc.integer({ min: -1, max: 1 }), { minLength: length, maxLength: length }),
          gone: fc.shuffledSubarray(Array.from({ length }, (_, id) => id)),
          publishes: fc.integer({ min: 0, max: 3 }),
        }),
      ),
      ({ priorities, gone, publishes }) => {
        const dispatcher = new EventDispatcher<Events>()
        const called: number[] = []
        const subscriptions = priorities.map((priority, id) =>
          dispatcher.subscribe('a', () => called.push(id), { priority }),
        )
        for (const id of gone) {
          for (let i = 0; i < publishes; i++) dispatcher.publish('a', i)
          subscriptions[id]!.unsubscribe()
        }
        called.length = 0
        const left = priorities
          .map((priority, id) => ({ priority, id }))
          .filter(({ id }) => !gone.includes(id))
          .toSorted((one, other) => other.priority - one.priority)
          .map(({ id }) => id)
        expect(dispatcher.publish('a', 1)).toBe(left.length)
        expect(called).toEqual(left)
        expect(dispatcher.handlers('a')).toEqual(left.map((id) => subscriptions[id]))
      },
    ),
  )
})

test('a hundred thousand subscriptions come and go in every order', () => {
  const dispatcher = new EventDispatcher<Events>()
  const orders: Record<string, (all: Subscription[]) => Subscription[]> = {
    'first to last': (all) => all,
    'last to first': (all) => all.toReversed(),
    'the even ones first': (all) => [...all.filter((_, i) => i % 2 === 0), ...all.filter((_, i) => i % 2 === 1)],
    'from both ends': (all) => all.map((_, i) => (i % 2 === 0 ? all[i / 2]! : all[all.length - (i + 1) / 2]!)),
  }
  for (const order of Object.values(orders)) {
    const all = order(Array.from({ length: 25_000 }, () => dispatcher.subscribe('a', () => {})))
    expect(dispatcher.publish('a', 1)).toBe(25_000)
    for (const subscription of all.slice(0, 24_990)) subscription.unsubscribe()
    expect(dispatcher.publish('a', 1)).toBe(10)
    for (const subscription of all) subscription.unsubscribe()
    expect(dispatcher.publish('a', 1)).toBe(0)
  }
  expect(dispatcher.size).toBe(0)
})

test('the asynchronous dispatcher takes the same options', async () => {
  const dispatcher = new AsyncEventDispatcher<Events>()
  const controller = new AbortController()
  const called: string[] = []
  dispatcher.subscribe('a', () => called.push('once'), { once: true })
  dispatcher.subscribe('a', () => called.push('signal'), { signal: controller.signal })
  dispatcher.subscribe('*', () => called.push('first'), { priority: 1 })
  expect(await dispatcher.publish('a', 1)).toBe(3)
  controller.abort()
  expect(await dispatcher.publish('a', 2)).toBe(1)
  expect(called).toEqual(['first', 'once', 'signal', 'first'])
})
