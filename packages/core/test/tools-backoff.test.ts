import { describe, expect, test } from 'vitest'
import { backoff, longestBackoff } from '../src/tools/index.ts'

const waits = (options: Parameters<typeof backoff>[0], attempts: number): number[] => {
  const wait = backoff(options)
  return Array.from({ length: attempts }, (_, index) => wait(index + 1))
}

describe('the wait behind an attempt', () => {
  test('doubles up to its bound', () => {
    expect(waits({ delay: 100, max: 1000 }, 6)).toEqual([100, 200, 400, 800, 1000, 1000])
  })

  test('grows by the factor', () => {
    expect(waits({ delay: 10, factor: 3, max: Infinity }, 4)).toEqual([10, 30, 90, 270])
    expect(waits({ delay: 10, factor: 1, max: 50 }, 3)).toEqual([10, 10, 10])
    expect(waits({ delay: 10, factor: Infinity, max: 50 }, 3)).toEqual([10, 50, 50])
  })

  test('is at most `max` from the first one on', () => {
    expect(waits({ delay: 100, max: 30 }, 2)).toEqual([30, 30])
  })

  test('stays a number however many attempts there were', () => {
    expect(backoff({ delay: 1, max: 60_000 })(100_000)).toBe(60_000)
    expect(backoff({ delay: 0, max: 60_000 })(100_000)).toBe(0)
  })

  test.for([
    [true, 50],
    [0.25, 75],
    [1, 0],
    [false, 100],
  ] as const)('less what a jitter of %s takes off is %i of 100 at least', ([jitter, least]) => {
    const wait = backoff({ delay: 100, max: 1000, jitter })
    expect(wait(1, () => 1)).toBe(least)
    expect(wait(1, () => 0)).toBe(100)
    expect(wait(1)).toBeGreaterThanOrEqual(least)
    expect(wait(1)).toBeLessThanOrEqual(100)
  })

  test.for([
    [{ factor: 0.5 }, '`retry.factor` must be a number from 1 on, received 0.5'],
    [{ factor: Number.NaN }, '`retry.factor` must be a number from 1 on, received NaN'],
    [{ jitter: 2 }, '`retry.jitter` must be true, false, or a part from 0 to 1, received 2'],
    [{ jitter: 'much' as never }, '`retry.jitter` must be true, false, or a part from 0 to 1, received "much"'],
  ] as const)('is refused for %o', ([odd, message]) => {
    expect(() => backoff({ delay: 1, max: 1, ...odd }, 'retry.')).toThrow(message)
  })
})

describe('all waits together', () => {
  test.for([
    [{ delay: 100, max: 1000 }, 1, 0],
    [{ delay: 100, max: 1000 }, 4, 700],
    [{ delay: 100, max: 1000 }, 7, 3500],
    [{ delay: 100, factor: 1, max: 1000 }, 4, 300],
    [{ delay: 100, max: 30 }, 3, 60],
    [{ delay: 0, max: 30 }, 3, 0],
  ] as const)('of %o in %i attempts are %i', ([options, attempts, sum]) => {
    expect(longestBackoff(options, attempts)).toBe(sum)
  })

  test('of attempts without number are known at once', () => {
    expect(longestBackoff({ delay: 1, max: 60_000 }, Infinity)).toBe(Infinity)
    expect(longestBackoff({ delay: 1, factor: 1, max: 60_000 }, 1e15)).toBe(1e15 - 1)
    expect(longestBackoff({ delay: 0, max: 60_000 }, 1e15)).toBe(0)
  })
})
