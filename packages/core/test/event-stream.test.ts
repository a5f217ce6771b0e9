import { getEventListeners } from 'node:events'
import { setImmediate as macrotask } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AsyncEventDispatcher, type EventStream, eventType, isTidingsError, type StreamOptions } from '../src/index.ts'

type Events = Record<string, number>

function streaming(options?: StreamOptions, key = 'a') {
  const dispatcher = new AsyncEventDispatcher<Events>({ onError: () => {} })
  const stream: EventStream<number> = dispatcher.events(key, options)
  const publishing = (...payloads: number[]): Promise<number>[] =>
    payloads.map((payload) => dispatcher.publish('a', payload))
  const publish = (...payloads: number[]): void => void publishing(...payloads)
  return { dispatcher, stream, publish, publishing }
}

/** Everything that is left, to the end. */
async function rest<P>(stream: EventStream<P>): Promise<P[]> {
  const got: P[] = []
  for await (const payload of stream) got.push(payload)
  return got
}

const done = { value: undefined, done: true }

const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false
  void promise.then(
    () => (done = true),
    () => (done = true),
  )
  await macrotask()
  return done
}

describe('a stream', () => {
  test('yields the events of its key, in order', async () => {
    const { dispatcher, stream, publish } = streaming()
    publish(1, 2, 3)
    void dispatcher.publish('b', 9)
    expect(await stream.next()).toEqual({ value: 1, done: false })
    expect(await stream.next()).toEqual({ value: 2, done: false })
    publish(4)
    await dispatcher.close()
    expect(await rest(stream)).toEqual([3, 4])
  })

  test('buffers from the call of events() on, before anybody reads', async () => {
    const { dispatcher, stream, publish } = streaming()
    publish(1)
    await macrotask()
    publish(2)
    await dispatcher.close()
    expect(await rest(stream)).toEqual([1, 2])
  })

  test('gives an event to a reader that waits for it', async () => {
    const { stream, publish } = streaming()
    const waiting = [stream.next(), stream.next()]
    publish(1, 2, 3)
    expect(await Promise.all(waiting)).toEqual([1, 2].map((value) => ({ value, done: false })))
    expect(await stream.next()).toEqual({ value: 3, done: false })
  })

  test('takes patterns and definitions', async () => {
    const Made = { type: 'a', create: (input: number): string => `made ${input}` }
    const dispatcher = new AsyncEventDispatcher<Events>()
    const all = dispatcher.events('**')
    const made = dispatcher.events(Made)
    const plain = dispatcher.events(eventType<number>()('b'))
    void dispatcher.publish(Made, 1)
    void dispatcher.publish('b', 2)
    await dispatcher.close()
    expect([await rest(all), await rest(made), await rest(plain)]).toEqual([['made 1', 2], ['made 1'], [2]])
  })

  test('yields payloads that are undefined or null', async () => {
    const dispatcher = new AsyncEventDispatcher()
    const stream = dispatcher.events('a')
    const waiting = stream.next()
    for (const payload of [undefined, null, undefined, 0]) void dispatcher.publish('a', payload)
    await dispatcher.close()
    expect(await waiting).toEqual({ value: undefined, done: false })
    expect(await rest(stream)).toEqual([null, undefined, 0])
  })

  test('counts as a subscription, called events', () => {
    const { dispatcher } = streaming()
    expect(dispatcher.size).toBe(1)
    expect(dispatcher.handlers('a').map(({ name }) => name)).toEqual(['events'])
  })

  test('does not keep a publish waiting, nor a drain', async () => {
    const { dispatcher, publishing } = streaming()
    expect(await Promise.all(publishing(1, 2))).toEqual([1, 1])
    expect(await settled(dispatcher.drain())).toBe(true)
  })

  test('of which there are several gives every event to each', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>()
    const streams = [dispatcher.events('a'), dispatcher.events('*'), dispatcher.events('a')]
    for (let i = 0; i < 3; i++) void dispatcher.publish('a', i)
    await dispatcher.close()
    expect(await Promise.all(streams.map(rest))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ])
  })

  test('with several readers gives each event to one of them', async () => {
    const { dispatcher, stream, publish } = streaming()
    const read = async (): Promise<number[]> => {
      const got: number[] = []
      for await (const payload of stream) {
        got.push(payload)
        await macrotask()
      }
      return got
    }
    const readers = [read(), read(), read()]
    for (let i = 0; i < 10; i++) {
      publish(i)
      if (i % 3 === 0) await macrotask()
    }
    await dispatcher.close()
    const got = await Promise.all(readers)
    expect(got.flat().toSorted((one, other) => one - other)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(got.every((payloads) => payloads.length > 0)).toBe(true)
  })
})

describe('the end of a stream', () => {
  test('INVARIANT: by close() comes after the buffered events', async () => {
    const { dispatcher, stream, publish } = streaming()
    publish(1, 2)
    await dispatcher.close()
    expect(await rest(stream)).toEqual([1, 2])
    expect(await stream.next()).toEqual(done)
  })

  test('by close() reaches every reader that waits', async () => {
    const { dispatcher, stream } = streaming()
    const waiting = [stream.next(), stream.next()]
    await dispatcher.close()
    expect(await Promise.all(waiting)).toEqual([done, done])
  })

  test('by leaving the loop drops what is buffered and unsubscribes', async () => {
    const { dispatcher, stream, publish } = streaming()
    publish(1, 2, 3)
    for await (const payload of stream) if (payload === 2) break
    expect(dispatcher.size).toBe(0)
    expect(await stream.next()).toEqual(done)
    expect(await dispatcher.publish('a', 4)).toBe(0)
  })

  test('by an error in the loop unsubscribes too', async () => {
    const { dispatcher, stream, publish } = streaming()
    publish(1)
    const read = async (): Promise<void> => {
      for await (const payload of stream) throw new Error(`broken on ${payload}`)
    }
    await expect(read()).rejects.toThrow('broken on 1')
    expect(dispatcher.size).toBe(0)
  })

  test('by return() reaches readers that wait, and may be asked for again', async () => {
    const { dispatcher, stream } = streaming()
    const waiting = stream.next()
    expect(await stream.return()).toEqual(done)
    expect(await stream.return()).toEqual(done)
    expect(await waiting).toEqual(done)
    expect(dispatcher.size).toBe(0)
  })

  test('by the signal is at once, and drops what is buffered', async () => {
    const controller = new AbortController()
    const { dispatcher, stream, publish } = streaming({ signal: controller.signal })
    publish(1, 2)
    expect(await stream.next()).toEqual({ value: 1, done: false })
    controller.abort()
    expect(await stream.next()).toEqual(done)
    expect(dispatcher.size).toBe(0)
  })

  test('by a signal that has aborted already is before the first event', async () => {
    const { dispatcher, stream, publish } = streaming({ signal: AbortSignal.abort() })
    publish(1)
    expect(await rest(stream)).toEqual([])
    expect(dispatcher.size).toBe(0)
  })

  test.for([
    ['return', async ({ stream }) => stream.return()],
    ['close', async ({ dispatcher }) => dispatcher.close()],
    ['the abort', async ({ controller }) => controller.abort()],
    ['an overflow', async ({ publish }) => publish(1, 2, 3)],
  ] as [string, (all: ReturnType<typeof streaming> & { controller: AbortController }) => Promise<unknown>][])(
    'leaves no listener on the signal after %s',
    async ([, end]) => {
      const controller = new AbortController()
      const all = streaming({ signal: controller.signal, buffer: 2, overflow: 'error' })
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
      await end({ ...all, controller })
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    },
  )

  test('is what `await using` calls', async () => {
    const dispatcher = new AsyncEventDispatcher<Events>()
    {
      await using stream = dispatcher.events('a')
      void dispatcher.publish('a', 1)
      expect(await stream.next()).toEqual({ value: 1, done: false })
    }
    expect(dispatcher.size).toBe(0)
  })

  test('by unsubscribing its subscription leaves the buffered events to be read', async () => {
    const { dispatcher, stream, publish } = streaming()
    publish(1, 2)
    dispatcher.handlers('a')[0]!.unsubscribe()
    expect(await rest(stream)).toEqual([1, 2])
  })
})

describe('a full buffer', () => {
  test('drops the oldest event by default, and counts', async () => {
    const { dispatcher, stream, publish } = streaming({ buffer: 3 })
    publish(1, 2, 3, 4, 5)
    expect(stream.dropped).toBe(2)
    await dispatcher.close()
    expect(await rest(stream)).toEqual([3, 4, 5])
  })

  test('drops the newest where that is asked for', async () => {
    const { dispatcher, stream, publish } = streaming({ buffer: 3, overflow: 'drop-newest' })
    publish(1, 2, 3, 4, 5)
    expect(stream.dropped).toBe(2)
    await stream.next()
    publish(6)
    await dispatcher.close()
    expect(await rest(stream)).toEqual([2, 3, 6])
  })

  test('ends the stream with an error once the buffered events are read, where that is asked for', async () => {
    const { dispatcher, stream, publish } = streaming({ buffer: 2, overflow: 'error' })
    publish(1, 2, 3, 4)
    expect(dispatcher.size).toBe(0)
    expect([(await stream.next()).value, (await stream.next()).value]).toEqual([1, 2])
    const error: unknown = await stream.next().catch((error: unknown) => error)
    expect(isTidingsError(error, 'STREAM_OVERFLOW')).toBe(true)
    expect(String(error)).toMatch(/StreamOverflowError.*"a".*2/)
    expect(await stream.next()).toEqual(done)
  })

  test('keeps the publish pending until there is room, where that is asked for', async () => {
    const { dispatcher, stream, publishing } = streaming({ buffer: 1, overflow: 'wait' })
    const [one, two, three] = publishing(1, 2, 3)
    expect([await settled(one!), await settled(two!), await settled(three!)]).toEqual([true, false, false])
    expect((await stream.next()).value).toBe(1)
    expect([await settled(two!), await settled(three!)]).toEqual([true, false])
    const closed = dispatcher.close()
    expect(await rest(stream)).toEqual([2, 3])
    await closed
    expect(stream.dropped).toBe(0)
  })

  test('INVARIANT: lets the publishers that wait go when the stream ends', async () => {
    for (const end of ['return', 'signal', 'break'] as const) {
      const controller = new AbortController()
      const { dispatcher, stream, publishing } = streaming({ buffer: 1, overflow: 'wait', signal: controller.signal })
      const published = publishing(1, 2, 3)
      if (end === 'return') await stream.return()
      else if (end === 'signal') controller.abort()
      else for await (const payload of stream) if (payload === 1) break
      expect(await Promise.all(published)).toEqual([1, 1, 1])
      await dispatcher.drain()
      expect(await rest(stream)).toEqual([])
    }
  })

  test('holds 1000 events by default', () => {
    const { stream, publish } = streaming()
    publish(...Array.from({ length: 1000 }, (_, i) => i))
    expect(stream.dropped).toBe(0)
    publish(1001)
    expect(stream.dropped).toBe(1)
  })

  test('does not fill while readers are waiting', async () => {
    const { dispatcher, stream, publish } = streaming({ buffer: 1 })
    const reader = rest(stream)
    for (let i = 0; i < 100; i++) {
      publish(i)
      await macrotask()
    }
    await dispatcher.close()
    expect(await reader).toHaveLength(100)
    expect(stream.dropped).toBe(0)
  })

  test.for([0, -1, 1.5, Number.NaN, Infinity, '5', {}])(
    'of %o events is refused, and nothing is subscribed',
    (buffer) => {
      const dispatcher = new AsyncEventDispatcher<Events>()
      expect(() => dispatcher.events('a', { buffer: buffer as number })).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('`buffer`') }),
      )
      expect(dispatcher.size).toBe(0)
    },
  )

  test('with a policy that does not exist is refused', () => {
    const dispatcher = new AsyncEventDispatcher<Events>()
    expect(() => dispatcher.events('a', { overflow: 'drop' as 'wait' })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('drop') }),
    )
    expect(dispatcher.size).toBe(0)
  })
})

describe('against a plain queue', () => {
  const actions = fc.array(fc.constantFrom('publish', 'publish', 'read', 'turn'), { maxLength: 60 })

  test.for(['drop-oldest', 'drop-newest', 'wait', 'error'] as const)(
    'INVARIANT: any program of publishes and reads tells the same story: %s',
    async (overflow) => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 4 }), actions, async (buffer, program) => {
          const { dispatcher, stream, publish } = streaming({ buffer, overflow })
          const queue: number[] = []
          const expected: (number | 'end' | 'error')[] = []
          const read: Promise<number | 'end' | 'error'>[] = []
          let waiting = 0
          let dropped = 0
          let broken = false
          let told = false
          let payload = 0
          const next = (): Promise<number | 'end' | 'error'> =>
            stream.next().then(
              (result) => (result.done ? 'end' : result.value),
              () => 'error',
            )
          for (const action of program) {
            if (action === 'turn') await macrotask()
            else if (action === 'read') {
              read.push(next())
              if (queue.length > 0) expected.push(queue.shift()!)
              else if (broken) {
                expected.push(told ? 'end' : 'error')
                told = true
              } else waiting++
            } else {
              publish(payload)
              const full = queue.length >= buffer
              if (broken) dropped += 0
              else if (waiting > 0) {
                waiting--
                expected.push(payload)
              } else if (!full || overflow === 'wait') queue.push(payload)
              else if (overflow === 'error') broken = true
              else {
                dropped++
                if (overflow === 'drop-oldest') {
                  queue.shift()
                  queue.push(payload)
                }
              }
              payload++
            }
          }
          const closed = dispatcher.close()
          const left: (number | 'end' | 'error')[] = []
          for (let item = await next(); item !== 'end'; item = await next()) left.push(item)
          await closed
          const remaining: (number | 'error')[] = broken && !told ? [...queue, 'error'] : queue
          expect(await Promise.all(read)).toEqual([...expected, ...Array.from({ length: waiting }, () => 'end')])
          expect(left).toEqual(remaining)
          expect(stream.dropped).toBe(dropped)
        }),
      )
    },
  )
})

test('a stream of a bounded dispatcher takes no slot unless it waits for room', async () => {
  const dispatcher = new AsyncEventDispatcher<Events>({ concurrency: 1 })
  const stream = dispatcher.events('a')
  for (let i = 0; i < 10; i++) expect(await dispatcher.publish('a', i)).toBe(1)
  await dispatcher.close()
  expect(await rest(stream)).toHaveLength(10)
})

test('a buffer that grows while its oldest event stands in the middle keeps the order', async () => {
  const { dispatcher, stream, publish } = streaming({ buffer: 50 })
  const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
  publish(...numbers(0, 16))
  for (const value of numbers(0, 10)) expect((await stream.next()).value).toBe(value)
  publish(...numbers(16, 70))
  expect(stream.dropped).toBe(10)
  await dispatcher.close()
  expect(await rest(stream)).toEqual(numbers(20, 70))
})

test('a buffer of great capacity does not grow by what has been read', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const used = (): number => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  // Its reader is always one event behind, so that the buffer is never empty and never wraps.
  const { stream, publish } = streaming({ buffer: 1_000_000_000 })
  publish(0)
  const before = used()
  for (let i = 1; i <= 2_000_000; i++) {
    publish(i)
    void stream.next()
    if (i % 10_000 === 0) await macrotask()
  }
  expect(stream.dropped).toBe(0)
  expect(used() - before).toBeLessThan(8_000_000)
})
