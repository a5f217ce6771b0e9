/* oxlint-disable unicorn/no-thenable -- what handlers return is not ours to choose */
import { setImmediate as macrotask } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type AsyncDispatcherOptions,
  AsyncEventDispatcher,
  eventType,
  type Failure,
  isTidingsError,
} from '../src/index.ts'

type Events = Record<string, unknown>

const kinds: [string, AsyncDispatcherOptions][] = [
  ['unbounded', {}],
  ['with a chain to follow', { maxDepth: 50 }],
  ['concurrency 1', { concurrency: 1 }],
  ['concurrency 3', { concurrency: 3 }],
  ['serial', { mode: 'serial' }],
  ['serial, concurrency 1', { mode: 'serial', concurrency: 1 }],
]

function watched(options: AsyncDispatcherOptions = {}): { dispatcher: AsyncEventDispatcher<Events>; told: Failure[] } {
  const told: Failure[] = []
  return {
    dispatcher: new AsyncEventDispatcher<Events>({ onError: (failure) => told.push(failure), ...options }),
    told,
  }
}

/** A promise to be settled by hand. */
function gate(): { promise: Promise<void>; open: () => void } {
  let open = (): void => {}
  const promise = new Promise<void>((resolve) => (open = resolve))
  return { promise, open }
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await macrotask()
}

/** The rejections that nobody handled, as the process sees them. */
const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)

// The test runner would fail the run instead of the test.
let listeners: NodeJS.UnhandledRejectionListener[] = []

beforeEach(() => {
  unhandled.length = 0
  listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', note)
})

afterEach(() => {
  process.removeAllListeners('unhandledRejection')
  for (const listener of listeners) process.on('unhandledRejection', listener)
  vi.restoreAllMocks()
})

describe.for(kinds)('publish, %s', ([, kind]) => {
  test('starts a handler at once, up to its first await', async () => {
    const { dispatcher } = watched(kind)
    const told: string[] = []
    dispatcher.subscribe('a', async () => {
      told.push('before')
      await Promise.resolve()
      told.push('after')
    })
    const done = dispatcher.publish('a', 1)
    told.push('published')
    expect(await done).toBe(1)
    expect(told).toEqual(['before', 'published', 'after'])
  })

  test('resolves to the number of handlers called once all have settled', async () => {
    const { dispatcher } = watched(kind)
    const settled: number[] = []
    for (let id = 0; id < 5; id++) {
      dispatcher.subscribe('a', async () => {
        await turns(id % 3)
        settled.push(id)
      })
    }
    dispatcher.subscribe('a', () => settled.push(5))
    expect(await dispatcher.publish('a', 1)).toBe(6)
    expect(settled.toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('resolves to 0 when nobody listens, and tells onUnhandled', async () => {
    const onUnhandled = vi.fn()
    const { dispatcher } = watched({ ...kind, onUnhandled })
    expect(await dispatcher.publish('a', 1)).toBe(0)
    expect(await dispatcher.topic('a').publish(2)).toBe(0)
    expect(onUnhandled.mock.calls).toEqual([[{ type: 'a', payload: 1 }], [{ type: 'a', payload: 2 }]])
  })

  test('takes definitions, handles, events and patterns as the synchronous one does', async () => {
    const { dispatcher } = watched(kind)
    const Creating = { type: 'a', create: (input: number): number => input * 10 }
    const Plain = eventType<number>()('a')
    const got: unknown[] = []
    dispatcher.subscribe('*', async (payload, type) => got.push([payload, type]))
    expect(await dispatcher.publish(Creating, 1)).toBe(1)
    expect(await dispatcher.topic(Creating).publish(2)).toBe(1)
    expect(await dispatcher.publish(Plain, 3)).toBe(1)
    expect(await dispatcher.topic('a').publish(4)).toBe(1)
    expect(await dispatcher.publish({ type: 'a' })).toBe(1)
    expect(got).toEqual([10, 20, 3, 4, { type: 'a' }].map((payload) => [payload, 'a']))
    expect(dispatcher.topic(Creating)).toBe(dispatcher.topic(Creating))
    expect(dispatcher.topic('a')).toBe(dispatcher.topic('a'))
    expect(dispatcher.handlers('a')).toHaveLength(1)
    expect([dispatcher.types(), dispatcher.size]).toEqual([['*'], 1])
  })

  test('takes events and definitions without a prototype', async () => {
    const { dispatcher } = watched(kind)
    const event = Object.assign(Object.create(null) as object, { type: 'a' })
    dispatcher.subscribe('a', () => {})
    expect(await dispatcher.publish(event)).toBe(1)
    expect(await dispatcher.publish(event, 1)).toBe(1)
  })

  test('INVARIANT: calls the handlers in their order', async () => {
    const { dispatcher } = watched(kind)
    const started: string[] = []
    for (const priority of [0, 5, -1, 5]) {
      dispatcher.subscribe('a', async (payload) => started.push(`${String(payload)}:${priority}`), { priority })
    }
    await dispatcher.publish('a', 1)
    await dispatcher.publish('a', 2)
    expect(started).toEqual(['1:5', '1:5', '1:0', '1:-1', '2:5', '2:5', '2:0', '2:-1'])
  })

  test('INVARIANT: a handler that throws or rejects stops nobody, and is told to onError', async () => {
    const { dispatcher, told } = watched(kind)
    const called: string[] = []
    dispatcher.subscribe(
      'a',
      () => {
        throw new Error('thrown')
      },
      { name: 'throws' },
    )
    dispatcher.subscribe('a', () => called.push('sync'))
    dispatcher.subscribe('a', () => Promise.reject(new Error('rejected')), { name: 'rejects' })
    dispatcher.subscribe('a', async () => called.push('async'))
    expect(await dispatcher.publish('a', 1)).toBe(4)
    expect(called).toEqual(['sync', 'async'])
    expect(told).toEqual([
      { error: new Error('thrown'), type: 'a', payload: 1, handler: 'throws' },
      { error: new Error('rejected'), type: 'a', payload: 1, handler: 'rejects' },
    ])
    expect(unhandled).toEqual([])
  })

  test('INVARIANT: tells every error, undefined included', async () => {
    const { dispatcher, told } = watched(kind)
    dispatcher.subscribe('a', () => Promise.reject())
    dispatcher.subscribe('a', () => Promise.reject(null))
    await dispatcher.publish('a', 1)
    expect(told.map(({ error }) => error)).toEqual([undefined, null])
  })

  test('INVARIANT: nothing that is published without awaiting leaves an unhandled rejection', async () => {
    for (const errors of ['report', 'throw'] as const) {
      const { dispatcher } = watched({ ...kind, errors })
      const Refusing = {
        type: 'a',
        create(): never {
          throw new Error('invalid')
        },
      }
      dispatcher.subscribe('a', () => Promise.reject(new Error('rejected')))
      dispatcher.subscribe('a', () => {
        throw new Error('thrown')
      })
      dispatcher.subscribe('loop', () => void dispatcher.publish('loop', 1))
      const pattern: string = 'a.*'
      void dispatcher.publish('a', 1)
      void dispatcher.topic('a').publish(1)
      void dispatcher.publish(Refusing, 1)
      void dispatcher.topic(Refusing).publish(1)
      void dispatcher.publish(pattern, 1)
      void dispatcher.publish('loop', 1)
      void (dispatcher as unknown as { publish(...given: unknown[]): Promise<number> }).publish(null)
      await turns(3)
      await dispatcher.close()
      void dispatcher.publish('a', 1)
      await turns(3)
    }
    expect(unhandled).toEqual([])
  })

  test('INVARIANT: nothing that fails is swallowed when nobody awaits and nobody asked for errors', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    for (const errors of ['report', 'throw'] as const) {
      const dispatcher = new AsyncEventDispatcher<Events>({ ...kind, errors })
      const error = new Error(`rejected with ${errors}`)
      dispatcher.subscribe('a', () => Promise.reject(error))
      void dispatcher.publish('a', 1)
      await turns(3)
      // Either way will do: a line on the console, or the rejection as the runtime reports it.
      expect([...write.mock.calls.flat(), ...unhandled.map((one) => (one as AggregateError).errors).flat()]).toContain(
        error,
      )
    }
  })

  test('once is at most once, although many events are on their way', async () => {
    const { dispatcher } = watched(kind)
    const handler = vi.fn(async () => macrotask())
    dispatcher.subscribe('a', handler, { once: true })
    const counts = await Promise.all([1, 2, 3].map((payload) => dispatcher.publish('a', payload)))
    expect(handler).toHaveBeenCalledOnce()
    expect(counts.reduce((sum, count) => sum + count)).toBe(1)
  })

  test('INVARIANT: what handlers added and removed during an event see is as in the synchronous one', async () => {
    const { dispatcher } = watched(kind)
    const called: string[] = []
    dispatcher.subscribe('a', () => {
      called.push('first')
      gone.unsubscribe()
      dispatcher.subscribe('a', () => called.push('added'), { once: true })
    })
    const gone = dispatcher.subscribe('a', () => called.push('gone'))
    dispatcher.subscribe('a', async () => called.push('last'))
    expect(await dispatcher.publish('a', 1)).toBe(2)
    expect(called).toEqual(['first', 'last'])
    expect(await dispatcher.publish('a', 2)).toBe(3)
    expect(called.slice(2)).toEqual(['first', 'last', 'added'])
  })

  test('awaits what a handler awaits: nested publishes too', async () => {
    const { dispatcher } = watched({ ...kind, concurrency: Math.max(3, kind.concurrency ?? 3) })
    const told: string[] = []
    dispatcher.subscribe('outer', async () => {
      told.push(`inner handlers: ${await dispatcher.publish('inner', 1)}`)
    })
    dispatcher.subscribe('inner', async () => {
      await macrotask()
      told.push('inner')
    })
    await dispatcher.publish('outer', 1)
    expect(told).toEqual(['inner', 'inner handlers: 1'])
  })
})

describe.for(kinds)('a refused publish, %s', ([, kind]) => {
  const refusals: [string, (dispatcher: AsyncEventDispatcher<Events>) => Promise<number>, string][] = [
    ['a pattern', (dispatcher) => dispatcher.publish(['a', '*'].join('.'), 1), 'INVALID_ARGUMENT'],
    ['no key', (dispatcher) => dispatcher.publish(null as unknown as string, 1), 'INVALID_ARGUMENT'],
    ['a symbol', (dispatcher) => dispatcher.publish(Symbol('a') as unknown as string, 1), 'INVALID_ARGUMENT'],
    [
      'an object without a type',
      (dispatcher) => dispatcher.publish(Object.create(null) as string, 1),
      'INVALID_ARGUMENT',
    ],
    [
      'an event too deep',
      (dispatcher) => dispatcher.publish({ type: 'a', causationDepth: 1000 } as { type: string }),
      'EVENT_STORM',
    ],
  ]

  test.for(refusals)('INVARIANT: is reported and rejected, never thrown: %s', async ([, publish, code]) => {
    const { dispatcher, told } = watched(kind)
    dispatcher.subscribe('**', () => {})
    let done: Promise<number> | undefined
    expect(() => (done = publish(dispatcher))).not.toThrow()
    const error: unknown = await done!.catch((refusal: unknown) => refusal)
    expect(isTidingsError(error, code), String(error)).toBe(true)
    expect(told).toMatchObject([{ error, handler: undefined }])
  })

  test('INVARIANT: is reported and rejected: what a definition refuses, with its input', async () => {
    const { dispatcher, told } = watched(kind)
    const error = new TypeError('item is empty')
    const Refusing = {
      type: 'a',
      create(): unknown {
        throw error
      },
    }
    const handler = vi.fn()
    dispatcher.subscribe('a', handler)
    await expect(dispatcher.publish(Refusing, 7)).rejects.toBe(error)
    await expect(dispatcher.topic(Refusing).publish(8)).rejects.toBe(error)
    expect(told).toEqual([7, 8].map((payload) => ({ error, type: 'a', payload, handler: undefined })))
    expect(handler).not.toHaveBeenCalled()
  })

  test('is reported and rejected after close', async () => {
    const { dispatcher, told } = watched(kind)
    const handle = dispatcher.topic('a')
    dispatcher.subscribe('a', () => {})
    await dispatcher.close()
    for (const publish of [
      () => dispatcher.publish('a', 1),
      () => dispatcher.publish('b', 1),
      () => handle.publish(1),
    ]) {
      await expect(publish()).rejects.toThrow(expect.objectContaining({ code: 'DISPATCHER_CLOSED' }))
    }
    expect(told).toHaveLength(3)
    expect(() => dispatcher.subscribe('a', () => {})).toThrow(expect.objectContaining({ code: 'DISPATCHER_CLOSED' }))
    expect(() => dispatcher.events('a')).toThrow(expect.objectContaining({ code: 'DISPATCHER_CLOSED' }))
  })
})

describe.for(kinds)("errors: 'throw', %s", ([, kind]) => {
  test('rejects with all errors together, once every handler has settled', async () => {
    const { dispatcher, told } = watched({ ...kind, errors: 'throw' })
    let settled = false
    dispatcher.subscribe('a', () => {
      throw new Error('thrown')
    })
    dispatcher.subscribe('a', async () => {
      await turns(2)
      settled = true
    })
    dispatcher.subscribe('a', () => Promise.reject(new Error('rejected')))
    const error = await dispatcher.publish('a', 1).catch((error: unknown) => error)
    expect(settled).toBe(true)
    expect(error).toBeInstanceOf(AggregateError)
    expect((error as AggregateError).errors.map((one: Error) => one.message)).toEqual(['thrown', 'rejected'])
    expect((error as AggregateError).message).toContain('2 of 3 handlers failed on "a"')
    expect(told).toHaveLength(2)
  })

  test('resolves to the count where nobody fails', async () => {
    const { dispatcher } = watched({ ...kind, errors: 'throw' })
    dispatcher.subscribe('a', async () => {})
    expect(await dispatcher.publish('a', 1)).toBe(1)
  })
})

describe.for(kinds)('a strange thing that a handler returns, %s', ([, kind]) => {
  const strange: [string, () => unknown, number][] = [
    ['a `then` getter that throws', () => Object.defineProperty({}, 'then', { get: () => fail('getter') }), 1],
    ['a `then` that throws', () => ({ then: () => fail('then') }), 1],
    [
      'a `then` that rejects before it returns',
      () => ({ then: (_: unknown, reject: (e: unknown) => void) => reject('at once') }),
      1,
    ],
    ['a `then` that resolves before it returns', () => ({ then: (resolve: () => void) => resolve() }), 0],
    [
      'a `then` that resolves twice',
      () => ({
        then(resolve: () => void) {
          resolve()
          resolve()
        },
      }),
      0,
    ],
    [
      'a `then` that resolves, then rejects, then throws',
      () => ({
        then(resolve: () => void, reject: (error: string) => void) {
          resolve()
          reject('too late')
          fail('much too late')
        },
      }),
      0,
    ],
    ['a `then` that is no function', () => ({ then: 1 }), 0],
    ['null', () => null, 0],
  ]

  test.for(strange)('%s settles the event once, and disturbs no other', async ([, make, errors]) => {
    const { dispatcher, told } = watched(kind)
    const { promise, open } = gate()
    dispatcher.subscribe('a', make)
    dispatcher.subscribe('a', () => promise)
    let count: number | undefined
    void dispatcher.publish('a', 1).then((called) => (count = called))
    await turns(3)
    expect(count).toBe(undefined)
    open()
    await turns(3)
    expect(count).toBe(2)
    expect(told).toHaveLength(errors)
    let drained = false
    void dispatcher.drain().then(() => (drained = true))
    await turns(2)
    expect(drained).toBe(true)
  })

  test('a thenable is started once: a query builder runs its query each time `then` is called', async () => {
    const { dispatcher } = watched(kind)
    let queries = 0
    dispatcher.subscribe('a', () => ({
      then(resolve: () => void) {
        queries++
        resolve()
      },
    }))
    expect(await dispatcher.publish('a', 1)).toBe(1)
    expect(queries).toBe(1)
  })
})

function fail(error: string): never {
  // oxlint-disable-next-line typescript/only-throw-error -- others do
  throw error
}

test('INVARIANT: a publish resolves after its slowest handler, in whatever order they settle', async () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [2, 0, 1],
  ]) {
    const dispatcher = new AsyncEventDispatcher({ onError: () => {} })
    const settle: (() => void)[] = []
    for (let id = 0; id < 3; id++) {
      dispatcher.subscribe('a', () => new Promise<void>((resolve, reject) => settle.push(id === 1 ? reject : resolve)))
    }
    let called: number | undefined
    const published = dispatcher.publish('a', 0).then((number) => (called = number))
    for (const id of order) {
      expect(called).toBeUndefined()
      settle[id]!()
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    }
    expect([await published, await dispatcher.drain()]).toEqual([3, undefined])
  }
})
