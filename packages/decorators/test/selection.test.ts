import { describe, expect, test } from 'vitest'
import { compose, filtered, logged, once, partial, retry, unwrap } from '../src/index.ts'
import { thrown } from './helpers.ts'

interface Order {
  quantity: number
}
const several = filtered((order: Order) => order.quantity > 1)

describe('once', () => {
  test('calls a sync handler for the first call, and stays sync', () => {
    let count = 0
    const wrapped = once()((by: number) => (count += by))
    expect([wrapped(2), wrapped(3)]).toEqual([2, undefined])
    expect(count).toBe(2)
  })

  test('gives a promise where the handler is async, also under other decorators', async () => {
    const plain = once()(async () => 1)
    expect([plain(), plain()].map((result) => result instanceof Promise)).toEqual([true, true])
    const wrapped = once()(logged({ logger: { info() {}, error() {} } })(retry()(() => 1)))
    expect([wrapped(), wrapped()].map((result) => result instanceof Promise)).toEqual([true, true])
    expect(await Promise.all([plain(), wrapped()])).toEqual([undefined, undefined])
  })

  test('INVARIANT: at most once, re-entrantly and after a failure too', () => {
    let count = 0
    const wrapped = once()((): void => {
      count++
      wrapped()
      throw new Error('failed')
    })
    expect(() => wrapped()).toThrow('failed')
    wrapped()
    expect(count).toBe(1)
  })
})

describe('filtered', () => {
  test('calls the handler for accepted events only, and stays sync', () => {
    const wrapped = several((order) => order.quantity * 2)
    expect([wrapped({ quantity: 2 }), wrapped({ quantity: 1 })]).toEqual([4, undefined])
  })

  test('gives a promise where the handler is async', async () => {
    const result = several(async (order) => order.quantity)({ quantity: 1 })
    expect(result).toBeInstanceOf(Promise)
    expect(await result).toBeUndefined()
  })

  test('the predicate sees all arguments', () => {
    const onlyPlaced = filtered((_order: Order, type: unknown) => type === 'placed')
    const seen: string[] = []
    const wrapped = onlyPlaced((_order: Order, type: string) => void seen.push(type))
    wrapped({ quantity: 1 }, 'placed')
    wrapped({ quantity: 1 }, 'shipped')
    expect(seen).toEqual(['placed'])
  })

  test('a predicate that throws fails the call', () => {
    const wrapped = filtered((_order: Order): boolean => {
      throw new Error('no verdict')
    })(() => 1)
    expect(() => wrapped({ quantity: 1 })).toThrow('no verdict')
  })

  test('an async predicate is refused, since a promise would let everything through', () => {
    const loose = filtered as (predicate: unknown) => (handler: () => void) => (event: unknown) => void
    const wrapped = loose(async () => Promise.reject(new Error('x')))(function reserve() {})
    expect(() => wrapped({})).toThrow(
      '`predicate of filtered(…) of handler reserve` must be synchronous, received an object',
    )
    expect(() => loose('yes')).toThrow('`predicate` must be a function, received "yes"')
  })
})

describe('partial', () => {
  const add = function (this: unknown, ledger: number[], factor: number, order: Order): unknown {
    ledger.push(order.quantity * factor)
    return this
  }

  test('puts the leading arguments before those of the call, and keeps name, this and the rest of the length', () => {
    const ledger: number[] = []
    const wrapped = partial(add, ledger, 10)
    const self = {}
    expect(wrapped.call(self, { quantity: 2 })).toBe(self)
    expect(ledger).toEqual([20])
    expect([wrapped.name, wrapped.length]).toEqual(['add', 1])
    expect(unwrap(wrapped)).toBe(add)
  })

  test('without leading arguments, with all, and with more than are declared', () => {
    const ledger: number[] = []
    partial(add)(ledger, 1, { quantity: 1 })
    partial(add, ledger, 1, { quantity: 2 })()
    expect(ledger).toEqual([1, 2])
    const loose = partial as (...args: unknown[]) => () => unknown
    expect(loose(() => 1, 'a', 'b')).toHaveLength(0)
    expect(() => loose('add')).toThrow('`partial(…)` must be called with the function to wrap, received "add"')
  })
})

describe('compose', () => {
  const seen: string[] = []
  const around = (name: string) =>
    logged({ name, format: ({ phase }) => phase, logger: { info: (line) => seen.push(`${name} ${line}`), error() {} } })

  test('the first decorator is the outermost, as above a method', () => {
    class Shop {
      @compose(around('a'), around('b')) handle(): void {
        seen.push('method')
      }
    }
    compose(around('a'), around('b'))(() => void seen.push('function'))()
    const asFunction = seen.splice(0)
    new Shop().handle()
    expect(asFunction).toEqual(['a started', 'b started', 'function', 'b succeeded', 'a succeeded'])
    expect(seen.splice(0)).toEqual(['a started', 'b started', 'method', 'b succeeded', 'a succeeded'])
  })

  test('compositions compose; of nothing it changes nothing', () => {
    const handler = () => void seen.push('handler')
    compose(compose(around('a')), compose(around('b'), around('c')))(handler)()
    expect(seen.splice(0).slice(0, 4)).toEqual(['a started', 'b started', 'c started', 'handler'])
    expect(compose()(handler)).toBe(handler)
  })

  test('a factory that was not called is refused', () => {
    const loose = compose as (...decorators: unknown[]) => unknown
    expect(String(thrown(() => loose(retry(), logged)))).toContain(
      '`argument 2 of compose(…)` must be a handler decorator, received a function\nCall the factory',
    )
    expect(() => loose(undefined)).toThrow('`argument 1 of compose(…)` must be a handler decorator, received undefined')
  })
})
