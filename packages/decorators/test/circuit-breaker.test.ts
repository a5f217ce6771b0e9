import { isTidingsError } from '@tidings/core'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { circuitBreaker, type CircuitBreakerOptions, type CircuitChange, CircuitOpenError } from '../src/index.ts'
import { deferred, outcome, settle } from './helpers.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A gateway whose calls fail or not, as told. */
function gateway(options: CircuitBreakerOptions) {
  const changes: string[] = []
  let calls = 0
  const charge = circuitBreaker({ onStateChange: ({ state }) => void changes.push(state), ...options })(
    async function charge(fails: boolean) {
      calls++
      if (fails) throw new Error(`declined ${calls}`)
      return 'charged'
    },
  )
  return { charge, changes, calls: () => calls }
}

test('calls pass while the circuit is closed', async () => {
  const { charge, changes } = gateway({ failures: 2 })
  expect(await charge(false)).toBe('charged')
  await expect(charge(true)).rejects.toThrow('declined 2')
  expect(changes).toEqual([])
})

test('after so many failures in a row calls are refused without calling the handler', async () => {
  const { charge, changes, calls } = gateway({ failures: 2, resetAfter: '10s' })
  await outcome(charge(true))
  await outcome(charge(true))
  expect(changes).toEqual(['open'])
  await vi.advanceTimersByTimeAsync(4000)
  const { error } = (await outcome(charge(false))) as { error: CircuitOpenError }
  expect(error).toBeInstanceOf(CircuitOpenError)
  expect(isTidingsError(error, 'CIRCUIT_OPEN')).toBe(true)
  expect(error.message).toMatch(/^handler `charge` was not called: its circuit is open for another 6000 ms\n/)
  expect(error.details).toEqual({ handler: 'charge', retryAfter: 6000 })
  expect(error.cause).toEqual(new Error('declined 2'))
  expect(calls()).toBe(2)
})

test('a success in between starts the count again', async () => {
  const { charge, changes } = gateway({ failures: 2 })
  for (const fails of [true, false, true, false, true]) await outcome(charge(fails))
  expect(changes).toEqual([])
})

test('when the time is up one trial call decides: a success closes', async () => {
  const { charge, changes } = gateway({ failures: 1, resetAfter: '10s' })
  await outcome(charge(true))
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await charge(false)).toBe('charged')
  expect(changes).toEqual(['open', 'half-open', 'closed'])
})

test('a failure of the trial call opens again, for the whole time', async () => {
  const { charge, changes } = gateway({ failures: 3, resetAfter: '10s' })
  for (const fails of [true, true, true]) await outcome(charge(fails))
  await vi.advanceTimersByTimeAsync(10_000)
  await expect(charge(true)).rejects.toThrow('declined')
  expect(changes).toEqual(['open', 'half-open', 'open'])
  await vi.advanceTimersByTimeAsync(9999)
  await expect(charge(false)).rejects.toHaveProperty('code', 'CIRCUIT_OPEN')
  await vi.advanceTimersByTimeAsync(1)
  expect(await charge(false)).toBe('charged')
})

test('while the trial call runs others are refused, not queued', async () => {
  const trial = deferred<boolean>()
  let fail = true
  const charge = circuitBreaker({ failures: 1, resetAfter: 10 })(async () => {
    if (fail) throw new Error('declined')
    return await trial.promise
  })
  await outcome(charge())
  fail = false
  await vi.advanceTimersByTimeAsync(10)
  const first = charge()
  await expect(charge()).rejects.toThrow('its circuit is open, a trial call is under way')
  trial.resolve(true)
  expect(await first).toBe(true)
  expect(await charge()).toBe(true)
})

describe('INVARIANT: calls that began before the circuit opened decide nothing', () => {
  test.each(['fails', 'succeeds'] as const)('one that %s during the trial', async (how) => {
    const [slow, trial] = [deferred(), deferred()]
    const changes: string[] = []
    const charge = circuitBreaker({
      failures: 1,
      resetAfter: 10,
      onStateChange: ({ state }) => void changes.push(state),
    })((work: Promise<unknown>) => work)
    const before = outcome(charge(slow.promise))
    await outcome(charge(Promise.reject(new Error('declined'))))
    await vi.advanceTimersByTimeAsync(10)
    const during = outcome(charge(trial.promise))
    if (how === 'fails') slow.reject(new Error('late'))
    else slow.resolve()
    await before
    await settle()
    expect(changes).toEqual(['open', 'half-open'])
    trial.resolve()
    await during
    expect(changes).toEqual(['open', 'half-open', 'closed'])
  })
})

test('the ratio of the last calls can decide instead', async () => {
  const { charge, changes } = gateway({ failures: { ratio: 0.5, calls: 4 } })
  for (const fails of [true, false, true, false]) await outcome(charge(fails))
  expect(changes).toEqual([])
  for (const fails of [true, true]) await outcome(charge(fails))
  expect(changes).toEqual(['open'])
})

test('errors that do not count are passed on and change nothing', async () => {
  const { charge, changes } = gateway({ failures: 1, countIf: (error) => !String(error).includes('declined') })
  await expect(charge(true)).rejects.toThrow('declined')
  await expect(charge(true)).rejects.toThrow('declined')
  expect(changes).toEqual([])
})

test('onStateChange is told the handler and the failure; one that throws changes nothing', async () => {
  const changes: CircuitChange[] = []
  const { charge } = gateway({ failures: 1, onStateChange: (change) => void changes.push(change) })
  await outcome(charge(true))
  expect(changes).toEqual([{ handler: 'charge', state: 'open', error: new Error('declined 1') }])

  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  const broken = gateway({
    failures: 1,
    onStateChange: () => {
      throw new Error('hook')
    },
  })
  await expect(broken.charge(true)).rejects.toThrow('declined')
  expect(error).toHaveBeenCalledWith('the hook `onStateChange` failed', expect.any(Error))
  error.mockRestore()
})

test('a sync handler that throws counts', async () => {
  const charge = circuitBreaker({ failures: 1 })((): number => {
    throw new Error('declined')
  })
  await expect(charge()).rejects.toThrow('declined')
  await expect(charge()).rejects.toBeInstanceOf(CircuitOpenError)
})

test('INVARIANT: any history of calls and pauses goes as the model says', async () => {
  const steps = fc.array(fc.oneof(fc.constant('ok'), fc.constant('fail'), fc.constant('pause')), { maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (history, failures) => {
      const { charge, calls } = gateway({ failures, resetAfter: 1000 })
      let [inARow, open, called] = [0, false, 0]
      for (const step of history) {
        if (step === 'pause') {
          await vi.advanceTimersByTimeAsync(1000)
          if (open) inARow = failures - 1
          open = false
          continue
        }
        await outcome(charge(step === 'fail'))
        if (!open) {
          called++
          inARow = step === 'fail' ? inARow + 1 : 0
          open = inARow >= failures
        }
        expect(calls()).toBe(called)
      }
    }),
    { numRuns: 100 },
  )
})

test('options are refused by name', () => {
  const loose = circuitBreaker as (options: unknown) => unknown
  expect(() => loose({ failures: 0 })).toThrow('`failures` must be a whole number from 1 on, received 0')
  expect(() => loose({ failures: { ratio: 1, calls: 5 } })).toThrow(
    '`failures.ratio` must be between 0 and 1, received 1',
  )
  expect(() => loose({ failures: { ratio: 0.5, calls: 0 } })).toThrow('`failures.calls`')
  expect(() => loose({ resetAfter: 'soon' })).toThrow('`resetAfter` must be a duration')
  expect(() => loose({ countIf: true })).toThrow('`countIf` must be a function')
  expect(() => loose({ onStateChange: true })).toThrow('`onStateChange` must be a function')
})
