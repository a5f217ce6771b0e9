import { isTidingsError } from '@tidings/core'
import { describe, expect, test } from 'vitest'
import {
  type AnyHandler,
  circuitBreaker,
  compose,
  debounce,
  filtered,
  idempotent,
  limit,
  logged,
  once,
  partial,
  pendingOf,
  resequenced,
  retry,
  throttle,
  timeout,
  unwrap,
} from '../src/index.ts'
import { thrown } from './helpers.ts'

interface Event {
  id: string
  source: string
  sequence: number
  amount: number
}

const event: Event = { id: 'a', source: '/shop', sequence: 1, amount: 3 }
const quiet = { info() {}, error() {} }

const all = {
  logged: logged({ logger: quiet }),
  retry: retry(),
  timeout: timeout('1s'),
  circuitBreaker: circuitBreaker(),
  throttle: throttle('1s'),
  debounce: debounce(0),
  limit: limit(1),
  once: once(),
  filtered: filtered((given: Event) => given.amount > 0),
  resequenced: resequenced(),
  idempotent: idempotent(),
  compose: compose(logged({ logger: quiet }), retry()),
}
const decorators = Object.entries(all) as [string, Decorate][]

describe.each(decorators)('%s', (name, decorate) => {
  test('as a function keeps name, length, this and arguments', async () => {
    const seen: unknown[] = []
    const handler = function reserve(this: unknown, ...[given, type]: [Event, string]) {
      seen.push(this, given, type)
      return given.amount
    }
    Object.defineProperty(handler, 'length', { value: 2 })
    const wrapped = decorate(handler)
    const self = { wrapped }

    expect(wrapped).toHaveProperty('name', 'reserve')
    expect(wrapped).toHaveLength(2)
    expect(wrapped).not.toBe(handler)
    expect(await Promise.resolve(Reflect.apply(wrapped, self, [event, 'shop.order.placed']))).toBe(3)
    expect(seen).toEqual([self, event, 'shop.order.placed'])
  })

  test('above a method keeps name, length, this and arguments', async () => {
    const seen: unknown[] = []
    class Warehouse {
      stock = 40
      @decorate
      reserve(given: Event, type: string): unknown {
        seen.push(this, given, type)
        return this.stock + given.amount
      }
    }
    const warehouse = new Warehouse()
    expect(Warehouse.prototype).toHaveProperty('reserve.name', 'reserve')
    expect(Warehouse.prototype).toHaveProperty('reserve.length', 2)
    expect(await warehouse.reserve(event, 'shop.order.placed')).toBe(43)
    expect(seen).toEqual([warehouse, event, 'shop.order.placed'])
  })

  test('works above a private method, a static one, and one named by a symbol', async () => {
    const key = Symbol('reserve')
    class Warehouse {
      stock = 40
      static stock = 50
      @decorate
      #reserve(given: Event): unknown {
        return this.stock + given.amount
      }
      @decorate
      [key](given: Event): unknown {
        return this.stock - given.amount
      }
      @decorate
      static reserve(given: Event): unknown {
        return this.stock + given.amount
      }
      reserve(given: Event): unknown {
        return this.#reserve(given)
      }
    }
    expect(await new Warehouse().reserve(event)).toBe(43)
    expect(await new Warehouse()[key](event)).toBe(37)
    expect(await Warehouse.reserve(event)).toBe(53)
    expect(Warehouse.prototype[key].name).toBe('[reserve]')
  })

  test('leads back to the original through all layers', () => {
    const handler = (given: Event) => given.amount
    expect(unwrap(decorate(handler))).toBe(handler)
    expect(unwrap(decorate(decorate(partial(decorate<typeof handler>(handler), event))))).toBe(handler)
  })

  test('gives errors on as they are', async () => {
    const error = Object.assign(new Error('no stock'), { retryable: false })
    const fail = async () =>
      Reflect.apply(
        decorate(() => {
          throw error
        }),
        undefined,
        [event],
      )
    await expect(fail()).rejects.toBe(error)
  })

  test('refuses to be a legacy decorator', () => {
    class Warehouse {
      reserve(): void {}
    }
    const { prototype } = Warehouse
    const misuse = thrown(() =>
      (decorate as (...args: unknown[]) => unknown)(
        prototype,
        'reserve',
        Object.getOwnPropertyDescriptor(prototype, 'reserve'),
      ),
    )
    expect(isTidingsError(misuse, 'DECORATOR_MISUSED')).toBe(true)
    expect(String(misuse)).toMatch(
      /@\w+ above "reserve" was called as a legacy decorator\nTurn `experimentalDecorators` off/,
    )
  })

  test('refuses to stand above a field, an accessor or a class', () => {
    for (const kind of ['field', 'accessor', 'getter', 'setter', 'class']) {
      const misuse = thrown(() => decorate(() => {}, { kind, name: 'reserve', static: false, private: false }))
      expect(isTidingsError(misuse, 'DECORATOR_MISUSED')).toBe(true)
      expect(String(misuse)).toContain(`stands above ${kind} "reserve"`)
    }
  })

  test('refuses what is not a function', () => {
    for (const wrong of [undefined, null, 42, 'handler', {}]) {
      const error = thrown(() => (decorate as (handler: unknown) => unknown)(wrong))
      expect(isTidingsError(error, 'INVALID_ARGUMENT')).toBe(true)
      expect(String(error)).toContain('must be called with the function to wrap, received')
    }
    expect(String(thrown(() => decorate(() => {}, 3)))).toContain('`second argument of')
    expect(name).not.toBe('')
  })
})

type Decorate = <F extends AnyHandler>(handler: F, context?: unknown) => F

test('an anonymous function stays anonymous', () => {
  expect(retry()(() => {}).name).toBe('')
})

test('wrappers of what can wait carry its controls, others none', () => {
  const handler = async (given: Event) => given.amount
  for (const wrapped of [
    debounce(9)(handler),
    throttle(9)(handler),
    limit(1)(handler),
    retry()(handler),
    resequenced()(handler),
  ]) {
    expect(wrapped.cancel).toBeTypeOf('function')
    expect(wrapped[Symbol.dispose]).toBeTypeOf('function')
    expect(Object.keys(wrapped)).toEqual([])
  }
  for (const wrapped of [
    logged()(handler),
    once()(handler),
    timeout(9)(handler),
    idempotent()(handler),
    circuitBreaker()(handler),
  ]) {
    expect(wrapped).not.toHaveProperty('cancel')
  }
})

test('the controls of an inner layer are reached through the outer ones', async () => {
  const seen: number[] = []
  const save = logged({ logger: quiet })(timeout('1m')(debounce('1h')((amount: number) => void seen.push(amount))))
  const saved = save(1)
  await save.flush()
  await saved
  expect(seen).toEqual([1])
})

test('where several layers hold calls back, all are flushed and cancelled', async () => {
  const seen: string[] = []
  const save = throttle('1h')(debounce('1h')((text: string) => void seen.push(text)))
  const first = save('first')
  const second = save('second')
  await save.flush()
  expect(seen).toEqual(['second'])
  const third = save('third')
  await Promise.resolve()
  save.cancel()
  expect(await Promise.all([first, second, third])).toEqual([undefined, undefined, undefined])
  expect(seen).toEqual(['second'])
})

test('what a method holds back is reached through its instance', async () => {
  const seen: string[] = []
  class Search {
    readonly name: string
    constructor(name: string) {
      this.name = name
    }
    @debounce('1h') async query(text: string): Promise<void> {
      seen.push(`${this.name} ${text}`)
    }
    @throttle('1h') async track(text: string): Promise<void> {
      seen.push(`${this.name} tracks ${text}`)
    }
  }
  const [one, two] = [new Search('one'), new Search('two')]
  const calls = [one.query('a'), one.query('b'), one.track('c'), one.track('d'), two.query('e')]
  await pendingOf(one).flush()
  expect(seen).toEqual(['one tracks c', 'one b', 'one tracks d'])
  pendingOf(two).cancel()
  expect(await Promise.all(calls)).toEqual([undefined, undefined, undefined, undefined, undefined])
  expect(seen).toHaveLength(3)
})

test('an object that has no decorated methods has nothing waiting', async () => {
  using pending = pendingOf({})
  await pending.flush()
  pending.cancel()
})

describe('INVARIANT: state above a method is kept per instance, state around a function per wrapper', () => {
  test('once', () => {
    class Alarm {
      rings = 0
      @once() ring(): void {
        this.rings++
      }
    }
    const [one, two] = [new Alarm(), new Alarm()]
    one.ring()
    one.ring()
    two.ring()
    expect([one.rings, two.rings]).toEqual([1, 1])

    let rings = 0
    const ring = () => void rings++
    const [first, second] = [once()(ring), once()(ring)]
    first()
    first()
    second()
    expect(rings).toBe(2)
  })

  test('a circuit breaker', async () => {
    class Gateway {
      readonly broken: boolean
      constructor(broken: boolean) {
        this.broken = broken
      }
      @circuitBreaker({ failures: 1 }) async charge(): Promise<string> {
        if (this.broken) throw new Error('refused')
        return 'charged'
      }
    }
    const [broken, sound] = [new Gateway(true), new Gateway(false)]
    await expect(broken.charge()).rejects.toThrow('refused')
    await expect(broken.charge()).rejects.toHaveProperty('code', 'CIRCUIT_OPEN')
    expect(await sound.charge()).toBe('charged')
  })

  test('idempotent', async () => {
    class Ledger {
      booked: string[] = []
      @idempotent() async book(given: { id: string }): Promise<void> {
        this.booked.push(given.id)
      }
    }
    const [one, two] = [new Ledger(), new Ledger()]
    for (const ledger of [one, one, two, two]) await ledger.book({ id: 'a' })
    expect([one.booked, two.booked]).toEqual([['a'], ['a']])
  })

  test('a method torn off its object has one state of its own', () => {
    const seen: unknown[] = []
    class Alarm {
      @once() ring(this: unknown): void {
        seen.push(this)
      }
    }
    const alarm = new Alarm()
    const ring = Reflect.get<Alarm, 'ring'>(alarm, 'ring')
    ring()
    ring()
    alarm.ring()
    expect(seen).toEqual([undefined, alarm])
  })

  test('the base method of an override has a state of its own', () => {
    const seen: string[] = []
    class Base {
      @once() ring(): void {
        seen.push('base')
      }
    }
    class Derived extends Base {
      @once() override ring(): void {
        seen.push('derived')
        super.ring()
      }
    }
    const derived = new Derived()
    derived.ring()
    derived.ring()
    expect(seen).toEqual(['derived', 'base'])
  })
})
