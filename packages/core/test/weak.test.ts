import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test, vi } from 'vitest'
import { AsyncEventDispatcher, EventDispatcher, type SubscribeOptions, type Subscription } from '../src/index.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

type Events = Record<string, unknown>

/** Collects garbage until the condition holds: finalizers run some turns of the event loop later. */
async function collected(condition: () => boolean): Promise<boolean> {
  for (let i = 0; i < 50 && !condition(); i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
  }
  return condition()
}

/** Subscribes a handler that nobody else holds. */
function subscribeAlone(
  dispatcher: EventDispatcher<Events> | AsyncEventDispatcher<Events>,
  key: string,
  options?: SubscribeOptions,
): { ref: WeakRef<() => void>; subscription: Subscription } {
  const ballast = Array.from({ length: 1000 }, () => 0)
  const handler = (): void => void ballast.length
  return { ref: new WeakRef(handler), subscription: dispatcher.subscribe(key, handler, options) }
}

describe('a weak subscription', () => {
  test.for(['a', '*', '**'])(
    'INVARIANT: to "%s" does not keep its handler alive, and ends when it is collected, without a publish',
    async (key) => {
      const dispatcher = new EventDispatcher<Events>()
      dispatcher.publish('a', 1)
      const { ref, subscription } = subscribeAlone(dispatcher, key, { weak: true })
      expect(await collected(() => ref.deref() === undefined)).toBe(true)
      expect(await collected(() => !subscription.active)).toBe(true)
      expect(dispatcher.size).toBe(0)
      expect(dispatcher.types()).toEqual([])
      expect(dispatcher.handlers('a')).toEqual([])
    },
  )

  test('INVARIANT: does not keep it alive after publishes have been specialised either', async () => {
    for (const others of [0, 1, 2, 3]) {
      const dispatcher = new EventDispatcher<Events>()
      for (let i = 0; i < others; i++) dispatcher.subscribe('a', () => {})
      const { ref } = subscribeAlone(dispatcher, 'a', { weak: true })
      const handle = dispatcher.topic('a')
      for (let i = 0; i < 5; i++) expect(handle.publish(i)).toBe(others + 1)
      expect(await collected(() => ref.deref() === undefined)).toBe(true)
      expect(handle.publish(1)).toBe(others)
    }
  })

  test('is called as long as somebody holds its handler', async () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    const subscription = dispatcher.subscribe('a', handler, { weak: true })
    for (let i = 0; i < 5; i++) {
      collectGarbage()
      await new Promise((resolve) => setImmediate(resolve))
      expect(subscription.active).toBe(true)
      expect(dispatcher.publish('a', i)).toBe(1)
    }
    expect(handler).toHaveBeenCalledTimes(5)
  })

  test('that is also for one event is called once', () => {
    const dispatcher = new EventDispatcher<Events>()
    const handler = vi.fn()
    dispatcher.subscribe('a', handler, { weak: true, once: true })
    expect([dispatcher.publish('a', 1), dispatcher.publish('a', 2)]).toEqual([1, 0])
    expect(handler).toHaveBeenCalledOnce()
  })

  test('that has been unsubscribed is left alone by the collector', async () => {
    const dispatcher = new EventDispatcher<Events>()
    const { ref, subscription } = subscribeAlone(dispatcher, 'a', { weak: true })
    subscription.unsubscribe()
    const other = dispatcher.subscribe('a', () => {})
    expect(await collected(() => ref.deref() === undefined)).toBe(true)
    expect(other.active).toBe(true)
    expect(dispatcher.publish('a', 1)).toBe(1)
  })

  test('keeps its name after the handler has gone', async () => {
    const dispatcher = new EventDispatcher<Events>()
    const { ref, subscription } = subscribeAlone(dispatcher, 'a', { weak: true })
    expect(await collected(() => ref.deref() === undefined)).toBe(true)
    expect(subscription.name).toBe('handler')
  })

  test('works in the asynchronous dispatcher', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>({ concurrency: 1 })
    const { ref, subscription } = subscribeAlone(dispatcher, 'a', { weak: true })
    expect(await dispatcher.publish('a', 1)).toBe(1)
    expect(await collected(() => ref.deref() === undefined)).toBe(true)
    expect(await collected(() => !subscription.active)).toBe(true)
    expect(await dispatcher.publish('a', 2)).toBe(0)
  })
})

describe('a strong subscription', () => {
  test('INVARIANT: keeps its handler alive though nobody else holds it', async () => {
    const dispatcher = new EventDispatcher<Events>()
    const { ref, subscription } = subscribeAlone(dispatcher, 'a')
    const weak = subscribeAlone(dispatcher, 'a', { weak: true })
    // The weak one beside it proves that the collector did run.
    expect(await collected(() => weak.ref.deref() === undefined)).toBe(true)
    expect(ref.deref()).toBeTypeOf('function')
    expect(subscription.active).toBe(true)
    expect(dispatcher.publish('a', 1)).toBe(1)
  })

  test.for([
    ['the first', 0],
    ['one in between', 2],
    ['the last', 4],
  ] as const)(
    'INVARIANT: lets go of its handler when it ends, though the dispatcher goes on: %s of five',
    async ([, at]) => {
      const dispatcher = new EventDispatcher<Events>()
      const handle = dispatcher.topic('a')
      const refs = (() => {
        const made = Array.from({ length: 5 }, () => subscribeAlone(dispatcher, 'a'))
        for (let i = 0; i < 5; i++) handle.publish(i)
        made[at]!.subscription.unsubscribe()
        return made.map(({ ref }) => ref)
      })()
      expect(await collected(() => refs[at]!.deref() === undefined)).toBe(true)
      expect(refs.filter((ref) => ref.deref() !== undefined)).toHaveLength(4)
      expect(handle.publish(1)).toBe(4)
    },
  )

  test('that has ended does not keep its handler alive for whoever keeps the subscription', async () => {
    for (const key of ['a', '*']) {
      const dispatcher = new EventDispatcher<Events>()
      const { ref, subscription } = subscribeAlone(dispatcher, key)
      dispatcher.publish('a', 1)
      subscription.unsubscribe()
      expect(await collected(() => ref.deref() === undefined)).toBe(true)
      expect(subscription.active).toBe(false)
    }
  })

  test('does not keep the dispatcher alive by its signal once it has ended', async () => {
    const controller = new AbortController()
    const ref = ((): WeakRef<object> => {
      const dispatcher = new EventDispatcher<Events>()
      dispatcher.subscribe('a', () => {}, { signal: controller.signal }).unsubscribe()
      return new WeakRef(dispatcher)
    })()
    expect(await collected(() => ref.deref() === undefined)).toBe(true)
    expect(controller.signal.aborted).toBe(false)
  })
})

test('events are let go of once they are published, by both dispatchers', async () => {
  const synchronous = new EventDispatcher<Events>()
  const asynchronous = new AsyncEventDispatcher<Events>({ concurrency: 2 })
  synchronous.subscribe('a', () => {})
  asynchronous.subscribe('a', async () => {})
  const refs = await (async () => {
    const payloads = [{ of: 'synchronous' }, { of: 'asynchronous' }]
    synchronous.publish('a', payloads[0])
    await asynchronous.publish('a', payloads[1])
    return payloads.map((payload) => new WeakRef(payload))
  })()
  expect(await collected(() => refs.every((ref) => ref.deref() === undefined))).toBe(true)
  expect(synchronous.size + asynchronous.size).toBe(2)
})

test.for([{}, { mode: 'serial' }, { concurrency: 2 }] as const)(
  'an event is let go of however many handlers it had, and though they failed: %j',
  async (options) => {
    const dispatcher = new AsyncEventDispatcher<Events>({ ...options, onError: () => {} })
    const refs = await (async () => {
      const payloads: object[] = []
      for (let handlers = 1; handlers <= 3; handlers++) {
        dispatcher.subscribe('a', (payload) => Promise.reject(payload))
        const payload = { handlers }
        payloads.push(payload)
        expect(await dispatcher.publish('a', payload)).toBe(handlers)
      }
      return payloads.map((payload) => new WeakRef(payload))
    })()
    expect(await collected(() => refs.every((ref) => ref.deref() === undefined))).toBe(true)
    expect(dispatcher.size).toBe(3)
  },
)

test.for(['012', '021', '102', '120', '201', '210'])(
  'INVARIANT: subscriptions that have ended in the order %s are kept by nobody',
  async (order) => {
    const dispatcher = new EventDispatcher<Events>()
    const ended = (() => {
      const subscriptions = Array.from({ length: 3 }, () => dispatcher.subscribe('a', () => {}))
      for (const at of order) subscriptions[Number(at)]!.unsubscribe()
      return subscriptions.map((subscription) => new WeakRef(subscription))
    })()
    expect(await collected(() => ended.every((subscription) => subscription.deref() === undefined))).toBe(true)
    expect(dispatcher.publish('a', 1)).toBe(0)
  },
)

test('an event whose handler goes on does not keep those that were published behind it', async () => {
  const dispatcher = new AsyncEventDispatcher<Record<string, { id: number }>>({ concurrency: 2 })
  const held: (() => void)[] = []
  dispatcher.subscribe('a', (event) => (event.id < 2 ? new Promise<void>((resolve) => held.push(resolve)) : undefined))
  const refs = await (async () => {
    const payloads = Array.from({ length: 10 }, (_, id) => ({ id }))
    for (const payload of payloads) void dispatcher.publish('a', payload)
    held.pop()!()
    await new Promise((resolve) => setImmediate(resolve))
    return payloads.slice(2).map((payload) => new WeakRef(payload))
  })()
  expect(await collected(() => refs.every((ref) => ref.deref() === undefined))).toBe(true)
  expect(held).toHaveLength(1)
})
