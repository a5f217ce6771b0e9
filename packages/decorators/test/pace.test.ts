import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { debounce, throttle } from '../src/index.ts'
import { deferred, outcome, settle } from './helpers.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function recorder() {
  const seen: number[] = []
  const handler = (n: number) => {
    seen.push(n)
    return n * 10
  }
  return { seen, handler }
}

describe('debounce', () => {
  test('calls the handler once a burst is over, with the last arguments', async () => {
    const { seen, handler } = recorder()
    const wrapped = debounce('100ms')(handler)
    const results = [wrapped(1), wrapped(2)]
    await vi.advanceTimersByTimeAsync(99)
    results.push(wrapped(3))
    await vi.advanceTimersByTimeAsync(99)
    expect(seen).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(seen).toEqual([3])
    expect(await Promise.all(results)).toEqual([undefined, undefined, 30])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('calls that are left out resolve as soon as the next one comes', async () => {
    const wrapped = debounce('1h')(recorder().handler)
    const first = wrapped(1)
    void wrapped(2)
    expect(await first).toBeUndefined()
    wrapped.cancel()
  })

  test('with maxWait a steady stream gets through', async () => {
    const { seen, handler } = recorder()
    const wrapped = debounce(100, { maxWait: 250 })(handler)
    for (let n = 0; n < 10; n++) {
      void wrapped(n)
      await vi.advanceTimersByTimeAsync(60)
    }
    expect(seen).toEqual([4, 9])
  })

  test('an error reaches the caller whose call it was', async () => {
    const error = new Error('broken')
    const wrapped = debounce(10)((_n: number) => Promise.reject(error))
    const results = [outcome(wrapped(1)), outcome(wrapped(2))]
    await vi.runAllTimersAsync()
    expect(await Promise.all(results)).toEqual([{ value: undefined }, { error }])
  })

  test('keeps `this` of the call it makes', async () => {
    const wrapped = debounce(10)(function (this: { name: string }) {
      return this.name
    })
    const results = [wrapped.call({ name: 'a' }), wrapped.call({ name: 'b' })]
    await vi.runAllTimersAsync()
    expect(await Promise.all(results)).toEqual([undefined, 'b'])
  })
})

describe('throttle', () => {
  test('starts at once, then at most once in the time, with the last of the calls between', async () => {
    const { seen, handler } = recorder()
    const wrapped = throttle('100ms')(handler)
    const results = [wrapped(1), wrapped(2), wrapped(3)]
    expect(seen).toEqual([1])
    await vi.advanceTimersByTimeAsync(99)
    expect(seen).toEqual([1])
    await vi.advanceTimersByTimeAsync(1)
    expect(seen).toEqual([1, 3])
    expect(await Promise.all(results)).toEqual([10, undefined, 30])
    void wrapped(4)
    expect(seen).toEqual([1, 3])
    await vi.advanceTimersByTimeAsync(100)
    expect(seen).toEqual([1, 3, 4])
  })

  test('after a pause the next call starts at once, and no timer was left', async () => {
    const { seen, handler } = recorder()
    const wrapped = throttle(100)(handler)
    void wrapped(1)
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(100)
    void wrapped(2)
    expect(seen).toEqual([1, 2])
  })

  test('without trailing, calls that come too early are left out', async () => {
    const { seen, handler } = recorder()
    const wrapped = throttle(100, { trailing: false })(handler)
    expect(await Promise.all([wrapped(1), wrapped(2)])).toEqual([10, undefined])
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(1000)
    expect(seen).toEqual([1])
  })

  test('INVARIANT: whatever the calls, starts are at least the time apart, and the last call is made', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 250 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 200 }),
        async (pauses, interval) => {
          const starts: { at: number; n: number }[] = []
          const wrapped = throttle(interval)((n: number) => void starts.push({ at: performance.now(), n }))
          for (const [n, pause] of pauses.entries()) {
            void wrapped(n)
            await vi.advanceTimersByTimeAsync(pause)
          }
          await vi.runAllTimersAsync()
          starts.forEach(({ at, n }, index) => {
            const before = starts[index - 1]
            if (before) expect(at - before.at).toBeGreaterThanOrEqual(interval)
            if (before) expect(n).toBeGreaterThan(before.n)
          })
          expect(starts.at(-1)?.n).toBe(pauses.length - 1)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe.each([
  ['debounce', debounce],
  ['throttle', throttle],
] as const)('%s', (name, decorate) => {
  /** A wrapper with a call that is held back. */
  function holding(handler: (n: number) => unknown) {
    const wrapped = decorate('1h')(handler)
    if (name === 'throttle') void wrapped(0)
    return { wrapped, held: wrapped(1) }
  }

  test('flush starts what is held and resolves when it has settled', async () => {
    const { promise, resolve } = deferred()
    const { wrapped, held } = holding((n) => (n === 0 ? 0 : promise.then(() => n)))
    let flushed = false
    const done = wrapped.flush().then(() => (flushed = true))
    await settle()
    expect(flushed).toBe(false)
    resolve()
    await done
    expect(await held).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
    await wrapped.flush()
  })

  test("flush does not reject: the error is the caller's", async () => {
    const { wrapped, held } = holding((n) => (n === 0 ? 0 : Promise.reject(new Error('mine'))))
    const result = outcome(held)
    await wrapped.flush()
    expect(await result).toEqual({ error: new Error('mine') })
  })

  test.each(['cancel', 'dispose'] as const)('%s leaves out what is held, and no timer', async (way) => {
    const handler = vi.fn()
    const { wrapped, held } = holding(handler)
    handler.mockClear()
    if (way === 'cancel') wrapped.cancel()
    else wrapped[Symbol.dispose]()
    expect(await held).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
    expect(handler).not.toHaveBeenCalled()
    const next = wrapped(2)
    await wrapped.flush()
    await next
    expect(handler).toHaveBeenCalledExactlyOnceWith(2)
  })
})

test('options are refused by name', () => {
  expect(() => debounce(-1)).toThrow('`duration` must be a duration, received -1')
  expect(() => debounce(1, { maxWait: '99d' })).toThrow('`maxWait` must be at most 24.8 days')
  expect(() => throttle(Number.NaN)).toThrow('`duration` must be a duration')
})
