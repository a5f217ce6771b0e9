import { setImmediate as macrotask } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  AsyncEventDispatcher,
  type DispatcherOptions,
  EventDispatcher,
  EventStormError,
  type Failure,
  isTidingsError,
} from '../src/index.ts'

type Events = Record<string, unknown>

function storms(told: readonly Failure[]): EventStormError[] {
  return told.map(({ error }) => error).filter((error) => error instanceof EventStormError)
}

function watched(options: DispatcherOptions = {}): { dispatcher: EventDispatcher<Events>; told: Failure[] } {
  const told: Failure[] = []
  return { dispatcher: new EventDispatcher<Events>({ onError: (failure) => told.push(failure), ...options }), told }
}

function caught(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

/** Nests publishes of `a` to a depth of `levels`, the outermost one included. */
function nest(dispatcher: EventDispatcher<Events>, levels: number): void {
  dispatcher.subscribe('nest', (level) => {
    if (level !== levels) dispatcher.publish('nest', (level as number) + 1)
  })
  dispatcher.publish('nest', 1)
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('nested publishing', () => {
  test.for([1, 2, 15, 16, 17, 64, 100])(
    'INVARIANT: maxDepth: %i allows so many levels and not one more',
    (maxDepth) => {
      const within = watched({ maxDepth })
      nest(within.dispatcher, maxDepth)
      expect(within.told).toEqual([])
      const beyond = watched({ maxDepth })
      nest(beyond.dispatcher, maxDepth + 1)
      expect(storms(beyond.told)).toHaveLength(1)
    },
  )

  test('is bounded at 64 by default', () => {
    const within = watched()
    nest(within.dispatcher, 64)
    expect(within.told).toEqual([])
    const beyond = watched()
    nest(beyond.dispatcher, 65)
    expect(beyond.told).toHaveLength(1)
  })

  test('is not bounded with Infinity', () => {
    const { dispatcher, told } = watched({ maxDepth: Infinity })
    nest(dispatcher, 500)
    expect(told).toEqual([])
  })

  test('is bounded however it is published: by string, by definition, on a handle, as an event, unheard', () => {
    const Definition = { type: 'a' }
    const Creating = { type: 'a', create: (input: number): number => input }
    const ways: ((dispatcher: EventDispatcher<Events>) => unknown)[] = [
      (dispatcher) => dispatcher.publish('a', 1),
      (dispatcher) => dispatcher.publish(Definition, 1),
      (dispatcher) => dispatcher.publish(Creating, 1),
      (dispatcher) => dispatcher.topic('a').publish(1),
      (dispatcher) => dispatcher.topic(Creating).publish(1),
      (dispatcher) => dispatcher.publish({ type: 'a' }),
    ]
    for (const publish of ways) {
      for (const handlers of [1, 2, 3, 4]) {
        const { dispatcher, told } = watched({ maxDepth: 20 })
        let calls = 0
        for (let i = 1; i < handlers; i++) dispatcher.subscribe('a', () => {})
        dispatcher.subscribe('a', () => {
          calls++
          publish(dispatcher)
        })
        publish(dispatcher)
        expect(calls).toBe(20)
        expect(storms(told)).toHaveLength(1)
      }
    }
    const { dispatcher, told } = watched({ maxDepth: 1 })
    dispatcher.subscribe('a', () => dispatcher.publish('nobody listens', 1))
    dispatcher.publish('a', 1)
    expect(storms(told)).toHaveLength(1)
  })

  test.for([1, 2, 3, 5, 15])(
    'the error names the cycle of types, the first one repeated at its end: %i types',
    (length) => {
      const { dispatcher, told } = watched()
      for (let i = 0; i < length; i++) {
        dispatcher.subscribe(`t${i}`, () => dispatcher.publish(`t${(i + 1) % length}`, 1))
      }
      dispatcher.publish('t0', 1)
      const [storm] = storms(told)
      const cycle = [...storm!.cycle]
      expect(cycle).toHaveLength(length + 1)
      expect(cycle.at(-1)).toBe(cycle[0])
      expect(new Set(cycle).size).toBe(length)
      expect(
        cycle.slice(1).every((type, i) => Number(type.slice(1)) === (Number(cycle[i]!.slice(1)) + 1) % length),
      ).toBe(true)
      expect(storm!.message.split('\n')[0]).toContain(cycle.join(' → '))
      expect(storm!.message).toContain('maxDepth')
      expect(isTidingsError(storm, 'EVENT_STORM')).toBe(true)
      expect(storm!.toJSON()).toMatchObject({ code: 'EVENT_STORM', details: { cycle } })
    },
  )

  test('a chain without a cycle is named by its last types', () => {
    const { dispatcher, told } = watched({ maxDepth: 40 })
    for (let i = 0; i < 50; i++) dispatcher.subscribe(`t${i}`, () => dispatcher.publish(`t${i + 1}`, 1))
    dispatcher.publish('t0', 1)
    const cycle = storms(told)[0]!.cycle
    expect(cycle.at(-1)).toBe('t40')
    expect(cycle.length).toBeGreaterThan(10)
    expect(cycle).toEqual(Array.from({ length: cycle.length }, (_, i) => `t${41 - cycle.length + i}`))
  })

  test('the error is told of the handler whose publish was refused', () => {
    const { dispatcher, told } = watched({ maxDepth: 3 })
    dispatcher.subscribe('a', () => dispatcher.publish('a', 1), { name: 'echo' })
    expect(dispatcher.publish('a', 1)).toBe(1)
    expect(told).toMatchObject([{ type: 'a', handler: 'echo' }])
  })

  test('a handler that catches the refusal has dealt with it', () => {
    const { dispatcher, told } = watched({ maxDepth: 3 })
    const refusals: unknown[] = []
    dispatcher.subscribe('a', () => refusals.push(caught(() => dispatcher.publish('a', 1))))
    dispatcher.publish('a', 1)
    expect(refusals.filter((error) => error !== undefined)).toHaveLength(1)
    expect(told).toEqual([])
  })

  test('a publish that is refused calls nobody and creates no trace: the depth is counted right afterwards', () => {
    const { dispatcher, told } = watched({ maxDepth: 4 })
    let loops = true
    dispatcher.subscribe('a', () => {
      if (loops) dispatcher.publish('a', 1)
    })
    for (let i = 0; i < 10; i++) dispatcher.publish('a', 1)
    expect(storms(told)).toHaveLength(10)
    loops = false
    told.length = 0
    nest(dispatcher, 4)
    expect(told).toEqual([])
  })

  test('is not confused by another dispatcher in the chain', () => {
    const one = watched({ maxDepth: 10 })
    const other = watched({ maxDepth: 5 })
    one.dispatcher.subscribe('a', () => other.dispatcher.publish('b', 1))
    other.dispatcher.subscribe('b', () => one.dispatcher.publish('a', 1))
    one.dispatcher.publish('a', 1)
    expect(storms([...one.told, ...other.told])).toHaveLength(1)
    expect(storms([...one.told, ...other.told])[0]!.cycle).toEqual(['b', 'b'])
    expect(one.dispatcher.publish('a', 1)).toBe(1)
  })
})

describe('a storm with branches', () => {
  test.for([1, 2, 3, 4, 10])(
    'INVARIANT: does not grow exponentially: %i handlers that all publish again',
    (handlers) => {
      const { dispatcher, told } = watched({ maxDepth: 30 })
      let calls = 0
      for (let i = 0; i < handlers; i++) {
        dispatcher.subscribe('a', () => {
          calls++
          dispatcher.publish('a', 1)
        })
      }
      expect(dispatcher.publish('a', 1)).toBe(handlers)
      expect(calls).toBe(30 * handlers)
      expect(storms(told)).toHaveLength(1)
      expect(told).toHaveLength(1)
    },
  )

  test('refuses every further publish until the outermost one has ended, of any type', () => {
    const { dispatcher, told } = watched({ maxDepth: 5 })
    const other = vi.fn()
    dispatcher.subscribe('a', () => dispatcher.publish('a', 1))
    dispatcher.subscribe('start', () => dispatcher.publish('a', 1))
    dispatcher.subscribe('start', () => dispatcher.publish('other', 1))
    dispatcher.subscribe('other', other)
    expect(dispatcher.publish('start', 1)).toBe(2)
    expect(other).not.toHaveBeenCalled()
    expect(told).toHaveLength(1)
    expect(dispatcher.publish('other', 1)).toBe(1)
    expect(other).toHaveBeenCalledOnce()
  })

  test('INVARIANT: is over when the outermost publish has ended, and the next storm is told anew', () => {
    const { dispatcher, told } = watched({ maxDepth: 5 })
    for (let i = 0; i < 3; i++) dispatcher.subscribe('a', () => dispatcher.publish('a', 1))
    for (let i = 1; i <= 4; i++) {
      dispatcher.publish('a', 1)
      expect(storms(told)).toHaveLength(i)
      expect(dispatcher.publish('quiet', 1)).toBe(0)
    }
    expect(new Set(storms(told)).size).toBe(4)
  })

  test('still reports the other errors', () => {
    const { dispatcher, told } = watched({ maxDepth: 4 })
    dispatcher.subscribe('a', () => dispatcher.publish('a', 1))
    dispatcher.subscribe('a', () => {
      throw new Error('broken')
    })
    dispatcher.publish('a', 1)
    expect(told.filter(({ error }) => (error as Error).message === 'broken')).toHaveLength(4)
    expect(storms(told)).toHaveLength(1)
  })

  test("with errors: 'throw' reaches the publisher as itself", () => {
    const dispatcher = new EventDispatcher<Events>({ errors: 'throw', maxDepth: 20 })
    dispatcher.subscribe('a', () => dispatcher.publish('a', 1))
    expect(caught(() => dispatcher.publish('a', 1))).toBeInstanceOf(EventStormError)
    expect(caught(() => dispatcher.publish('a', 1))).toBeInstanceOf(EventStormError)
  })

  test("with errors: 'throw' is told once and not wrapped at each level, where several handlers ran into it", () => {
    const { dispatcher, told } = watched({ errors: 'throw', maxDepth: 20 })
    for (let i = 0; i < 2; i++) dispatcher.subscribe('a', () => dispatcher.publish('a', 1))
    const error = caught(() => dispatcher.publish('a', 1))
    expect(error).toBeInstanceOf(EventStormError)
    expect(told).toHaveLength(1)
  })
})

describe('the causation depth that an event carries', () => {
  const Definition = { type: 'a', create: (causationDepth: unknown): object => ({ type: 'a', causationDepth }) }

  test('INVARIANT: is bounded by maxDepth, wherever the event came from', () => {
    const { dispatcher } = watched({ maxDepth: 10 })
    const handler = vi.fn()
    dispatcher.subscribe('a', handler)
    const event = (causationDepth: number) => ({ type: 'a', causationDepth })
    expect(dispatcher.publish(event(9))).toBe(1)
    for (const depth of [10, 11, Infinity]) {
      const error = caught(() => dispatcher.publish(event(depth)))
      expect(isTidingsError(error, 'EVENT_STORM'), String(error)).toBe(true)
      expect(String(error)).toContain('"a"')
      expect(caught(() => dispatcher.publish(Definition, depth))).toBeInstanceOf(EventStormError)
      expect(caught(() => dispatcher.topic(Definition).publish(depth))).toBeInstanceOf(EventStormError)
    }
    expect(handler).toHaveBeenCalledOnce()
  })

  test('ends the loop of events that count it on, although each publish stands on an empty stack', async () => {
    const { dispatcher, told } = watched({ maxDepth: 10 })
    let calls = 0
    dispatcher.subscribe('a', async (event) => {
      calls++
      await macrotask()
      dispatcher.publish({ type: 'a', causationDepth: (event as { causationDepth: number }).causationDepth + 1 } as {
        type: string
      })
    })
    dispatcher.publish({ type: 'a', causationDepth: 0 } as { type: string })
    for (let i = 0; i < 20; i++) await macrotask()
    expect(calls).toBe(10)
    expect(storms(told)).toHaveLength(1)
  })

  test('says nothing when it is no number, or there is no event', () => {
    const { dispatcher } = watched({ maxDepth: 1 })
    dispatcher.subscribe('a', () => {})
    for (const depth of ['99', null, undefined, Number.NaN, 0]) expect(dispatcher.publish(Definition, depth)).toBe(1)
    const Nothing = { type: 'a', create: (input: unknown): unknown => input }
    for (const payload of [null, undefined, 7, 'text']) expect(dispatcher.publish(Nothing, payload)).toBe(1)
  })

  test('is refused and reported by the asynchronous dispatcher', async () => {
    const told: Failure[] = []
    const dispatcher = new AsyncEventDispatcher<Events>({ maxDepth: 10, onError: (failure) => told.push(failure) })
    await expect(dispatcher.publish({ type: 'a', causationDepth: 10 } as { type: string })).rejects.toThrow(
      EventStormError,
    )
    expect(storms(told)).toHaveLength(1)
  })
})

describe('the asynchronous dispatcher follows the causal chain', () => {
  /** Without the means of the runtime, as in a browser. */
  const withoutStorage = <Result>(make: () => Result): Result => {
    const stub = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
    try {
      return make()
    } finally {
      stub.mockRestore()
    }
  }

  const make = (
    options: ConstructorParameters<typeof AsyncEventDispatcher>[0],
  ): { dispatcher: AsyncEventDispatcher<Events>; told: Failure[] } => {
    const told: Failure[] = []
    return {
      dispatcher: new AsyncEventDispatcher<Events>({ onError: (failure) => told.push(failure), ...options }),
      told,
    }
  }

  const kinds = [
    ['unbounded', {}],
    ['with concurrency', { concurrency: 4 }],
    ['serial', { mode: 'serial' }],
  ] as const

  test.for(kinds)('INVARIANT: across awaits, where maxDepth is given and the runtime can: %s', async ([, kind]) => {
    const { dispatcher, told } = make({ maxDepth: 12, ...kind })
    let calls = 0
    dispatcher.subscribe('a', async () => {
      calls++
      await macrotask()
      void dispatcher.publish('b', 1)
    })
    dispatcher.subscribe('b', async () => {
      calls++
      await Promise.resolve()
      void dispatcher.publish('a', 1)
    })
    await dispatcher.publish('a', 1)
    await dispatcher.drain()
    expect(calls).toBe(12)
    expect(storms(told).map(({ cycle }) => cycle)).toEqual([['a', 'b', 'a']])
  })

  test('INVARIANT: the first branch of a storm that meets the bound stops all the others', async () => {
    const { dispatcher, told } = make({ maxDepth: 25 })
    let calls = 0
    for (let i = 0; i < 2; i++) {
      dispatcher.subscribe('a', async () => {
        if (++calls > 5000) return
        // The first branch runs ahead.
        if (i > 0) for (let turn = 0; turn < 100; turn++) await Promise.resolve()
        await Promise.resolve()
        void dispatcher.publish('a', 1)
      })
    }
    await dispatcher.publish('a', 1)
    await dispatcher.drain()
    expect(calls).toBeLessThan(100)
    expect(storms(told)).toHaveLength(1)
  })

  test.for(kinds)(
    'INVARIANT: a storm of handlers that do not await does not grow exponentially: %s',
    async ([, kind]) => {
      for (const options of [{ ...kind, maxDepth: 25 }, kind]) {
        const { dispatcher, told } = make(options)
        let calls = 0
        for (let i = 0; i < 2; i++) {
          dispatcher.subscribe('a', () => {
            // Two to the 25th would take minutes.
            if (++calls > 100_000) return
            void dispatcher.publish('a', 1)
          })
        }
        await dispatcher.publish('a', 1)
        await dispatcher.drain()
        expect(calls).toBeLessThan(100_000)
        expect(storms(told)).toHaveLength(1)
      }
    },
  )

  test.for(kinds)('INVARIANT: a storm whose branches keep step does not grow exponentially: %s', async ([, kind]) => {
    const { dispatcher, told } = make({ maxDepth: 25, ...kind })
    let calls = 0
    for (let i = 0; i < 2; i++) {
      dispatcher.subscribe('a', async () => {
        // Two to the 25th would take minutes.
        if (++calls > 100_000) return
        await Promise.resolve()
        void dispatcher.publish('a', 1)
      })
    }
    await dispatcher.publish('a', 1)
    await dispatcher.drain()
    expect(calls).toBeLessThan(100_000)
    expect(storms(told)).toHaveLength(1)
  })

  test('as far as maxDepth allows, counting awaited publishes too', async () => {
    const { dispatcher, told } = make({ maxDepth: 5 })
    let deepest = 0
    dispatcher.subscribe('a', async (level) => {
      deepest = Math.max(deepest, level as number)
      await macrotask()
      if ((level as number) < 5) await dispatcher.publish('a', (level as number) + 1)
    })
    expect(await dispatcher.publish('a', 1)).toBe(1)
    expect([deepest, told]).toEqual([5, []])
  })

  test('chains of different origin do not add up', async () => {
    const { dispatcher, told } = make({ maxDepth: 3 })
    dispatcher.subscribe('a', async () => {
      await macrotask()
      await dispatcher.publish('b', 1)
    })
    dispatcher.subscribe('b', async () => {})
    for (let i = 0; i < 10; i++) await dispatcher.publish('a', i)
    await Promise.all(Array.from({ length: 20 }, (_, i) => dispatcher.publish('a', i)))
    expect(told).toEqual([])
  })

  test('a storm in one chain leaves the others alone', async () => {
    const { dispatcher, told } = make({ maxDepth: 5 })
    dispatcher.subscribe('loop', async () => {
      await macrotask()
      await dispatcher.publish('loop', 1)
    })
    const handler = vi.fn()
    dispatcher.subscribe('other', async () => {
      await macrotask()
      await macrotask()
      handler()
    })
    const [, count] = await Promise.all([dispatcher.publish('loop', 1), dispatcher.publish('other', 1)])
    expect(count).toBe(1)
    expect(storms(told)).toHaveLength(1)
    expect(await dispatcher.publish('other', 2)).toBe(1)
  })

  test('what an event has started, such as a timer, may publish again once the storm is over', async () => {
    const { dispatcher, told } = make({ maxDepth: 5 })
    const { promise, resolve } = deferred()
    let later: Promise<number> | undefined
    dispatcher.subscribe('start', () => {
      void promise.then(() => {
        later = dispatcher.publish('other', 1)
      })
      void dispatcher.publish('loop', 1)
    })
    dispatcher.subscribe('loop', async () => {
      await macrotask()
      await dispatcher.publish('loop', 1)
    })
    dispatcher.subscribe('other', () => {})
    await dispatcher.publish('start', 1)
    await dispatcher.drain()
    expect(storms(told)).toHaveLength(1)
    resolve()
    await macrotask()
    expect(await later!.catch((error: unknown) => String(error))).toBe(1)
  })

  test.for(kinds)('without async context the bound holds along the stack: %s', async ([, kind]) => {
    const { dispatcher, told } = withoutStorage(() => make({ maxDepth: 8, ...kind }))
    let calls = 0
    dispatcher.subscribe('a', async () => {
      calls++
      void dispatcher.publish('a', 1)
    })
    await dispatcher.publish('a', 1)
    await dispatcher.drain()
    expect(calls).toBe(8)
    expect(storms(told).map(({ cycle }) => cycle)).toEqual([['a', 'a']])
  })

  test('without async context an await starts a chain anew: only a counted event ends it', async () => {
    const { dispatcher, told } = withoutStorage(() => make({ maxDepth: 8 }))
    let calls = 0
    dispatcher.subscribe('a', async () => {
      await macrotask()
      if (++calls < 30) await dispatcher.publish('a', 1)
    })
    await dispatcher.publish('a', 1)
    expect([calls, told]).toEqual([30, []])
  })

  test.for([
    ['is null', null],
    ['has no getBuiltinModule', {}],
    ['does not know the module', { getBuiltinModule: (): undefined => {} }],
    ['has a module without AsyncLocalStorage', { getBuiltinModule: (): object => ({}) }],
  ] as const)('a global process that %s is taken for no async context', async ([, stub]) => {
    vi.stubGlobal('process', stub)
    const { dispatcher } = make({ maxDepth: 8 })
    vi.unstubAllGlobals()
    dispatcher.subscribe('a', async () => {})
    expect(await dispatcher.publish('a', 1)).toBe(1)
  })

  test('where maxDepth is not given, the async context is not asked for', () => {
    const asked = vi.spyOn(process, 'getBuiltinModule')
    make({})
    expect(asked).not.toHaveBeenCalled()
    make({ maxDepth: 8 })
    expect(asked).toHaveBeenCalled()
  })

  test.for(kinds)('by default 64 along the stack: %s', async ([, kind]) => {
    const { dispatcher, told } = make(kind)
    let calls = 0
    dispatcher.subscribe('a', () => {
      calls++
      void dispatcher.publish('a', 1)
    })
    if ('concurrency' in kind || 'mode' in kind) {
      // Handlers wait their turn here, so that the chain is followed by what caused what.
      await dispatcher.publish('a', 1)
      await dispatcher.drain()
    } else await dispatcher.publish('a', 1)
    expect(calls).toBe(64)
    expect(storms(told)).toHaveLength(1)
  })
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((settle) => (resolve = settle))
  return { promise, resolve }
}
