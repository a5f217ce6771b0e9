import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EventDispatcher, eventType, isTidingsError } from '@tidings/core'
import { describe, expect, test, vi } from 'vitest'
import {
  debounce,
  limit,
  logged,
  on,
  register,
  retry,
  type SignalContext,
  type Subscribable,
  typedOn,
} from '../src/index.ts'
import { settle, thrown } from './helpers.ts'

interface Order {
  id: number
}
const OrderPlaced = eventType<Order>()('shop.order.placed')
const OrderShipped = eventType<Order>()('shop.order.shipped')

/** A dispatcher reduced to what `register` asks for. */
function recorder() {
  const subscriptions: { key: unknown; handler: (...args: unknown[]) => unknown; options: object; active: boolean }[] =
    []
  return {
    subscriptions,
    active: () => subscriptions.filter(({ active }) => active).length,
    subscribe(key: unknown, handler: (...args: unknown[]) => unknown, options: object) {
      const entry = { key, handler, options, active: true }
      subscriptions.push(entry)
      return {
        unsubscribe() {
          entry.active = false
        },
      }
    },
  }
}

class Warehouse {
  seen: unknown[] = []
  @on(OrderPlaced) placed(order: Order, type: string): void {
    this.seen.push(['placed', order.id, type])
  }
  @on(OrderShipped, { priority: 5 }) shipped(order: Order): void {
    this.seen.push(['shipped', order.id])
  }
}

test('the methods of an instance are subscribed until the registration is disposed', () => {
  const dispatcher = new EventDispatcher()
  const warehouse = new Warehouse()
  {
    using registration = register(dispatcher, warehouse)
    expect(registration.size).toBe(2)
    dispatcher.publish(OrderPlaced, { id: 1 })
    dispatcher.publish(OrderShipped, { id: 2 })
  }
  expect(dispatcher.publish(OrderPlaced, { id: 3 })).toBe(0)
  expect(warehouse.seen).toEqual([
    ['placed', 1, 'shop.order.placed'],
    ['shipped', 2],
  ])
})

test('the key and the options are passed on as they are, the name defaults to class and method', () => {
  const target = recorder()
  register(target, new Warehouse())
  expect(target.subscriptions.map(({ key, options }) => [key, options])).toEqual([
    [OrderPlaced, { name: 'Warehouse.placed' }],
    [OrderShipped, { name: 'Warehouse.shipped', priority: 5 }],
  ])
  expect(target.subscriptions[0]?.handler.name).toBe('Warehouse.placed')
})

test('a bus hands its context through to the method', () => {
  class Handler {
    seen: unknown[] = []
    @on(OrderPlaced) handle(order: Order, { signal }: SignalContext): void {
      this.seen.push(order, signal)
    }
  }
  const [target, handler, { signal }] = [recorder(), new Handler(), new AbortController()]
  register(target, handler)
  target.subscriptions[0]?.handler({ id: 1 }, { signal })
  expect(handler.seen).toEqual([{ id: 1 }, signal])
})

test('several instances share one registration, and stay apart', () => {
  const dispatcher = new EventDispatcher()
  const [one, two] = [new Warehouse(), new Warehouse()]
  const registration = register(dispatcher, one, two)
  dispatcher.publish(OrderPlaced, { id: 1 })
  expect([one.seen.length, two.seen.length]).toEqual([1, 1])
  registration.unsubscribe()
  expect(dispatcher.publish(OrderPlaced, { id: 2 })).toBe(0)
})

test('an instance that is not registered is not called', () => {
  const dispatcher = new EventDispatcher()
  using _ = register(dispatcher, new Warehouse())
  const other = new Warehouse()
  dispatcher.publish(OrderPlaced, { id: 1 })
  expect(other.seen).toEqual([])
})

test('disposing twice ends each subscription once', () => {
  const unsubscribe = vi.fn()
  const registration = register({ subscribe: () => ({ unsubscribe }) }, new Warehouse())
  registration.unsubscribe()
  registration[Symbol.dispose]()
  expect(unsubscribe).toHaveBeenCalledTimes(2)
})

test('a function or a disposable will do to end a subscription', () => {
  const end = vi.fn()
  for (const subscription of [end, { [Symbol.dispose]: end }, { unsubscribe: end }]) {
    register({ subscribe: () => subscription }, new Warehouse()).unsubscribe()
  }
  expect(end).toHaveBeenCalledTimes(6)
})

test('INVARIANT: when one subscription is refused those made before are ended', () => {
  const target = recorder()
  const refusing = {
    subscribe(...args: Parameters<typeof target.subscribe>) {
      if (target.subscriptions.length === 1) throw new Error('full')
      return target.subscribe(...args)
    },
  }
  expect(() => register(refusing, new Warehouse())).toThrow('full')
  expect(target.subscriptions).toHaveLength(1)
  expect(target.active()).toBe(0)
})

test('when the way back fails too, all errors are told', () => {
  let count = 0
  const refusing: Subscribable = {
    subscribe() {
      if (count++ === 1) throw new Error('full')
      return () => {
        throw new Error('stuck')
      }
    },
  }
  const error = thrown(() => register(refusing, new Warehouse()))
  expect((error as AggregateError).errors.map(String)).toEqual(['Error: full', 'Error: stuck'])
})

test('a subscription that cannot be ended does not keep the others from it', () => {
  const ended: number[] = []
  let count = 0
  const target: Subscribable = {
    subscribe() {
      const index = count++
      return () => {
        ended.push(index)
        if (index === 1) throw new Error('stuck')
      }
    },
  }
  expect(() => register(target, new Warehouse(), new Warehouse()).unsubscribe()).toThrow('stuck')
  expect(ended).toEqual([3, 2, 1, 0])
})

describe('inheritance', () => {
  class Base {
    seen: string[] = []
    @on(OrderPlaced) handle(_order: Order): void {
      this.seen.push('base')
    }
    @on(OrderShipped) other(_order: Order): void {
      this.seen.push('other')
    }
  }
  class Silent extends Base {
    override handle(order: Order): void {
      this.seen.push('override')
      super.handle(order)
    }
  }
  class Marked extends Base {
    @on(OrderPlaced, { priority: 3 }) override handle(_order: Order): void {
      this.seen.push('marked')
    }
  }

  test('inherited handlers are subscribed', () => {
    class Derived extends Base {}
    const [dispatcher, derived] = [new EventDispatcher(), new Derived()]
    register(dispatcher, derived)
    dispatcher.publish(OrderPlaced, { id: 1 })
    expect(derived.seen).toEqual(['base'])
  })

  test('an override is called in place of what it overrides', () => {
    const [dispatcher, silent] = [new EventDispatcher(), new Silent()]
    register(dispatcher, silent)
    expect(dispatcher.publish(OrderPlaced, { id: 1 })).toBe(1)
    expect(silent.seen).toEqual(['override', 'base'])
  })

  test('INVARIANT: an override that is marked too is subscribed once, with its own options', () => {
    const [target, marked] = [recorder(), new Marked()]
    expect(register(target, marked).size).toBe(2)
    expect(target.subscriptions[0]?.options).toEqual({ name: 'Marked.handle', priority: 3 })
    target.subscriptions[0]?.handler({ id: 1 })
    expect(marked.seen).toEqual(['marked'])
  })

  test('the subclass does not change the base class', () => {
    const [dispatcher, base] = [new EventDispatcher(), new Base()]
    void new Marked()
    register(dispatcher, base)
    dispatcher.publish(OrderPlaced, { id: 1 })
    expect(base.seen).toEqual(['base'])
  })

  test('a definition and its type as a string are one key', () => {
    class Twice extends Base {
      @on('shop.order.placed') override handle(_order: unknown): void {}
    }
    expect(register(recorder(), new Twice()).size).toBe(2)
  })

  test('private methods of the same name in base and subclass are two handlers', () => {
    const seen: string[] = []
    class One {
      @on(OrderPlaced) #handle(): void {
        seen.push('one')
      }
      used(): unknown {
        return this.#handle()
      }
    }
    class Two extends One {
      @on(OrderPlaced) #handle(): void {
        seen.push('two')
      }
      override used(): unknown {
        return this.#handle()
      }
    }
    const dispatcher = new EventDispatcher()
    register(dispatcher, new Two())
    expect(dispatcher.publish(OrderPlaced, { id: 1 })).toBe(2)
    expect(seen).toEqual(['one', 'two'])
  })
})

test('a method can handle several events, and an event have several methods', () => {
  class Audit {
    seen: string[] = []
    @on(OrderPlaced) @on(OrderShipped) note(_order: Order, type: string): void {
      this.seen.push(type)
    }
    @on(OrderPlaced) also(): void {
      this.seen.push('also')
    }
  }
  const [dispatcher, audit] = [new EventDispatcher(), new Audit()]
  expect(register(dispatcher, audit).size).toBe(3)
  dispatcher.publish(OrderPlaced, { id: 1 })
  dispatcher.publish(OrderShipped, { id: 1 })
  expect(audit.seen.toSorted()).toEqual(['also', 'shop.order.placed', 'shop.order.shipped'])
})

test('methods named by symbols of one description, and a private one named as a public one, are several', () => {
  const [one, two] = [Symbol('handle'), Symbol('handle')]
  const seen: string[] = []
  class Odd {
    @on(OrderPlaced) [one](): void {
      seen.push('one')
    }
    @on(OrderPlaced) [two](): void {
      seen.push('two')
    }
    @on(OrderPlaced) ['[handle]'](): void {
      seen.push('three')
    }
    @on(OrderPlaced) #four(): void {
      seen.push('four')
    }
    @on(OrderPlaced) ['#four'](): void {
      seen.push('five')
      if (seen.length > 9) this.#four()
    }
  }
  const dispatcher = new EventDispatcher()
  using _ = register(dispatcher, new Odd())
  expect(dispatcher.publish(OrderPlaced, { id: 1 })).toBe(5)
  expect(seen.toSorted((a, b) => a.localeCompare(b))).toEqual(['five', 'four', 'one', 'three', 'two'])
})

test('decorators above and below @on both count', () => {
  const lines: string[] = []
  const logger = { info: (line: string) => lines.push(line), error: (line: string) => lines.push(line) }
  class Shop {
    @logged({ logger, name: 'above' }) @on(OrderPlaced) @logged({ logger, name: 'below' }) handle(): void {}
  }
  const dispatcher = new EventDispatcher()
  register(dispatcher, new Shop())
  dispatcher.publish(OrderPlaced, { id: 1 })
  expect(lines.filter((line) => line.startsWith('Executing'))).toEqual(['Executing above', 'Executing below'])
})

test('patterns and event maps work through typedOn', () => {
  interface Events {
    'order.placed': Order
    'order.shipped': Order
  }
  const onOrders = typedOn<Events>()
  class Audit {
    seen: string[] = []
    @onOrders('order.*') note(_order: Order, type: string): void {
      this.seen.push(type)
    }
  }
  const [dispatcher, audit] = [new EventDispatcher<Events>(), new Audit()]
  using _ = register(dispatcher, audit)
  dispatcher.publish('order.placed', { id: 1 })
  dispatcher.publish('order.shipped', { id: 1 })
  expect(audit.seen).toEqual(['order.placed', 'order.shipped'])
})

describe('refusals name the value and the fix', () => {
  test('an instance without handlers', () => {
    class Empty {
      reserve(): void {}
    }
    const error = thrown(() => register(recorder(), new Empty()))
    expect(isTidingsError(error, 'NO_HANDLERS')).toBe(true)
    expect(String(error)).toContain('received an instance of Empty\nMark the handlers with @on(key)')
    expect(String(thrown(() => register(recorder(), Warehouse)))).toContain('received the class Warehouse itself')
  })

  test('none is subscribed when one of several has no handlers', () => {
    const target = recorder()
    expect(() => register(target, new Warehouse(), {})).toThrow('no method with @on')
    expect(target.subscriptions).toEqual([])
  })

  test('no instance, no object, no target', () => {
    const loose = register as (...args: unknown[]) => unknown
    expect(() => loose(recorder())).toThrow('`second argument of register(…)` must be an instance, received undefined')
    expect(() => loose(recorder(), 'warehouse')).toThrow('must be an instance, received "warehouse"')
    expect(() => loose({}, new Warehouse())).toThrow(
      '`subscribe of the first argument of register(…)` must be a function',
    )
  })

  test('a subscribe that returns nothing to end it by', () => {
    const target = { subscribe: () => Promise.resolve() }
    expect(() => register(target as never, new Warehouse())).toThrow(
      '`what subscribe("shop.order.placed", …) returned` must be a way to unsubscribe, received an object',
    )
  })

  test('a static method, a legacy decorator, and a key that is none', () => {
    const loose = on(OrderPlaced) as (...args: unknown[]) => unknown
    const context = { kind: 'method', name: 'handle', static: true, private: false, addInitializer() {} }
    expect(() => loose(() => {}, context)).toThrow('@on("shop.order.placed") stands above the static method "handle"')
    expect(() => loose({}, 'handle', {})).toThrow('@on above "handle" was called as a legacy decorator')
    for (const key of [undefined, '', {}, { type: 1 }, 7]) {
      expect(() => on(key as string)).toThrow('`key of @on` must be an event definition or a type')
    }
  })
})

describe('the end of a registration', () => {
  class Search {
    seen: number[] = []
    @on(OrderPlaced) @debounce('1h') async index(order: Order): Promise<void> {
      this.seen.push(order.id)
    }
    @debounce('1h') async save(): Promise<void> {
      this.seen.push(-1)
    }
  }

  test('INVARIANT: gives up what its handlers have waiting, and leaves no timer', () => {
    vi.useFakeTimers()
    const [dispatcher, search] = [new EventDispatcher(), new Search()]
    const registration = register(dispatcher, search)
    dispatcher.publish(OrderPlaced, { id: 1 })
    expect(vi.getTimerCount()).toBe(1)
    registration.unsubscribe()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
    expect(search.seen).toEqual([])
  })

  test('waits for the last registration of the instance', async () => {
    const [one, two, search] = [new EventDispatcher(), new EventDispatcher(), new Search()]
    const [first, second] = [register(one, search), register(two, search)]
    one.publish(OrderPlaced, { id: 1 })
    first.unsubscribe()
    first.unsubscribe()
    await second.flush()
    expect(search.seen).toEqual([1])
    second.unsubscribe()
  })

  test('leaves methods alone that handle no event', async () => {
    const [dispatcher, search] = [new EventDispatcher(), new Search()]
    const registration = register(dispatcher, search)
    const saved = search.save()
    registration.unsubscribe()
    vi.useRealTimers()
    const { pendingOf } = await import('../src/index.ts')
    await pendingOf(search).flush()
    await saved
    expect(search.seen).toEqual([-1])
  })

  test('stops retries with the last error, and waiting calls with a CancelledError', async () => {
    const errors: unknown[] = []
    const dispatcher = new EventDispatcher({ onError: ({ error }) => errors.push(error) })
    class Mailer {
      @on(OrderPlaced) @retry({ delay: '1h' }) async send(): Promise<void> {
        throw new Error('no route')
      }
      @on(OrderShipped) @limit(1) async print(): Promise<void> {
        await new Promise(() => {})
      }
    }
    const registration = register(dispatcher, new Mailer())
    dispatcher.publish(OrderPlaced, { id: 1 })
    dispatcher.publish(OrderShipped, { id: 1 })
    dispatcher.publish(OrderShipped, { id: 2 })
    await settle()
    registration.unsubscribe()
    await settle()
    expect(
      errors.map((error) => String(error).split('\n')[0]).toSorted((a = '', b = '') => a.localeCompare(b)),
    ).toEqual([
      'CancelledError: handler `print` was not called: the call was cancelled while it waited',
      'Error: no route',
    ])
  })
})

test('with the option weak the subscription lives as long as the instance', async () => {
  setFlagsFromString('--expose-gc')
  const collect = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    runInNewContext('gc')()
  }
  const dispatcher = new EventDispatcher()
  class Panel {
    shown = 0
    @on(OrderPlaced, { weak: true }) show(): void {
      this.shown++
    }
  }
  let panel: Panel | undefined = new Panel()
  const subscribe = () => void register(dispatcher, panel as Panel)
  subscribe()
  await collect()
  expect(dispatcher.publish(OrderPlaced, { id: 1 })).toBe(1)
  expect(panel.shown).toBe(1)
  panel = undefined
  await collect()
  expect(dispatcher.publish(OrderPlaced, { id: 2 })).toBe(0)
})
