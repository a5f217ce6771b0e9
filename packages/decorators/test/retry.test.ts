import { isTidingsError } from '@tidings/core'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { circuitBreaker, retry, type RetryInfo, type RetryOptions } from '../src/index.ts'
import { deferred, outcome, settle } from './helpers.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Fails so often, then gives the number of attempts. */
function failing(times: number) {
  let calls = 0
  const errors: Error[] = []
  const handler = () => {
    calls++
    if (calls > times) return calls
    const error = new Error(`failure ${calls}`)
    errors.push(error)
    throw error
  }
  return { handler, errors, calls: () => calls }
}

test('a handler that fails is called again until it succeeds', async () => {
  const { handler } = failing(2)
  const result = retry({ attempts: 3 })(handler)()
  await vi.runAllTimersAsync()
  expect(await result).toBe(3)
})

test('the first attempt starts at once, in the stack of the caller', () => {
  const { handler, calls } = failing(0)
  void retry()(handler)()
  expect(calls()).toBe(1)
})

test('after the last attempt the last error itself is thrown', async () => {
  const { handler, errors, calls } = failing(9)
  const result = outcome(retry({ attempts: 3 })(handler)())
  await vi.runAllTimersAsync()
  expect(await result).toEqual({ error: errors[2] })
  expect(calls()).toBe(3)
})

test('onRetry is told each failure that is not the last', async () => {
  const told: RetryInfo[] = []
  const { errors, handler } = failing(9)
  const send = retry({ attempts: 3, delay: '1s', jitter: false, onRetry: (info) => told.push(info) })(handler)
  void outcome(send())
  await vi.runAllTimersAsync()
  expect(told).toEqual([
    { handler: 'handler', attempt: 1, error: errors[0], delay: 1000 },
    { handler: 'handler', attempt: 2, error: errors[1], delay: 2000 },
  ])
})

test('a hook that throws changes nothing', async () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  const { handler } = failing(1)
  const result = retry({
    onRetry: () => {
      throw new Error('hook')
    },
  })(handler)()
  await vi.runAllTimersAsync()
  expect(await result).toBe(2)
  expect(error).toHaveBeenCalledWith('the hook `onRetry` failed', expect.any(Error))
  error.mockRestore()
})

test('retryIf decides whether an error is worth another attempt', async () => {
  const { handler, calls } = failing(9)
  const retryIf = vi.fn((_error: unknown, attempt: number) => attempt < 2)
  const result = outcome(retry({ attempts: 9, retryIf })(handler)())
  await vi.runAllTimersAsync()
  await result
  expect(calls()).toBe(2)
})

test('an error that says it is not retryable is not retried', async () => {
  const error = Object.assign(new Error('declined'), { retryable: false })
  const handler = vi.fn(() => Promise.reject(error))
  await expect(retry()(handler)()).rejects.toBe(error)
  expect(handler).toHaveBeenCalledTimes(1)
})

test('an error whose cause says so is not retried either', async () => {
  const declined = Object.assign(new Error('declined'), { retryable: false })
  const error = new Error('the payment failed', { cause: declined })
  const handler = vi.fn(() => Promise.reject(error))
  await expect(retry()(handler)()).rejects.toBe(error)
  expect(handler).toHaveBeenCalledTimes(1)
})

test('an open circuit is worth another attempt, however final the failure that opened it', async () => {
  const charge = circuitBreaker({ failures: 1, resetAfter: 10 })(async () => {
    throw Object.assign(new Error('declined'), { retryable: false })
  })
  await outcome(charge())
  const result = outcome(retry({ attempts: 2, delay: 20, jitter: false })(charge)())
  await vi.runAllTimersAsync()
  expect(await result).toEqual({ error: expect.objectContaining({ message: 'declined' }) })
})

test('an error that cannot be asked is retried, and thrown as it is', async () => {
  const { proxy: error, revoke } = Proxy.revocable(new Error('gone'), {})
  revoke()
  let calls = 0
  const result = outcome(
    retry({ attempts: 2 })(() => {
      calls++
      throw error
    })(),
  )
  await vi.runAllTimersAsync()
  const { error: thrown } = (await result) as { error: unknown }
  expect(thrown === error).toBe(true)
  expect(calls).toBe(2)
})

test('what is thrown need not be an error', async () => {
  const result = outcome(retry({ attempts: 2 })(() => Promise.reject('text'))())
  await vi.runAllTimersAsync()
  expect(await result).toEqual({ error: 'text' })
})

describe('a wait is cut short', () => {
  test.each(['cancel', 'dispose'] as const)('by %s, with the last error', async (way) => {
    const { handler, errors } = failing(9)
    const send = retry({ delay: '1h' })(handler)
    const results = [outcome(send()), outcome(send())]
    await settle()
    expect(vi.getTimerCount()).toBe(2)
    if (way === 'cancel') send.cancel()
    else send[Symbol.dispose]()
    expect(await Promise.all(results)).toEqual(errors.map((error) => ({ error })))
    expect(vi.getTimerCount()).toBe(0)
  })

  test('by the signal of the context', async () => {
    const { handler, errors } = failing(9)
    const controller = new AbortController()
    const send = retry({ delay: '1h' })((_event: object, _context: { signal: AbortSignal }) => handler())
    const result = outcome(send({}, { signal: controller.signal }))
    await settle()
    controller.abort()
    expect(await result).toEqual({ error: errors[0] })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('and no attempt follows the one that runs', async () => {
    const first = deferred()
    const handler = vi.fn(() => first.promise)
    const send = retry()(handler)
    const result = outcome(send())
    send.cancel()
    first.reject(new Error('late'))
    expect(await result).toEqual({ error: new Error('late') })
    expect(handler).toHaveBeenCalledTimes(1)
  })

  test('a wrapper that was cancelled works on', async () => {
    const { handler } = failing(1)
    const send = retry()(handler)
    send.cancel()
    const result = send()
    await vi.runAllTimersAsync()
    expect(await result).toBe(2)
  })
})

test('no attempt follows when the signal has aborted', async () => {
  const { handler, calls } = failing(9)
  const send = retry()((_context: { signal: AbortSignal }) => handler())
  await outcome(send({ signal: AbortSignal.abort() }))
  expect(calls()).toBe(1)
})

test('listeners on a long-lived signal are removed', async () => {
  const { signal } = new AbortController()
  const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
  const { handler } = failing(3)
  const result = retry({ attempts: 4 })((_context: object) => handler())({ signal })
  await vi.runAllTimersAsync()
  await result
  expect(add).toHaveBeenCalledTimes(3)
  expect(remove).toHaveBeenCalledTimes(3)
})

test('a handler that fails at once for ever lets others run', async () => {
  const send = retry({ attempts: Infinity, delay: 0 })(failing(Infinity).handler)
  const result = outcome(send())
  await vi.advanceTimersByTimeAsync(1)
  send.cancel()
  expect(await result).toHaveProperty('error')
})

describe('the schedule', () => {
  const options = fc.record({
    attempts: fc.integer({ min: 2, max: 12 }),
    delay: fc.integer({ min: 0, max: 5000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    max: fc.integer({ min: 0, max: 60_000 }),
  })

  async function delaysOf(given: RetryOptions): Promise<number[]> {
    const delays: number[] = []
    const send = retry({ ...given, onRetry: ({ delay }) => void delays.push(delay) })(failing(Infinity).handler)
    const result = outcome(send())
    await vi.runAllTimersAsync()
    await result
    return delays
  }

  test('INVARIANT: without jitter wait n is delay * factor ** (n - 1), at most max', async () => {
    await fc.assert(
      fc.asyncProperty(options, async (given) => {
        const expected = Array.from({ length: given.attempts - 1 }, (_, n) =>
          Math.min(given.max, given.delay * given.factor ** n),
        )
        expect(await delaysOf({ ...given, jitter: false })).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  test('INVARIANT: jitter takes off at most its part', async () => {
    const jitters = fc.oneof(fc.constant(true), fc.double({ min: 0, max: 1, noNaN: true }))
    await fc.assert(
      fc.asyncProperty(options, jitters, async (given, jitter) => {
        const delays = await delaysOf({ ...given, jitter })
        delays.forEach((delay, n) => {
          const whole = Math.min(given.max, given.delay * given.factor ** n)
          expect(delay).toBeLessThanOrEqual(whole)
          expect(delay).toBeGreaterThanOrEqual(whole * (1 - (jitter === true ? 0.5 : jitter)) - 1e-6)
        })
      }),
      { numRuns: 50 },
    )
  })

  test('jitter differs from call to call', async () => {
    const seen = new Set<number>()
    for (let n = 0; n < 20; n++) for (const delay of await delaysOf({ attempts: 2, delay: '1s' })) seen.add(delay)
    expect(seen.size).toBeGreaterThan(10)
  })

  test('defaults: three attempts, 100 ms, doubled', async () => {
    expect(await delaysOf({ jitter: false })).toEqual([100, 200])
  })

  test('a factor that grows beyond all numbers stays at max, and without a delay at none', async () => {
    expect((await delaysOf({ attempts: 400, factor: 1e3, max: 7, jitter: false })).at(-1)).toBe(7)
    expect(new Set(await delaysOf({ attempts: 400, delay: 0, factor: 1e3 }))).toEqual(new Set([0]))
  })
})

test('options are refused by name', () => {
  const cases: [RetryOptions, string][] = [
    [{ attempts: 0 }, '`attempts` must be a whole number from 1 on, received 0'],
    [{ attempts: 1.5 }, '`attempts`'],
    [{ attempts: Number.NaN }, '`attempts`'],
    [{ delay: -1 }, '`delay` must be a duration'],
    [{ delay: '25d' }, '`delay` must be at most 24.8 days, received "25d"'],
    [{ max: Infinity }, '`max` must be at most 24.8 days, received Infinity'],
    [{ factor: 0.5 }, '`factor` must be a number from 1 on, received 0.5'],
    [{ factor: Number.NaN }, '`factor`'],
    [{ jitter: 2 }, '`jitter` must be true, false, or a part from 0 to 1, received 2'],
    [{ jitter: Number.NaN }, '`jitter`'],
    [{ retryIf: true as never }, '`retryIf` must be a function, received true'],
    [{ onRetry: {} as never }, '`onRetry` must be a function, received an object'],
  ]
  for (const [options, message] of cases) {
    try {
      retry(options)
      expect.unreachable()
    } catch (error) {
      expect(isTidingsError(error, 'INVALID_ARGUMENT')).toBe(true)
      expect(String(error)).toContain(message)
    }
  }
})
