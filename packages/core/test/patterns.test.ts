import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { EventDispatcher, eventType, isTidingsError } from '../src/index.ts'

type Events = Record<string, unknown>

function reaches(pattern: string, type: string): boolean {
  const dispatcher = new EventDispatcher<Events>()
  dispatcher.subscribe(pattern, () => {})
  return dispatcher.publish(type, 1) === 1
}

describe('what a pattern matches', () => {
  test.for([
    // `*` is one token.
    ['*', 'order', true],
    ['*', 'order.placed', false],
    ['*', '', true],
    ['order.*', 'order.placed', true],
    ['order.*', 'order', false],
    ['order.*', 'order.placed.twice', false],
    ['*.placed', 'order.placed', true],
    ['*.placed', 'placed', false],
    ['*.*', 'order.placed', true],
    ['order.*.done', 'order.payment.done', true],
    ['order.*.done', 'order.done', false],
    ['order.*', 'orders.placed', false],
    ['order.*', 'order.', true],
    // `**` is any number of tokens, none included.
    ['**', 'order', true],
    ['**', 'order.placed', true],
    ['**', '', true],
    ['order.**', 'order', true],
    ['order.**', 'order.placed', true],
    ['order.**', 'order.placed.twice', true],
    ['order.**', 'orders', false],
    ['**.done', 'done', true],
    ['**.done', 'order.payment.done', true],
    ['**.done', 'order.done.late', false],
    ['order.**.done', 'order.done', true],
    ['order.**.done', 'order.a.b.c.done', true],
    ['order.**.done', 'order.done.done', true],
    ['**.a.**', 'a', true],
    ['**.a.**', 'x.a.y', true],
    ['**.a.**', 'x.y', false],
    ['**.**', 'order', true],
    ['*.**', 'order', true],
    ['*.**.*', 'order', false],
    ['*.**.*', 'order.placed', true],
    // Anything else stands for itself.
    ['order.*', 'Order.placed', false],
    ['a+.*', 'aa.b', false],
    ['(a).*', '(a).b', true],
    ['$&.*', '$&.b', true],
  ] as const)('%s on "%s": %s', ([pattern, type, expected]) => {
    expect(reaches(pattern, type)).toBe(expected)
  })

  test('a type without a pattern in it never matches by chance', () => {
    expect(reaches('a.**', 'a')).toBe(true)
    const dispatcher = new EventDispatcher<Events>()
    dispatcher.subscribe('a', () => {})
    expect(dispatcher.publish('a.b', 1)).toBe(0)
  })

  test('INVARIANT: patterns match as the equivalent regular expression does', () => {
    const token = fc.constantFrom('a', 'b', 'order')
    const type = fc.array(token, { minLength: 1, maxLength: 5 })
    const pattern = fc
      .array(fc.oneof(token, fc.constantFrom('*', '**')), { minLength: 1, maxLength: 5 })
      .filter((tokens) => tokens.some((one) => one.startsWith('*')))
    fc.assert(
      fc.property(pattern, type, (pattern, type) => {
        // Each token with the dot behind it, so that none is special at either end.
        const source = pattern.map((one) => (one === '**' ? '(?:[^.]*\\.)*' : one === '*' ? '[^.]*\\.' : `${one}\\.`))
        const expected = new RegExp(`^${source.join('')}$`).test(`${type.join('.')}.`)
        expect(reaches(pattern.join('.'), type.join('.'))).toBe(expected)
      }),
      { numRuns: 500 },
    )
  })

  test('INVARIANT: a type from outside cannot make a pattern of many `**` search for seconds', () => {
    const dispatcher = new EventDispatcher<Events>()
    dispatcher.subscribe('**.**.**.**.**.**.**.**.x', () => {})
    const start = performance.now()
    expect(dispatcher.publish(Array.from({ length: 36 }, () => 't').join('.'), 1)).toBe(0)
    // Milliseconds where the work grows with the product of the lengths, many seconds where it branches.
    expect(performance.now() - start).toBeLessThan(1000)
  })
})

describe('when a pattern is subscribed', () => {
  test('it gets the type of each event as the second argument', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    dispatcher.subscribe('order.*', handler)
    dispatcher.publish('order.placed', 1)
    dispatcher.publish('order.shipped', 2)
    expect(handler.mock.calls).toEqual([
      [1, 'order.placed'],
      [2, 'order.shipped'],
    ])
  })

  test('it makes no difference whether pattern, handler, handle or publish came first', () => {
    const Placed = eventType<number>()('order.placed')
    const steps: Record<string, (dispatcher: EventDispatcher<Events>) => unknown> = {
      pattern: (dispatcher) => dispatcher.subscribe('order.*', () => {}),
      handler: (dispatcher) => dispatcher.subscribe('order.placed', () => {}),
      handle: (dispatcher) => dispatcher.topic('order.placed'),
      publish: (dispatcher) => dispatcher.publish('order.placed', 1),
      definition: (dispatcher) => dispatcher.publish(Placed, 1),
    }
    fc.assert(
      fc.property(fc.shuffledSubarray(Object.keys(steps), { minLength: 5 }), (order) => {
        const dispatcher = new EventDispatcher<Events>()
        for (const step of order) steps[step]!(dispatcher)
        const counts = [
          dispatcher.publish('order.placed', 1),
          dispatcher.publish(Placed, 1),
          dispatcher.topic('order.placed').publish(1),
          dispatcher.publish({ type: 'order.placed' }),
        ]
        expect(counts).toEqual([2, 2, 2, 2])
      }),
    )
  })

  test('handlers of types and of patterns are called in one order of subscription', () => {
    const dispatcher = new EventDispatcher<Events>()
    const called: string[] = []
    for (const key of ['a.*', 'a.b', '**', 'a.b', '*.b']) dispatcher.subscribe(key, () => called.push(key))
    dispatcher.publish('a.b', 1)
    expect(called).toEqual(['a.*', 'a.b', '**', 'a.b', '*.b'])
  })

  test('two patterns that match one type both get it, and so does the same pattern twice', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    for (const pattern of ['*', '**', '*', '**.a']) dispatcher.subscribe(pattern, handler)
    expect(dispatcher.publish('a', 1)).toBe(4)
  })

  test('unsubscribing it holds for every type it matched, specialised or not', () => {
    const dispatcher = new EventDispatcher<Events>()
    const types = ['a.1', 'a.2', 'a.3']
    const pattern = dispatcher.subscribe('a.*', () => {})
    dispatcher.subscribe('a.2', () => {})
    const counts = (): number[] => types.map((type) => dispatcher.publish(type, 1))
    for (let i = 0; i < 4; i++) expect(counts()).toEqual([1, 2, 1])
    pattern.unsubscribe()
    expect(counts()).toEqual([0, 1, 0])
    expect(dispatcher.size).toBe(1)
  })

  test('INVARIANT: once on a pattern is one event in all, not one for each type', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn(() => dispatcher.publish('b', 'nested'))
    dispatcher.publish('a', 0)
    const subscription = dispatcher.subscribe('*', handler, { once: true })
    expect(dispatcher.publish('a', 1)).toBe(1)
    expect(dispatcher.publish('a', 2)).toBe(0)
    expect(dispatcher.publish('b', 3)).toBe(0)
    expect(handler).toHaveBeenCalledOnce()
    expect(subscription.active).toBe(false)
    expect(dispatcher.types()).toEqual([])
  })

  test('a signal and a priority hold for it too', () => {
    const dispatcher = new EventDispatcher<Events>()
    const controller = new AbortController()
    const called: string[] = []
    dispatcher.subscribe('a.b', () => called.push('own'))
    dispatcher.subscribe('a.*', () => called.push('pattern'), { priority: 1, signal: controller.signal })
    dispatcher.publish('a.b', 1)
    controller.abort()
    dispatcher.publish('a.b', 1)
    expect(called).toEqual(['pattern', 'own', 'own'])
  })

  test('hundreds of patterns each get exactly their events', () => {
    const dispatcher = new EventDispatcher<Events>()
    const got = new Map<string, number>()
    const note = (key: string) => () => got.set(key, (got.get(key) ?? 0) + 1)
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`)
    for (const name of names) {
      dispatcher.subscribe(`${name}.*`, note(`${name}.*`))
      dispatcher.subscribe(`*.${name}`, note(`*.${name}`))
      dispatcher.subscribe(`${name}.**`, note(`${name}.**`))
    }
    for (const name of names) expect(dispatcher.publish(`${name}.n7`, 1)).toBe(3)
    expect(got.get('*.n7')).toBe(100)
    expect(got.get('n42.*')).toBe(1)
    expect(got.get('n42.**')).toBe(1)
    expect(got.get('*.n8')).toBe(undefined)
  })
})

describe('event types made up at run time', () => {
  test('are right in their thousands, and are not kept for ever', () => {
    const dispatcher = new EventDispatcher<Events>()
    const all = vi.fn()
    const some = vi.fn()
    const own = vi.fn()
    dispatcher.subscribe('user.**', all)
    dispatcher.subscribe('user.*.left', some)
    dispatcher.subscribe('user.7.left', own)
    for (let i = 0; i < 10_000; i++) expect(dispatcher.publish(`user.${i}.left`, i)).toBe(i === 7 ? 3 : 2)
    expect(dispatcher.publish('user.7.left', 7)).toBe(3)
    expect(dispatcher.publish('user.3.left', 3)).toBe(2)
    expect([all, some, own].map(({ mock }) => mock.calls.length)).toEqual([10_002, 10_002, 2])
  })

  test('subscriptions made in between are found again after a sweep', () => {
    const dispatcher = new EventDispatcher<Events>()
    dispatcher.subscribe('**', () => {})
    const kept = Array.from({ length: 50 }, (_, i) => {
      for (let j = 0; j < 100; j++) dispatcher.publish(`noise.${i}.${j}`, 1)
      return dispatcher.subscribe(`kept.${i}`, () => {})
    })
    for (let i = 0; i < 50; i++) expect(dispatcher.publish(`kept.${i}`, 1)).toBe(2)
    for (const subscription of kept) subscription.unsubscribe()
    for (let i = 0; i < 50; i++) expect(dispatcher.publish(`kept.${i}`, 1)).toBe(1)
    expect(dispatcher.size).toBe(1)
  })

  test('published by thousands from within a handler, they do not disturb the publish under way', () => {
    const dispatcher = new EventDispatcher<Events>()
    const called: string[] = []
    let noisy = true
    dispatcher.subscribe('dynamic.*', (_, type) => {
      called.push(`first ${type}`)
      if (!noisy) return
      noisy = false
      for (let i = 0; i < 3000; i++) dispatcher.publish(`noise.${i}`, i)
      dispatcher.subscribe('dynamic.1', () => called.push('late'))
    })
    dispatcher.subscribe('**', (_, type) => {
      if (type.startsWith('dynamic')) called.push(`second ${type}`)
    })
    dispatcher.publish('dynamic.1', 1)
    dispatcher.publish('dynamic.1', 1)
    expect(called).toEqual(['first dynamic.1', 'second dynamic.1', 'first dynamic.1', 'second dynamic.1', 'late'])
  })
})

describe('a pattern is refused', () => {
  test.for(['*', '**', 'order.*', '**.placed'])('by publish and topic: %s', (pattern: string) => {
    const dispatcher = new EventDispatcher()
    dispatcher.subscribe('**', () => {})
    const calls = [
      () => dispatcher.publish(pattern, 1),
      () => dispatcher.publish({ type: pattern }),
      () => dispatcher.publish({ type: pattern }, 1),
      () => dispatcher.publish({ type: pattern, create: () => 1 }, 1),
      () => dispatcher.topic(pattern),
      () => dispatcher.topic({ type: pattern }),
    ]
    for (const call of calls) {
      expect(call).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`"${pattern}"`) }),
      )
    }
  })

  test('by publish also where a pattern of that very name is subscribed', () => {
    const dispatcher = new EventDispatcher()
    const handler = vi.fn()
    dispatcher.subscribe('order.*', handler)
    const type: string = 'order.*'
    expect(() => dispatcher.publish(type, 1)).toThrow('order.*')
    expect(handler).not.toHaveBeenCalled()
  })

  test.for(['order*', '*order', 'a.b*', '***', '****', 'a.**b', 'a.*.*c', '**.*.x*y'])(
    'by subscribe where a `*` is only a part of a token: %s',
    (pattern) => {
      const dispatcher = new EventDispatcher()
      try {
        dispatcher.subscribe(pattern, () => {})
        expect.unreachable()
      } catch (error) {
        expect(isTidingsError(error, 'INVALID_ARGUMENT'), String(error)).toBe(true)
        expect(String(error)).toContain(pattern)
      }
      expect(dispatcher.size).toBe(0)
      expect(dispatcher.types()).toEqual([])
    },
  )
})
