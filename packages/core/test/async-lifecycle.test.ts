import { setImmediate as macrotask } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type AsyncDispatcherOptions, AsyncEventDispatcher } from '../src/index.ts'

type Events = Record<string, unknown>

const kinds: [string, AsyncDispatcherOptions][] = [
  ['unbounded', {}],
  ['bounded', { concurrency: 2 }],
  ['serial', { mode: 'serial', concurrency: 1 }],
]

const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false
  void promise.then(() => (done = true))
  await macrotask()
  return done
}

describe.for(kinds)('drain, %s', ([, kind]) => {
  test('resolves at once when nothing is in flight', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>(kind)
    dispatcher.subscribe('a', () => {})
    expect(await settled(dispatcher.drain())).toBe(true)
    await dispatcher.publish('a', 1)
    expect(await settled(dispatcher.drain())).toBe(true)
  })

  test('INVARIANT: resolves once everything published has settled, nested publishes included', async () => {
    const step = fc.record({ turns: fc.integer({ min: 0, max: 3 }), publishes: fc.integer({ min: 0, max: 2 }) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, events) => {
          const dispatcher = new AsyncEventDispatcher<Events>(kind)
          let open = 0
          let calls = 0
          for (const [level, { turns, publishes }] of steps.entries()) {
            dispatcher.subscribe(`level.${level}`, async () => {
              open++
              calls++
              for (let i = 0; i < turns; i++) await Promise.resolve()
              for (let i = 0; i < publishes; i++) void dispatcher.publish(`level.${level + 1}`, i)
              open--
            })
          }
          for (let i = 0; i < events; i++) void dispatcher.publish('level.0', i)
          await dispatcher.drain()
          let expected = 0
          let breadth = events
          for (const { publishes } of steps) {
            expected += breadth
            breadth *= publishes
          }
          expect([open, calls]).toEqual([0, expected])
        },
      ),
    )
  })

  test('serves many who wait, and may be called again', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>(kind)
    dispatcher.subscribe('a', () => macrotask())
    for (let i = 0; i < 2; i++) {
      void dispatcher.publish('a', 1)
      await Promise.all([dispatcher.drain(), dispatcher.drain(), dispatcher.drain()])
    }
    expect(dispatcher.pending).toBe(0)
  })

  test('resolves although handlers fail', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>({ ...kind, onError: () => {} })
    dispatcher.subscribe('a', () => Promise.reject(new Error('broken')))
    for (let i = 0; i < 5; i++) void dispatcher.publish('a', i)
    expect(await settled(dispatcher.drain())).toBe(true)
  })
})

describe.for(kinds)('close, %s', ([, kind]) => {
  test('INVARIANT: what was published before is handled to its end, what comes after is refused', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>({ ...kind, onError: () => {} })
    const done: unknown[] = []
    dispatcher.subscribe('a', async (payload) => {
      await macrotask()
      done.push(payload)
    })
    for (let i = 0; i < 5; i++) void dispatcher.publish('a', i)
    const closed = dispatcher.close()
    await expect(dispatcher.publish('a', 'late')).rejects.toThrow(
      expect.objectContaining({ code: 'DISPATCHER_CLOSED' }),
    )
    expect(() => dispatcher.subscribe('a', () => {})).toThrow('closed')
    await closed
    expect(done).toEqual([0, 1, 2, 3, 4])
    expect(dispatcher.size).toBe(0)
  })

  test('is idempotent, and each call waits for the end', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>(kind)
    const end = vi.fn()
    dispatcher.subscribe('a', async () => {
      await macrotask()
      end()
    })
    void dispatcher.publish('a', 1)
    await Promise.race([dispatcher.close(), dispatcher.close()])
    expect(end).toHaveBeenCalledOnce()
    await dispatcher.close()
  })

  test('is what `await using` calls', async () => {
    const done: unknown[] = []
    let outer: AsyncEventDispatcher<Events>
    {
      await using dispatcher = new AsyncEventDispatcher<Events>({ ...kind, onError: () => {} })
      dispatcher.subscribe('a', async (payload) => {
        await macrotask()
        done.push(payload)
      })
      void dispatcher.publish('a', 1)
      outer = dispatcher
    }
    expect(done).toEqual([1])
    await expect(outer.publish('a', 2)).rejects.toThrow('closed')
  })

  test('ends every subscription and its signal, and every stream', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>(kind)
    const controller = new AbortController()
    const subscription = dispatcher.subscribe('a', () => {}, { signal: controller.signal })
    const pattern = dispatcher.subscribe('**', () => {})
    const stream = dispatcher.events('a')
    await dispatcher.close()
    expect([subscription.active, pattern.active]).toEqual([false, false])
    expect(await stream.next()).toEqual({ value: undefined, done: true })
    controller.abort()
  })

  test('within a handler, not awaited, lets the other handlers of the event run', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>(kind)
    const last = vi.fn()
    dispatcher.subscribe('a', async () => void dispatcher.close())
    dispatcher.subscribe('a', async () => last())
    expect(await dispatcher.publish('a', 1)).toBe(2)
    expect(last).toHaveBeenCalledOnce()
    await dispatcher.close()
    expect(dispatcher.size).toBe(0)
  })

  test('refuses, and reports, what handlers publish while it drains', async () => {
    const told: string[] = []
    const dispatcher = new AsyncEventDispatcher<Events>({ ...kind, onError: ({ type }) => told.push(type) })
    const next = vi.fn()
    dispatcher.subscribe('a', async () => {
      await macrotask()
      void dispatcher.publish('b', 1)
    })
    dispatcher.subscribe('b', next)
    void dispatcher.publish('a', 1)
    await dispatcher.close()
    expect(next).not.toHaveBeenCalled()
    expect(told).toEqual(['b'])
  })
})
