import { isTidingsError } from '@tidings/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { compose, type LateInfo, limit, retry, type SignalContext, timeout, TimeoutError } from '../src/index.ts'
import { deferred, outcome, settle } from './helpers.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = (): Promise<never> => new Promise(() => {})

test('a handler that is done in time gives its result, and leaves no timer', async () => {
  expect(await timeout('1s')((amount: number) => amount + 1)(1)).toBe(2)
  expect(await timeout('1s')(async () => 'done')()).toBe('done')
  await expect(timeout('1s')(() => Promise.reject(new Error('mine')))()).rejects.toThrow('mine')
  expect(vi.getTimerCount()).toBe(0)
})

test('a handler that is not done in time is given up with a TimeoutError', async () => {
  const result = outcome(
    timeout('5s')(async function reserve() {
      await never()
    })(),
  )
  await vi.advanceTimersByTimeAsync(4999)
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  const { error } = (await result) as { error: TimeoutError }
  expect(isTidingsError(error, 'HANDLER_TIMEOUT')).toBe(true)
  expect(error).toBeInstanceOf(TimeoutError)
  expect(error.message).toMatch(/^handler `reserve` was not done within 5000 ms\nGive `timeout` more time/)
  expect(error.details).toEqual({ handler: 'reserve', timeout: 5000 })
  expect(vi.getTimerCount()).toBe(0)
})

describe('the signal', () => {
  test('is appended where the handler declares one argument more: after the payload and type of a dispatcher', async () => {
    const seen: unknown[] = []
    const handler = timeout('1s')(async (payload: string, type: string, { signal }: SignalContext) => {
      seen.push(payload, type)
      signal.addEventListener('abort', () => seen.push(signal.reason.code))
      await never()
    })
    const result = outcome(handler('payload', 'order.placed'))
    await vi.advanceTimersByTimeAsync(1000)
    await result
    expect(seen).toEqual(['payload', 'order.placed', 'HANDLER_TIMEOUT'])
  })

  test('takes the place of the one in the context of a bus, the rest of which stays', async () => {
    const controller = new AbortController()
    const context = Object.freeze({
      signal: controller.signal,
      attempt: 2,
      get log() {
        return 'log'
      },
    })
    const seen: unknown[] = []
    const handler = timeout('1s')(async (event: string, given: typeof context) => {
      const { signal, attempt, log } = given
      seen.push(event, attempt, log, signal !== controller.signal)
      signal.addEventListener('abort', () => seen.push(signal.reason))
      await never()
    })
    void outcome(handler('event', context))
    const reason = new Error('shutdown')
    controller.abort(reason)
    expect(seen).toEqual(['event', 2, 'log', true, reason])
    expect(context.signal).toBe(controller.signal)
    await vi.runAllTimersAsync()
  })

  test('reaches handlers of a context with private parts, which go on working', async () => {
    class Context {
      #sent: string[] = []
      readonly signal = new AbortController().signal
      get sent(): string[] {
        return this.#sent
      }
      publish(text: string): void {
        this.#sent.push(text)
      }
    }
    const context = new Context()
    Object.freeze(context)
    const handler = timeout('1s')((_event: object, given: Context) => {
      const { publish, signal }: { publish: (text: string) => void; signal: AbortSignal } = given
      publish('text')
      return [given.sent, given instanceof Context, 'signal' in given, signal === context.signal]
    })
    expect(await handler({}, context)).toEqual([['text'], true, true, false])
  })

  test('has aborted from the start where the one of the context has', async () => {
    const reason = new Error('gone')
    const handler = timeout('1s')(({ signal }: SignalContext) => signal.reason)
    expect(await handler({ signal: AbortSignal.abort(reason) })).toBe(reason)
  })

  test('is not pushed upon handlers that did not ask', async () => {
    const args = timeout('1s')((...all: number[]) => all.length)
    expect(await args(1, 2)).toBe(2)
    const loose: (a: number) => Promise<number> = timeout('1s')((a: number, b = 5) => a + b) as never
    expect(await loose(1)).toBe(6)
  })

  test('an abort from outside is left to the handler: no TimeoutError before the time', async () => {
    const controller = new AbortController()
    const { promise, resolve } = deferred<string>()
    const result = timeout('1s')((_context: SignalContext) => promise)({ signal: controller.signal })
    controller.abort()
    await settle()
    resolve('finished anyway')
    expect(await result).toBe('finished anyway')
  })

  test('listeners on a long-lived signal are removed, whatever the outcome', async () => {
    const { signal } = new AbortController()
    const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
    const call = (run: () => unknown) => outcome(timeout('1s')((_context: SignalContext) => run())({ signal }))
    const results = [call(() => 1), call(() => Promise.reject(new Error('x'))), call(never)]
    await vi.runAllTimersAsync()
    await Promise.all(results)
    expect(add.mock.calls.length).toBe(3)
    expect(remove.mock.calls.length).toBeGreaterThanOrEqual(3)
    for (const [, listener] of add.mock.calls)
      expect(remove.mock.calls.some(([, removed]) => removed === listener)).toBe(true)
  })

  test('of an outer timeout ends retries inside', async () => {
    const handler = vi.fn(() => Promise.reject(new Error('busy')))
    const careful = compose(timeout('5s'), retry({ attempts: 9, delay: '2s', factor: 1, jitter: false }))
    const result = outcome(careful((_event: object, _type: string, _context: SignalContext) => handler())({}, 'type'))
    await vi.advanceTimersByTimeAsync(5000)
    expect(await result).toHaveProperty('error.code', 'HANDLER_TIMEOUT')
    expect(vi.getTimerCount()).toBe(0)
    expect(handler).toHaveBeenCalledTimes(3)
  })

  test('of an outer timeout takes a waiting call out of the line of a limit', async () => {
    const started: number[] = []
    const handler = compose(
      timeout('1s'),
      limit(1),
    )(async (n: number, _type: string, _context: SignalContext) => {
      started.push(n)
      await never()
    })
    const results = [outcome(handler(1, 't')), outcome(handler(2, 't'))]
    await vi.advanceTimersByTimeAsync(1000)
    await Promise.all(results)
    expect(started).toEqual([1])
  })
})

test('with retry outside, each attempt has its own time', async () => {
  let attempts = 0
  const careful = compose(retry({ attempts: 3, delay: 0 }), timeout('1s'))
  const result = careful(async () => {
    if (++attempts < 3) await never()
    return attempts
  })()
  await vi.runAllTimersAsync()
  expect(await result).toBe(3)
})

test('what comes too late is told to onLate, and is no unhandled rejection', async () => {
  const late: LateInfo[] = []
  const { promise, reject } = deferred<string>()
  const failing = timeout('1s', { onLate: (info) => late.push(info) })(function slow() {
    return promise
  })
  const result = outcome(failing())
  await vi.advanceTimersByTimeAsync(1500)
  reject(new Error('too late'))
  await settle()
  expect(await result).toHaveProperty('error.code', 'HANDLER_TIMEOUT')
  expect(late).toEqual([{ handler: 'slow', duration: 1500, error: new Error('too late') }])
})

test('options are refused by name', () => {
  expect(() => timeout('5 s')).toThrow('`duration` must be a duration, received "5 s"')
  expect(() => timeout(Infinity)).toThrow('`duration` must be at most 24.8 days, received Infinity')
  expect(() => timeout(1, { onLate: 1 as never })).toThrow('`onLate` must be a function, received 1')
})
