import { describe, expect, test, vi } from 'vitest'
import {
  AsyncEventDispatcher,
  type EventDefinition,
  EventDispatcher,
  eventType,
  nextDefinitionIndex,
} from '../src/index.ts'

interface Made {
  readonly type: 'order.placed'
  readonly data: { item: string }
  readonly source: string
}

const OrderPlaced = {
  type: 'order.placed',
  index: nextDefinitionIndex(),
  create(input: { item: string }, options?: { source: string }): Made {
    if (input.item === '') throw new TypeError('item is empty')
    return Object.freeze({ type: 'order.placed', data: input, source: options?.source ?? '/shop' })
  },
} as const satisfies EventDefinition

describe('a definition that creates', () => {
  test('makes the event from the input and hands it to the handlers', () => {
    const dispatcher = new EventDispatcher()
    const handler = vi.fn()
    dispatcher.subscribe(OrderPlaced, handler)
    expect(dispatcher.publish(OrderPlaced, { item: 'Book' })).toBe(1)
    expect(handler).toHaveBeenCalledWith(
      { type: 'order.placed', data: { item: 'Book' }, source: '/shop' },
      'order.placed',
    )
  })

  test('gets the options of the publisher, and itself as `this`', () => {
    const dispatcher = new EventDispatcher()
    const create = vi.spyOn(OrderPlaced, 'create')
    dispatcher.publish(OrderPlaced, { item: 'Book' }, { source: '/other' })
    expect(create).toHaveBeenCalledWith({ item: 'Book' }, { source: '/other' })
    expect(create.mock.contexts).toEqual([OrderPlaced])
    create.mockRestore()
  })

  test('INVARIANT: what it refuses reaches the publisher and no handler', () => {
    const onError = vi.fn()
    const dispatcher = new EventDispatcher({ onError })
    const handler = vi.fn()
    dispatcher.subscribe(OrderPlaced, handler)
    dispatcher.subscribe('**', handler)
    expect(() => dispatcher.publish(OrderPlaced, { item: '' })).toThrow(new TypeError('item is empty'))
    expect(() => dispatcher.topic(OrderPlaced).publish({ item: '' })).toThrow(new TypeError('item is empty'))
    expect(handler).not.toHaveBeenCalled()
    expect(onError).not.toHaveBeenCalled()
    expect(dispatcher.publish(OrderPlaced, { item: 'Book' })).toBe(2)
  })

  test('creates once for each publish, however many handlers there are', () => {
    const dispatcher = new EventDispatcher()
    const create = vi.fn((input: number) => ({ type: 'made', input }))
    const Definition = { type: 'made', create }
    dispatcher.publish(Definition, 1)
    for (let i = 0; i < 5; i++) dispatcher.subscribe(Definition, () => {})
    dispatcher.publish(Definition, 2)
    dispatcher.topic(Definition).publish(3)
    expect(create).toHaveBeenCalledTimes(3)
  })

  test('may publish while it creates', () => {
    const dispatcher = new EventDispatcher<Record<string, number>>()
    const told: string[] = []
    const Outer = {
      type: 'outer',
      create(input: number): number {
        dispatcher.publish('inner', input)
        return input + 1
      },
    }
    dispatcher.subscribe('inner', (payload) => told.push(`inner ${payload}`))
    dispatcher.subscribe(Outer, (payload) => told.push(`outer ${payload}`))
    dispatcher.publish(Outer, 1)
    expect(told).toEqual(['inner 1', 'outer 2'])
  })
})

describe('a definition that does not create', () => {
  const Tick = eventType<number>()('tick')

  test('publishes the payload as it is', () => {
    const dispatcher = new EventDispatcher()
    const handler = vi.fn()
    dispatcher.subscribe(Tick, handler)
    for (let i = 0; i < 4; i++) expect(dispatcher.publish(Tick, i)).toBe(1)
    expect(handler.mock.calls).toEqual([0, 1, 2, 3].map((payload) => [payload, 'tick']))
  })

  test('and the string of its type are the same key', () => {
    const dispatcher = new EventDispatcher<{ tick: number }>()
    const handler = vi.fn()
    dispatcher.subscribe(Tick, handler)
    dispatcher.subscribe('tick', handler)
    expect(dispatcher.publish('tick', 1)).toBe(2)
    expect(dispatcher.publish(Tick, 2)).toBe(2)
    expect(dispatcher.topic('tick')).toBe(dispatcher.topic(Tick))
  })

  test('needs no index', () => {
    const dispatcher = new EventDispatcher()
    const Plain = { type: 'plain' } as const satisfies EventDefinition
    const handler = vi.fn()
    expect(dispatcher.publish(Plain, 1)).toBe(0)
    dispatcher.subscribe(Plain, handler)
    for (let i = 0; i < 3; i++) expect(dispatcher.publish(Plain, i)).toBe(1)
    expect(handler.mock.calls).toEqual([0, 1, 2].map((payload) => [payload, 'plain']))
  })

  test('publishes undefined when that is the payload given', () => {
    const dispatcher = new EventDispatcher()
    const Closed = eventType<undefined>()('closed')
    const handler = vi.fn()
    dispatcher.subscribe(Closed, handler)
    dispatcher.publish(Closed, undefined)
    expect(handler).toHaveBeenCalledWith(undefined, 'closed')
  })
})

describe('the index of a definition', () => {
  test('is a number that no other definition has', () => {
    const indexes = [nextDefinitionIndex(), eventType()('a').index, eventType()('a').index, nextDefinitionIndex()]
    expect(new Set(indexes).size).toBe(4)
  })

  test('INVARIANT: never decides: two definitions with one index reach each its own handlers', () => {
    const index = nextDefinitionIndex()
    const A = { type: 'a', index } as const
    const B = { type: 'b', index } as const
    const dispatcher = new EventDispatcher()
    const got: string[] = []
    dispatcher.subscribe(A, (payload, type) => got.push(`${type}${String(payload)}`))
    dispatcher.subscribe(B, (payload, type) => got.push(`${type}${String(payload)}`))
    for (let i = 0; i < 3; i++) {
      dispatcher.publish(A, i)
      dispatcher.publish(B, i)
    }
    expect(got).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2'])
  })

  test('two definitions of one type with different indexes share its handlers', () => {
    const One = eventType<number>()('same')
    const Other = eventType<number>()('same')
    const dispatcher = new EventDispatcher()
    const handler = vi.fn()
    dispatcher.subscribe(One, handler)
    expect(dispatcher.publish(One, 1)).toBe(1)
    expect(dispatcher.publish(Other, 2)).toBe(1)
    dispatcher.subscribe(Other, handler)
    expect(dispatcher.publish(One, 3)).toBe(2)
    expect(dispatcher.publish(Other, 4)).toBe(2)
  })

  test.for([2 ** 31, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER, -1, 0.5, Number.NaN, Infinity])(
    'may be odd in a definition made by hand: %d',
    (index) => {
      const dispatcher = new EventDispatcher()
      const Odd = { type: `odd.${index}`, index }
      const Even = eventType<number>()('even')
      dispatcher.subscribe(Odd, () => {})
      dispatcher.subscribe(Even, () => {})
      for (let i = 0; i < 3; i++) {
        expect(dispatcher.publish(Odd, i)).toBe(1)
        expect(dispatcher.publish(Even, i)).toBe(1)
      }
    },
  )
})

describe('publish of an event that exists already', () => {
  test('goes to the handlers of its type, as it is', () => {
    const dispatcher = new EventDispatcher()
    const handler = vi.fn()
    const event = OrderPlaced.create({ item: 'Book' })
    dispatcher.subscribe(OrderPlaced, handler)
    expect(dispatcher.publish(event)).toBe(1)
    expect(handler.mock.calls[0]![0]).toBe(event)
  })

  test('does not validate again', () => {
    const dispatcher = new EventDispatcher()
    const create = vi.spyOn(OrderPlaced, 'create')
    dispatcher.publish({ type: 'order.placed' })
    expect(create).not.toHaveBeenCalled()
    create.mockRestore()
  })

  test('takes instances of a class, and objects without a prototype', () => {
    class Shipped {
      readonly type = 'shipped'
    }
    const dispatcher = new EventDispatcher()
    dispatcher.subscribe('shipped', () => {})
    expect(dispatcher.publish(new Shipped())).toBe(1)
    expect(dispatcher.publish(Object.assign(Object.create(null), { type: 'shipped' }))).toBe(1)
  })
})

test('INVARIANT: an event that has an index is delivered whole each time, and is no definition', async () => {
  const event = { type: 'a', index: 3, item: 'Book' }
  const background = new AsyncEventDispatcher()
  const dispatcher = new EventDispatcher()
  const got: unknown[] = []
  for (const each of [dispatcher, background]) each.subscribe('a', (payload) => got.push(payload))
  for (let i = 0; i < 3; i++) {
    dispatcher.publish(event)
    await background.publish(event)
  }
  expect(got).toEqual(Array.from({ length: 6 }, () => event))
})
