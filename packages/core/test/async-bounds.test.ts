import { setImmediate as macrotask } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type AsyncDispatcherOptions, AsyncEventDispatcher, type Failure, isTidingsError } from '../src/index.ts'

type Events = Record<string, unknown>

/** A dispatcher whose handlers wait to be let go by hand. */
function held(options: AsyncDispatcherOptions, handlers = 1) {
  const told: Failure[] = []
  const dispatcher = new AsyncEventDispatcher<Events>({ onError: (failure) => told.push(failure), ...options })
  const running: { name: string; finish: () => void }[] = []
  const started: string[] = []
  for (let id = 0; id < handlers; id++) {
    dispatcher.subscribe('a', (payload) => {
      const name = handlers === 1 ? String(payload) : `${String(payload)}.${id}`
      started.push(name)
      return new Promise<void>((resolve) => running.push({ name, finish: resolve }))
    })
  }
  /** Lets the one that runs longest go. */
  const finish = async (): Promise<void> => {
    running.shift()!.finish()
    await macrotask()
  }
  return { dispatcher, running, started, finish, told }
}

const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false
  void promise.then(
    () => (done = true),
    () => (done = true),
  )
  await macrotask()
  return done
}

describe('concurrency', () => {
  test('INVARIANT: never so many handlers run at the same time, and all of them run', async () => {
    const handler = fc.record({ turns: fc.integer({ min: 0, max: 4 }), fails: fc.boolean(), sync: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(handler, { minLength: 1, maxLength: 5 }),
        fc.array(fc.constantFrom('a', 'b'), { maxLength: 12 }),
        async (concurrency, handlers, events) => {
          const dispatcher = new AsyncEventDispatcher<Events>({ concurrency, onError: () => {} })
          let running = 0
          let most = 0
          let calls = 0
          for (const { turns, fails, sync } of handlers) {
            const run = async (): Promise<void> => {
              running++
              most = Math.max(most, running)
              for (let i = 0; i < turns; i++) await Promise.resolve()
              running--
              if (fails) throw new Error('on purpose')
            }
            dispatcher.subscribe('*', () => {
              calls++
              return sync ? undefined : run()
            })
          }
          const counts = await Promise.all(events.map((type, i) => dispatcher.publish(type, i)))
          expect(most).toBeLessThanOrEqual(concurrency)
          expect(counts).toEqual(events.map(() => handlers.length))
          expect(calls).toBe(events.length * handlers.length)
          expect([running, dispatcher.pending]).toEqual([0, 0])
          await dispatcher.drain()
        },
      ),
    )
  })

  test('INVARIANT: with mode serial it bounds the events, of each of which one handler runs at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 10 }),
        async (concurrency, handlers, events) => {
          const dispatcher = new AsyncEventDispatcher<Events>({ mode: 'serial', concurrency })
          const running = new Map<unknown, number>()
          const order = new Map<unknown, number[]>()
          let most = 0
          for (const [id, turns] of handlers.entries()) {
            dispatcher.subscribe('a', async (event) => {
              running.set(event, (running.get(event) ?? 0) + 1)
              expect(running.get(event)).toBe(1)
              most = Math.max(most, running.size)
              order.set(event, [...(order.get(event) ?? []), id])
              for (let i = 0; i < turns; i++) await Promise.resolve()
              running.delete(event)
            })
          }
          await Promise.all(Array.from({ length: events }, (_, event) => dispatcher.publish('a', event)))
          expect(most).toBeLessThanOrEqual(concurrency)
          expect([...order.values()]).toEqual(Array.from({ length: events }, () => [...handlers.keys()]))
        },
      ),
    )
  })

  test('uses every slot, and starts what waits in the order of publishing', async () => {
    const { dispatcher, started, running, finish } = held({ concurrency: 2 })
    for (let i = 1; i <= 5; i++) void dispatcher.publish('a', i)
    expect(started).toEqual(['1', '2'])
    expect(dispatcher.pending).toBe(3)
    await finish()
    expect(started).toEqual(['1', '2', '3'])
    await finish()
    await finish()
    expect(started).toEqual(['1', '2', '3', '4', '5'])
    expect([running.length, dispatcher.pending]).toEqual([2, 0])
    await finish()
    await finish()
    await dispatcher.drain()
  })

  test('counts handlers, not events: the handlers of one event share the slots', async () => {
    const { dispatcher, started, finish } = held({ concurrency: 2 }, 3)
    const one = dispatcher.publish('a', 1)
    const two = dispatcher.publish('a', 2)
    expect(started).toEqual(['1.0', '1.1'])
    expect(dispatcher.pending).toBe(4)
    await finish()
    await finish()
    expect(started).toEqual(['1.0', '1.1', '1.2', '2.0'])
    expect(await settled(one)).toBe(false)
    for (let i = 0; i < 4; i++) await finish()
    expect([await one, await two]).toEqual([3, 3])
  })

  test('a handler without a promise takes no slot', async () => {
    const { dispatcher, started } = held({ concurrency: 1 })
    const handler = vi.fn()
    dispatcher.subscribe('quick', handler)
    for (let i = 0; i < 10; i++) expect(await dispatcher.publish('quick', i)).toBe(1)
    expect(handler).toHaveBeenCalledTimes(10)
    void dispatcher.publish('a', 1)
    expect(started).toEqual(['1'])
  })

  test('a handler that fails gives its slot back', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>({ concurrency: 1, onError: () => {} })
    dispatcher.subscribe('a', (payload) => {
      if (payload === 1) throw new Error('thrown')
      return payload === 2 ? Promise.reject(new Error('rejected')) : undefined
    })
    const counts = await Promise.all([1, 2, 3, 1, 2, 3].map((payload) => dispatcher.publish('a', payload)))
    expect(counts).toEqual([1, 1, 1, 1, 1, 1])
    expect(dispatcher.pending).toBe(0)
  })

  test('a handler unsubscribed while its event waits is not called, and is not counted', async () => {
    const { dispatcher, finish } = held({ concurrency: 1 })
    const gone = vi.fn()
    const kept = vi.fn()
    const subscription = dispatcher.subscribe('b', gone)
    dispatcher.subscribe('b', kept)
    void dispatcher.publish('a', 1)
    const done = dispatcher.publish('b', 2)
    subscription.unsubscribe()
    dispatcher.subscribe('b', gone)
    await finish()
    expect(await done).toBe(1)
    expect(gone).not.toHaveBeenCalled()
    expect(kept).toHaveBeenCalledOnce()
  })

  test('thousands of events that wait are all handled, in order, without deep recursion', async () => {
    for (const options of [{ concurrency: 1 }, { mode: 'serial', concurrency: 1 }] as const) {
      const dispatcher = new AsyncEventDispatcher<Events>(options)
      const got: unknown[] = []
      dispatcher.subscribe('start', () => macrotask())
      dispatcher.subscribe('a', (payload) => got.push(payload))
      void dispatcher.publish('start', 1)
      for (let i = 0; i < 20_000; i++) void dispatcher.publish('a', i)
      await dispatcher.drain()
      expect(got).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
    }
  })

  test('a storm of handlers that publish without awaiting is bounded here as well', async () => {
    const { dispatcher, told } = held({ concurrency: 1, maxDepth: 10 })
    let calls = 0
    dispatcher.subscribe('loop', async () => {
      calls++
      await macrotask()
      void dispatcher.publish('loop', 1)
    })
    await dispatcher.publish('loop', 1)
    await dispatcher.drain()
    expect(calls).toBe(10)
    expect(told).toHaveLength(1)
  })
})

describe('maxPending', () => {
  test("with overflow: 'reject' refuses an event that does not fit, in whole, and reports it", async () => {
    const { dispatcher, started, told, finish } = held({ concurrency: 1, maxPending: 2, overflow: 'reject' })
    const taken = [1, 2, 3].map((payload) => dispatcher.publish('a', payload))
    expect(dispatcher.pending).toBe(2)
    const error: unknown = await dispatcher.publish('a', 4).catch((refusal: unknown) => refusal)
    expect(isTidingsError(error, 'PENDING_OVERFLOW')).toBe(true)
    expect(String(error)).toMatch(/PendingOverflowError.*"a".*2/)
    expect(told).toEqual([{ error, type: 'a', payload: 4, handler: undefined }])
    await finish()
    taken.push(dispatcher.publish('a', 5))
    for (let i = 0; i < 3; i++) await finish()
    expect(await Promise.all(taken)).toEqual([1, 1, 1, 1])
    expect(started).toEqual(['1', '2', '3', '5'])
  })

  test('an event is taken in whole or not at all', async () => {
    const { dispatcher, started, finish } = held({ concurrency: 1, maxPending: 4, overflow: 'reject' }, 3)
    const one = dispatcher.publish('a', 1)
    expect(dispatcher.pending).toBe(2)
    await expect(dispatcher.publish('a', 2)).rejects.toThrow(expect.objectContaining({ code: 'PENDING_OVERFLOW' }))
    expect(dispatcher.pending).toBe(2)
    for (let i = 0; i < 3; i++) await finish()
    expect(await one).toBe(3)
    expect(started).toEqual(['1.0', '1.1', '1.2'])
  })

  test('an event with more handlers than it allows is taken while nothing waits', async () => {
    const { dispatcher, finish } = held({ concurrency: 1, maxPending: 1, overflow: 'reject' }, 4)
    const done = dispatcher.publish('a', 1)
    for (let i = 0; i < 4; i++) await finish()
    expect(await done).toBe(4)
  })

  test('of 0 lets nothing wait: an event is taken while a slot is free', async () => {
    const { dispatcher, finish } = held({ concurrency: 1, maxPending: 0, overflow: 'reject' })
    const one = dispatcher.publish('a', 1)
    let refusal: unknown
    void dispatcher.publish('a', 2).catch((error: unknown) => (refusal = error))
    await macrotask()
    expect(dispatcher.pending).toBe(0)
    expect(isTidingsError(refusal, 'PENDING_OVERFLOW')).toBe(true)
    await finish()
    expect(await one).toBe(1)
  })

  test("with overflow: 'wait', the default, takes everything and makes its publisher wait", async () => {
    const { dispatcher, finish, told } = held({ concurrency: 1, maxPending: 1 })
    const all = [1, 2, 3, 4].map((payload) => dispatcher.publish('a', payload))
    expect(dispatcher.pending).toBe(3)
    for (let i = 0; i < 4; i++) await finish()
    expect(await Promise.all(all)).toEqual([1, 1, 1, 1])
    expect(told).toEqual([])
  })

  test('ready() resolves while there is room, and otherwise as soon as there is', async () => {
    for (const overflow of ['wait', 'reject'] as const) {
      const { dispatcher, finish } = held({ concurrency: 1, maxPending: 2, overflow })
      expect(await settled(dispatcher.ready())).toBe(true)
      for (let i = 0; i < 3; i++) void dispatcher.publish('a', i)
      const ready = dispatcher.ready()
      expect(await settled(ready)).toBe(false)
      await finish()
      expect(await settled(ready)).toBe(true)
      await finish()
      await finish()
      await dispatcher.drain()
    }
  })

  test('ready() is there at once in a dispatcher without bounds', async () => {
    const { dispatcher } = held({})
    for (let i = 0; i < 100; i++) void dispatcher.publish('a', i)
    expect(await settled(dispatcher.ready())).toBe(true)
  })

  test.for(['concurrent', 'serial'] as const)(
    'INVARIANT: a publisher that awaits ready() has no more waiting than maxPending: %s',
    async (mode) => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 3 }),
          fc.integer({ min: 1, max: 5 }),
          fc.integer({ min: 1, max: 3 }),
          async (concurrency, maxPending, handlers) => {
            const dispatcher = new AsyncEventDispatcher<Events>({ concurrency, maxPending, mode })
            let calls = 0
            for (let id = 0; id < handlers; id++) {
              dispatcher.subscribe('a', async () => {
                calls++
                for (let i = 0; i <= id; i++) await Promise.resolve()
              })
            }
            let most = 0
            for (let i = 0; i < 30; i++) {
              await dispatcher.ready()
              void dispatcher.publish('a', i)
              most = Math.max(most, dispatcher.pending)
            }
            await dispatcher.drain()
            // One event is taken in whole, so the last one may stand out by its other handlers.
            expect(most).toBeLessThanOrEqual(maxPending + handlers - 1)
            expect(calls).toBe(30 * handlers)
          },
        ),
        { numRuns: 50 },
      )
    },
  )
})

describe('mode: serial', () => {
  test('runs the handlers of one event one after the other, in order, through failures', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>({ mode: 'serial', onError: () => {} })
    const told: string[] = []
    for (const [id, turns] of [3, 0, 2, 1].entries()) {
      dispatcher.subscribe('a', async () => {
        told.push(`start ${id}`)
        for (let i = 0; i < turns; i++) await macrotask()
        told.push(`end ${id}`)
        if (id % 2 === 0) throw new Error('on purpose')
      })
    }
    expect(await dispatcher.publish('a', 1)).toBe(4)
    expect(told).toEqual([0, 1, 2, 3].flatMap((id) => [`start ${id}`, `end ${id}`]))
  })

  test('without concurrency runs different events beside each other', async () => {
    const { dispatcher, started } = held({ mode: 'serial' }, 2)
    void dispatcher.publish('a', 1)
    void dispatcher.publish('a', 2)
    expect(started).toEqual(['1.0', '2.0'])
    expect(dispatcher.pending).toBe(2)
  })

  test('with concurrency 1 handles one event after the other, to its end', async () => {
    const { dispatcher, started, finish } = held({ mode: 'serial', concurrency: 1 }, 2)
    for (const payload of [1, 2]) void dispatcher.publish('a', payload)
    for (let i = 0; i < 4; i++) await finish()
    expect(started).toEqual(['1.0', '1.1', '2.0', '2.1'])
    await dispatcher.drain()
  })

  test('a handler unsubscribed while it waits its turn is not called', async () => {
    const { dispatcher, finish } = held({ mode: 'serial' })
    const late = vi.fn()
    const subscription = dispatcher.subscribe('a', late)
    const done = dispatcher.publish('a', 1)
    subscription.unsubscribe()
    await finish()
    expect(await done).toBe(1)
    expect(late).not.toHaveBeenCalled()
  })
})

describe('options that make no sense are refused at construction', () => {
  test.for([
    ['concurrency', { concurrency: 0 }],
    ['concurrency', { concurrency: -1 }],
    ['concurrency', { concurrency: Number.NaN }],
    ['maxPending', { maxPending: -1 }],
    ['maxPending', { maxPending: Number.NaN }],
    ['maxDepth', { maxDepth: 0 }],
    ['mode', { mode: 'parallel' as 'serial' }],
    ['overflow', { overflow: 'drop' as 'reject' }],
    ['errors', { errors: 'ignore' as 'throw' }],
  ] as const)('%s in %o', ([option, options]) => {
    expect(() => new AsyncEventDispatcher(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(`\`${option}\``) }),
    )
  })
})
