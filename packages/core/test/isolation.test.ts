/* oxlint-disable unicorn/no-thenable -- what handlers return is not ours to choose */
import { setImmediate as macrotask } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type DispatcherOptions, EventDispatcher, type Failure, isTidingsError } from '../src/index.ts'

type Events = Record<string, unknown>

const handlerCounts = [1, 2, 3, 4, 7]

/** Everything that JavaScript lets a handler throw. */
const thrown: [string, unknown][] = [
  ['an error', new Error('broken')],
  ['a string', 'broken'],
  ['null', null],
  ['undefined', undefined],
  ['0', 0],
  ['a symbol', Symbol('broken')],
  ['a frozen object', Object.freeze({ broken: true })],
  ['a function', () => 'broken'],
]

function failures(options: DispatcherOptions = {}): { dispatcher: EventDispatcher<Events>; told: Failure[] } {
  const told: Failure[] = []
  return { dispatcher: new EventDispatcher<Events>({ onError: (failure) => told.push(failure), ...options }), told }
}

function raise(error: unknown): never {
  throw error
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a handler that throws', () => {
  test.for(thrown)('INVARIANT: stops no other handler and not the publisher: %s', ([, error]) => {
    for (const handlers of handlerCounts) {
      for (let at = 0; at < handlers; at++) {
        const { dispatcher, told } = failures()
        const called: number[] = []
        for (let id = 0; id < handlers; id++) {
          dispatcher.subscribe('a', () => {
            called.push(id)
            if (id === at) raise(error)
          })
        }
        const handle = dispatcher.topic('a')
        for (const publish of [() => dispatcher.publish('a', 1), () => handle.publish(1)]) {
          // Until the path is specialised and beyond.
          for (let i = 0; i < 4; i++) {
            called.length = 0
            told.length = 0
            expect(publish()).toBe(handlers)
            expect(called).toEqual(Array.from({ length: handlers }, (_, id) => id))
            expect(told.map((failure) => failure.error)).toEqual([error])
          }
        }
      }
    }
  })

  test('onError is told the error, the type, the payload and the name of the handler', () => {
    const { dispatcher, told } = failures()
    const error = new Error('out of stock')
    const payload = { item: 'Book' }
    dispatcher.subscribe('order.placed', function reserve() {
      throw error
    })
    dispatcher.subscribe('order.*', () => raise(error), { name: 'audit' })
    dispatcher.publish('order.placed', payload)
    expect(told).toEqual([
      { error, type: 'order.placed', payload, handler: 'reserve' },
      { error, type: 'order.placed', payload, handler: 'audit' },
    ])
    expect(told[0]!.error).toBe(error)
    expect(told[0]!.payload).toBe(payload)
  })

  test('one error that two handlers throw is told twice', () => {
    const { dispatcher, told } = failures()
    const error = new Error('shared')
    dispatcher.subscribe('a', () => raise(error))
    dispatcher.subscribe('a', () => raise(error))
    dispatcher.publish('a', 1)
    expect(told).toHaveLength(2)
  })

  test('is still subscribed afterwards', () => {
    const { dispatcher, told } = failures()
    dispatcher.subscribe('a', () => raise(new Error('again')))
    for (let i = 0; i < 5; i++) dispatcher.publish('a', i)
    expect(told).toHaveLength(5)
    expect(dispatcher.size).toBe(1)
  })

  test('does not reach the outer publish when it was nested', () => {
    const { dispatcher, told } = failures()
    const after = vi.fn()
    dispatcher.subscribe('outer', () => {
      dispatcher.publish('inner', 1)
      after()
    })
    dispatcher.subscribe('inner', () => raise(new Error('inner')))
    expect(dispatcher.publish('outer', 1)).toBe(1)
    expect(after).toHaveBeenCalledOnce()
    expect(told.map(({ type }) => type)).toEqual(['inner'])
  })

  test('a class is no function to be called, which is an error like any other', () => {
    const { dispatcher, told } = failures()
    dispatcher.subscribe(
      'a',
      class Handler {
        readonly called = true
      } as unknown as () => void,
    )
    expect(dispatcher.publish('a', 1)).toBe(1)
    expect(told[0]).toMatchObject({ error: expect.any(TypeError), handler: 'Handler' })
  })

  test('many failures leave no trace: the depth bound still counts from nothing', () => {
    const { dispatcher, told } = failures({ maxDepth: 2 })
    dispatcher.subscribe('a', () => {
      dispatcher.publish('b', 1)
      raise(new Error('broken'))
    })
    dispatcher.subscribe('b', () => raise(new Error('broken')))
    for (let i = 0; i < 100; i++) dispatcher.publish('a', i)
    expect(told.some(({ error }) => isTidingsError(error))).toBe(false)
    expect(told).toHaveLength(200)
  })

  test('a handler whose name cannot be read is isolated and reported all the same', () => {
    const { dispatcher, told } = failures()
    const handler = Object.defineProperty(() => raise(new Error('broken')), 'name', {
      get: () => raise(new Error('no name')),
    })
    dispatcher.subscribe('a', handler)
    dispatcher.subscribe('a', () => {})
    expect(dispatcher.publish('a', 1)).toBe(2)
    expect(told).toHaveLength(1)
  })
})

describe('without onError', () => {
  test('INVARIANT: an error is written to console.error with type and handler: nothing is swallowed', () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const dispatcher = new EventDispatcher<Events>()
    const error = new Error('out of stock')
    dispatcher.subscribe('order.placed', function reserve() {
      throw error
    })
    dispatcher.publish('order.placed', { item: 'Book' })
    expect(write).toHaveBeenCalledOnce()
    expect(write.mock.calls[0]).toContain(error)
    expect(String(write.mock.calls[0]![0])).toMatch(/"reserve".*"order\.placed"/)
  })

  test.for(thrown)('INVARIANT: whatever was thrown: %s', async ([, error]) => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const dispatcher = new EventDispatcher<Events>()
    dispatcher.subscribe('thrown', () => raise(error))
    dispatcher.subscribe('rejected', () => Promise.reject(error))
    dispatcher.publish('thrown', 1)
    expect(write).toHaveBeenCalledTimes(1)
    dispatcher.publish('rejected', 1)
    await macrotask()
    expect(write).toHaveBeenCalledTimes(2)
    expect(write.mock.calls.every((line) => line.includes(error))).toBe(true)
  })

  test('INVARIANT: no payload is written to the console, since it may hold secrets', () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const broken = (): never => raise(new Error('broken'))
    const payload = { password: 'hunter2' }
    const silent = new EventDispatcher<Events>()
    silent.subscribe('a', broken)
    silent.publish('a', payload)
    const hooks = new EventDispatcher<Events>({ onError: broken, onUnhandled: broken, observer: { published: broken } })
    hooks.subscribe('a', broken)
    hooks.publish('a', payload)
    hooks.publish('unhandled', payload)
    expect(write.mock.calls.length).toBeGreaterThanOrEqual(4)
    expect(write.mock.calls.flat()).not.toContainEqual(payload)
    expect(JSON.stringify(write.mock.calls)).not.toContain('hunter2')
  })
})

describe('a hook that fails', () => {
  const hooks = (broken: () => unknown): DispatcherOptions => ({
    onError: () => void 0,
    onUnhandled: broken,
    observer: { published: broken, handled: broken, failed: broken, unhandled: broken, shed: broken },
    storm: { limit: 4, per: '1h', onChange: broken },
  })

  test('INVARIANT: stops no handler and not the publisher, and goes to console.error', () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const error = new Error('broken hook')
    const dispatcher = new EventDispatcher<Events>({ ...hooks(() => raise(error)), onError: () => raise(error) })
    const called: string[] = []
    dispatcher.subscribe('a', () => {
      called.push('first')
      throw new Error('broken handler')
    })
    dispatcher.subscribe('a', () => called.push('second'))
    for (let i = 0; i < 4; i++) expect(dispatcher.publish('a', i)).toBe(2)
    expect(dispatcher.publish('a', 'shed')).toBe(0)
    expect(dispatcher.publish('b', 'unhandled')).toBe(0)
    expect(called).toHaveLength(8)
    const own = write.mock.calls.filter((line) => line.includes(error))
    // Four times published, failed, onError and handled; the opening and the shed event; unhandled in its three hooks.
    expect(own).toHaveLength(4 * 4 + 2 + 3)
    // What a broken onError did not tell is told for it.
    expect(write.mock.calls.filter((line) => String(line[1]).includes('broken handler'))).toHaveLength(4)
    expect(write).toHaveBeenCalledTimes(own.length + 4)
  })

  test('INVARIANT: a hook that rejects leaves no unhandled rejection', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    const broken = async (): Promise<void> => raise(new Error('broken hook'))
    const dispatcher = new EventDispatcher<Events>({ ...hooks(broken), onError: broken })
    dispatcher.subscribe('a', () => raise(new Error('broken handler')))
    for (let i = 0; i < 6; i++) dispatcher.publish('a', i)
    dispatcher.publish('b', 'unhandled')
    await macrotask()
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
    expect(write).toHaveBeenCalled()
  })

  test('onError may publish, and its own storm ends', () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const dispatcher = new EventDispatcher<Events>({
      maxDepth: 8,
      onError: ({ error }) => dispatcher.publish('error', error),
    })
    let calls = 0
    dispatcher.subscribe('error', () => {
      calls++
      raise(new Error('the handler of errors is broken too'))
    })
    dispatcher.subscribe('a', () => raise(new Error('broken')))
    expect(dispatcher.publish('a', 1)).toBe(1)
    expect(calls).toBe(7)
    expect(write).toHaveBeenCalled()
    expect(dispatcher.publish('a', 2)).toBe(1)
  })
})

describe('a promise that a handler returns', () => {
  test('INVARIANT: is watched: its rejection goes to onError, on every path', async () => {
    for (const handlers of handlerCounts) {
      const { dispatcher, told } = failures()
      for (let id = 0; id < handlers; id++) {
        dispatcher.subscribe('a', async () => raise(id), { name: `handler ${id}` })
      }
      const handle = dispatcher.topic('a')
      for (let i = 0; i < 4; i++) expect(handle.publish(i)).toBe(handlers)
      expect(told).toEqual([])
      await macrotask()
      expect(told).toHaveLength(4 * handlers)
      expect(told.slice(0, handlers)).toEqual(
        Array.from({ length: handlers }, (_, id) => ({ error: id, type: 'a', payload: 0, handler: `handler ${id}` })),
      )
    }
  })

  test('that resolves is nobody’s business', async () => {
    const { dispatcher, told } = failures()
    dispatcher.subscribe('a', async () => 'fine')
    expect(dispatcher.publish('a', 1)).toBe(1)
    await macrotask()
    expect(told).toEqual([])
  })

  test('may reject after its handler has been unsubscribed and the dispatcher closed', async () => {
    const { dispatcher, told } = failures()
    let reject: (error: Error) => void = () => {}
    dispatcher.subscribe('a', () => new Promise<void>((_, refuse) => (reject = refuse)))
    dispatcher.publish('a', 1)
    dispatcher.close()
    reject(new Error('late'))
    await macrotask()
    expect(told).toMatchObject([{ error: new Error('late'), type: 'a', handler: 'anonymous' }])
  })
})

describe('a strange thing that a handler returns', () => {
  const strange: [string, () => unknown][] = [
    ['an object whose `then` getter throws', () => Object.defineProperty({}, 'then', { get: () => raise('getter') })],
    ['an object whose `then` throws', () => ({ then: () => raise('then') })],
    [
      'a thenable that rejects before it returns',
      () => ({ then: (_: unknown, reject: (error: string) => void) => reject('at once') }),
    ],
  ]

  test.for(strange)('%s is reported once and stops nobody', async ([, make]) => {
    for (const handlers of handlerCounts) {
      const { dispatcher, told } = failures()
      for (let id = 0; id < handlers; id++) dispatcher.subscribe('a', make)
      for (let i = 0; i < 4; i++) expect(dispatcher.publish('a', i)).toBe(handlers)
      await macrotask()
      expect(told).toHaveLength(4 * handlers)
    }
  })

  test.for([
    ['a `then` that is no function', { then: 1 }],
    ['a number', 1],
    ['null', null],
    ['a proxy', new Proxy({}, {})],
    ['a frozen object', Object.freeze({})],
  ] as const)('%s is ignored', async ([, value]) => {
    const { dispatcher, told } = failures()
    for (let i = 0; i < 4; i++) dispatcher.subscribe('a', () => value)
    for (let i = 0; i < 4; i++) expect(dispatcher.publish('a', i)).toBe(4)
    await macrotask()
    expect(told).toEqual([])
  })

  test('a thenable is started once: a query builder runs its query each time `then` is called', async () => {
    const { dispatcher } = failures()
    let queries = 0
    dispatcher.subscribe('a', () => ({ then: () => void queries++ }))
    dispatcher.publish('a', 1)
    await macrotask()
    expect(queries).toBe(1)
  })
})

describe("errors: 'throw'", () => {
  const collecting = (): EventDispatcher<Events> => new EventDispatcher<Events>({ errors: 'throw' })
  const caught = (call: () => unknown): unknown => {
    try {
      call()
    } catch (error) {
      return error
    }
    return undefined
  }

  test('INVARIANT: collects what handlers throw and throws it together once all have run', () => {
    for (const handlers of handlerCounts) {
      const dispatcher = collecting()
      const called: number[] = []
      for (let id = 0; id < handlers; id++) {
        dispatcher.subscribe('a', () => {
          called.push(id)
          if (id % 2 === 0) raise(id)
        })
      }
      for (const publish of [() => dispatcher.publish('a', 1), () => dispatcher.topic('a').publish(1)]) {
        called.length = 0
        const error = caught(publish)
        expect(error).toBeInstanceOf(AggregateError)
        expect((error as AggregateError).errors).toEqual(called.filter((id) => id % 2 === 0))
        expect(called).toHaveLength(handlers)
      }
    }
  })

  test('its message says how many of how many failed, on what', () => {
    const dispatcher = collecting()
    dispatcher.subscribe('a', () => {})
    dispatcher.subscribe('a', () => raise(new Error('broken')))
    expect(() => dispatcher.publish('a', 1)).toThrow('1 of 2 handlers failed on "a"')
  })

  test.for(thrown)('collects %s as it is', ([, error]) => {
    const dispatcher = collecting()
    dispatcher.subscribe('a', () => raise(error))
    const collected = caught(() => dispatcher.publish('a', 1)) as AggregateError
    expect(collected.errors).toHaveLength(1)
    expect(collected.errors[0]).toBe(error)
  })

  test('returns the count where nobody fails', () => {
    const dispatcher = collecting()
    dispatcher.subscribe('a', () => {})
    expect(dispatcher.publish('a', 1)).toBe(1)
  })

  test('tells onError too where there is one, and keeps console.error silent', () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { dispatcher, told } = failures({ errors: 'throw' })
    dispatcher.subscribe('a', () => raise('broken'))
    expect(() => dispatcher.publish('a', 1)).toThrow(AggregateError)
    expect(told.map(({ error }) => error)).toEqual(['broken'])
    const without = collecting()
    without.subscribe('a', () => raise('broken'))
    expect(() => without.publish('a', 1)).toThrow(AggregateError)
    expect(write).not.toHaveBeenCalled()
  })

  test('works on after it has thrown, nested too', () => {
    const dispatcher = new EventDispatcher<Events>({ errors: 'throw', maxDepth: 3 })
    dispatcher.subscribe('outer', () => dispatcher.publish('inner', 1))
    dispatcher.subscribe('inner', () => raise('broken'))
    for (let i = 0; i < 10; i++) {
      const outer = caught(() => dispatcher.publish('outer', i)) as AggregateError
      expect(outer.message).toContain('"outer"')
      expect((outer.errors[0] as AggregateError).errors).toEqual(['broken'])
    }
  })

  test('INVARIANT: a rejection that comes after the publish cannot be thrown any more, so it is reported', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    const dispatcher = collecting()
    const error = new Error('late')
    dispatcher.subscribe('a', () => Promise.reject(error))
    expect(dispatcher.publish('a', 1)).toBe(1)
    await macrotask()
    expect(write.mock.calls.flat()).toContain(error)
  })
})
