import { setImmediate as macrotask } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { AsyncEventDispatcher, EventDispatcher, eventType, type Failure, type Subscription } from '../src/index.ts'

// Programs that nobody should write, and that somebody will.

type Events = Record<string, unknown>

describe('many topics', () => {
  test('ten thousand types with a handler each stay apart', () => {
    const dispatcher = new EventDispatcher<Events>()
    const got = new Map<string, unknown>()
    const subscriptions: Subscription[] = []
    for (let i = 0; i < 10_000; i++) {
      subscriptions.push(dispatcher.subscribe(`topic.${i}`, (payload, type) => got.set(type, payload)))
    }
    for (let i = 0; i < 10_000; i++) expect(dispatcher.publish(`topic.${i}`, i)).toBe(1)
    expect(got.size).toBe(10_000)
    expect(got.get('topic.1234')).toBe(1234)
    expect([dispatcher.size, dispatcher.types().length]).toEqual([10_000, 10_000])
    for (const subscription of subscriptions) subscription.unsubscribe()
    expect([dispatcher.size, dispatcher.types().length]).toEqual([0, 0])
    expect(dispatcher.publish('topic.1234', 1)).toBe(0)
  })

  test('thousands of definitions made on the fly, each used once, are right', () => {
    const dispatcher = new EventDispatcher()
    dispatcher.subscribe('user.*', () => {})
    for (let i = 0; i < 5000; i++) {
      const Left = eventType<number>()(`user.${i}`)
      expect(dispatcher.publish(Left, i)).toBe(1)
    }
    expect(dispatcher.size).toBe(1)
  })

  test('hundreds of patterns over hundreds of types come and go', () => {
    const dispatcher = new EventDispatcher<Events>()
    for (let i = 0; i < 300; i++) dispatcher.publish(`a.${i}`, 1)
    const patterns = Array.from({ length: 300 }, (_, i) =>
      dispatcher.subscribe(i % 2 === 0 ? 'a.*' : `*.${i}`, () => {}),
    )
    for (let i = 0; i < 300; i++) expect(dispatcher.publish(`a.${i}`, 1)).toBe(i % 2 === 0 ? 150 : 151)
    for (const pattern of patterns) pattern.unsubscribe()
    for (let i = 0; i < 300; i++) expect(dispatcher.publish(`a.${i}`, 1)).toBe(0)
  })

  test('a type of ten thousand tokens is one like any other', () => {
    const dispatcher = new EventDispatcher<Events>()
    const type = Array.from({ length: 10_000 }, () => 't').join('.')
    dispatcher.subscribe('**', () => {})
    dispatcher.subscribe('t.**.t', () => {})
    dispatcher.subscribe(type, () => {})
    expect(dispatcher.publish(type, 1)).toBe(3)
  })
})

describe('handlers that meddle', () => {
  test('closing the dispatcher in a nested publish ends both, and later ones are refused', () => {
    const told: Failure[] = []
    const dispatcher = new EventDispatcher<Events>({ onError: (failure) => told.push(failure) })
    const late = vi.fn()
    dispatcher.subscribe('outer', () => dispatcher.publish('inner', 1))
    dispatcher.subscribe('outer', late)
    dispatcher.subscribe('inner', () => dispatcher.close())
    dispatcher.subscribe('inner', late)
    expect(dispatcher.publish('outer', 1)).toBe(1)
    expect(late).not.toHaveBeenCalled()
    expect(told).toEqual([])
    expect(() => dispatcher.publish('outer', 2)).toThrow('closed')
  })

  test('a handler that goes on publishing after it closed the dispatcher is told so', () => {
    const told: Failure[] = []
    const dispatcher = new EventDispatcher<Events>({ onError: (failure) => told.push(failure) })
    dispatcher.subscribe('a', () => {
      dispatcher.close()
      dispatcher.publish('a', 2)
    })
    expect(dispatcher.publish('a', 1)).toBe(1)
    expect(told).toMatchObject([{ error: { code: 'DISPATCHER_CLOSED' }, type: 'a', payload: 1 }])
  })

  test('a handler that aborts the signal of all', () => {
    const dispatcher = new EventDispatcher<Events>()
    const controller = new AbortController()
    const { signal } = controller
    const last = vi.fn()
    dispatcher.subscribe('a', () => {}, { signal })
    dispatcher.subscribe('a', () => controller.abort(), { signal })
    dispatcher.subscribe('a', last, { signal })
    expect(dispatcher.publish('a', 1)).toBe(2)
    expect(dispatcher.publish('a', 2)).toBe(0)
    expect(last).not.toHaveBeenCalled()
  })

  test('an abort listener of the user that subscribes and publishes', () => {
    const dispatcher = new EventDispatcher<Events>()
    const controller = new AbortController()
    const handler = vi.fn()
    dispatcher.subscribe('a', () => {}, { signal: controller.signal })
    controller.signal.addEventListener('abort', () => {
      dispatcher.subscribe('a', handler)
      dispatcher.publish('a', 'aborted')
    })
    controller.abort()
    expect(handler).toHaveBeenCalledExactlyOnceWith('aborted', 'a')
  })

  test('every handler replaces itself during every publish', () => {
    const dispatcher = new EventDispatcher<Events>()
    let calls = 0
    const join = (): void => {
      const subscription = dispatcher.subscribe('a', () => {
        calls++
        subscription.unsubscribe()
        join()
      })
    }
    for (let i = 0; i < 5; i++) join()
    for (let i = 0; i < 100; i++) expect(dispatcher.publish('a', i)).toBe(5)
    expect([calls, dispatcher.size]).toEqual([500, 5])
  })

  test('a handler that publishes on another dispatcher and back', () => {
    const one = new EventDispatcher<Events>()
    const other = new EventDispatcher<Events>()
    const told: string[] = []
    one.subscribe('a', () => other.publish('b', 1))
    one.subscribe('a', () => told.push('second of one'))
    other.subscribe('b', () => one.publish('c', 1))
    one.subscribe('c', () => told.push('back on one'))
    expect(one.publish('a', 1)).toBe(1 + 1)
    expect(told).toEqual(['back on one', 'second of one'])
  })

  test('a handler called through another dispatcher keeps its arguments', () => {
    const one = new EventDispatcher<Events>()
    const other = new EventDispatcher<Events>()
    const handler = vi.fn()
    one.subscribe('**', (payload, type) => other.publish(type, payload))
    other.subscribe('a.b', handler)
    one.publish('a.b', 1)
    expect(handler).toHaveBeenCalledExactlyOnceWith(1, 'a.b')
  })

  test('one function for every type of two dispatchers can be told apart by its arguments', () => {
    const handler = vi.fn()
    for (const dispatcher of [new EventDispatcher<Events>(), new EventDispatcher<Events>()]) {
      for (const type of ['a', 'b', 'c']) dispatcher.subscribe(type, handler)
      for (const type of ['a', 'b', 'c']) for (let i = 0; i < 4; i++) dispatcher.publish(type, i)
    }
    const once = ['a', 'b', 'c'].flatMap((type) => [0, 1, 2, 3].map((payload) => [payload, type]))
    expect(handler.mock.calls).toEqual([...once, ...once])
  })

  test('a handler that exhausts the stack is one that throws', () => {
    const told: Failure[] = []
    const dispatcher = new EventDispatcher<Events>({ onError: (failure) => told.push(failure) })
    const endless = (): number => endless() + 1
    const last = vi.fn()
    dispatcher.subscribe('a', endless)
    dispatcher.subscribe('a', last)
    for (let i = 0; i < 4; i++) expect(dispatcher.publish('a', i)).toBe(2)
    expect(told.map(({ error }) => error)).toMatchObject(Array.from({ length: 4 }, () => expect.any(RangeError)))
    expect(last).toHaveBeenCalledTimes(4)
  })
})

describe('odd arguments of JavaScript callers', () => {
  test('more arguments than there are parameters are ignored', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    dispatcher.subscribe('a', handler)
    expect((dispatcher as unknown as { publish(...given: unknown[]): number }).publish('a', 1, 2, 3, 4)).toBe(1)
    expect(handler.mock.calls).toEqual([[1, 'a']])
  })

  test('a getter for the type is taken at its word each time', () => {
    const dispatcher = new EventDispatcher()
    const got: string[] = []
    dispatcher.subscribe('**', (_, type) => got.push(type))
    let turn = 0
    const Turning = {
      get type(): string {
        return turn++ < 100 ? 'early' : 'late'
      },
    }
    expect(dispatcher.publish(Turning)).toBe(1)
    turn = 200
    expect(dispatcher.publish(Turning)).toBe(1)
    expect(got).toEqual(['early', 'late'])
  })

  test('a proxy for a payload is handed on untouched', () => {
    const dispatcher = new EventDispatcher<Events>()
    const touched = vi.fn(() => undefined)
    const payload = new Proxy({}, { get: touched, has: touched as never, ownKeys: touched as never })
    const handler = vi.fn()
    dispatcher.subscribe('a', () => handler())
    for (let i = 0; i < 4; i++) dispatcher.publish('a', payload)
    expect(handler).toHaveBeenCalledTimes(4)
    expect(touched).not.toHaveBeenCalled()
  })

  test('bound, asynchronous, generator and proxied functions are handlers', async () => {
    const dispatcher = new EventDispatcher<Events>()
    const got: unknown[] = []
    const push = (payload: unknown): void => void got.push(payload)
    dispatcher.subscribe('a', push.bind(null))
    dispatcher.subscribe('a', async (payload) => push(payload))
    dispatcher.subscribe('a', function* generator() {
      yield push('never, since nobody iterates')
    })
    dispatcher.subscribe('a', new Proxy(push, {}))
    expect(dispatcher.publish('a', 1)).toBe(4)
    await macrotask()
    expect(got).toEqual([1, 1, 1])
  })
})

describe('the asynchronous dispatcher', () => {
  test('survives a hundred thousand publishes that nobody awaits', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>({ concurrency: 16 })
    let calls = 0
    dispatcher.subscribe('a', async () => {
      await Promise.resolve()
      calls++
    })
    for (let i = 0; i < 100_000; i++) void dispatcher.publish('a', i)
    await dispatcher.drain()
    expect(calls).toBe(100_000)
  })

  test('a handler that never settles holds up only what waits for it', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>()
    dispatcher.subscribe('stuck', () => new Promise(() => {}))
    dispatcher.subscribe('a', async () => {})
    void dispatcher.publish('stuck', 1)
    expect(await dispatcher.publish('a', 1)).toBe(1)
    let drained = false
    void dispatcher.drain().then(() => (drained = true))
    await macrotask()
    expect(drained).toBe(false)
  })

  test('a handler that unsubscribes everything while events wait leaves nothing hanging', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>({ concurrency: 1 })
    const subscriptions: Subscription[] = []
    let calls = 0
    for (let i = 0; i < 5; i++) {
      subscriptions.push(
        dispatcher.subscribe('a', async () => {
          calls++
          await macrotask()
          for (const subscription of subscriptions) subscription.unsubscribe()
        }),
      )
    }
    const counts = await Promise.all([1, 2, 3].map((payload) => dispatcher.publish('a', payload)))
    expect([counts, calls, dispatcher.pending]).toEqual([[1, 0, 0], 1, 0])
    await dispatcher.drain()
  })

  test('a handler that waited for a slot runs in the async context of its publisher, not of whoever freed the slot', async () => {
    const { AsyncLocalStorage } = await import('node:async_hooks')
    const request = new AsyncLocalStorage<number>()
    for (const options of [
      { concurrency: 1 },
      { concurrency: 1, maxDepth: 8 },
      { mode: 'serial', concurrency: 1 },
    ] as const) {
      const dispatcher = new AsyncEventDispatcher<Events>(options)
      const seen: unknown[] = []
      dispatcher.subscribe('a', async (payload) => {
        seen.push([payload, request.getStore()])
        await macrotask()
      })
      await Promise.all([1, 2, 3].map((id) => request.run(id, () => dispatcher.publish('a', id))))
      expect(seen).toEqual([1, 2, 3].map((id) => [id, id]))
    }
  })
})
