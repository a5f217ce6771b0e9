import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { median, percentile, summarise } from '../src/report/statistics.ts'

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 })
const share = fc.double({ min: 0, max: 1, noNaN: true })

describe('a percentile', () => {
  test('lies between the least and the greatest value', () => {
    fc.assert(
      fc.property(values, share, (values, share) => {
        const found = percentile(values, share)
        expect(found).toBeGreaterThanOrEqual(Math.min(...values))
        expect(found).toBeLessThanOrEqual(Math.max(...values))
      }),
    )
  })

  test('has at most that share of the values below it, and at most the rest above it', () => {
    fc.assert(
      fc.property(values, share, (values, share) => {
        const found = percentile(values, share)
        const below = values.filter((value) => value < found).length
        const above = values.filter((value) => value > found).length
        expect(below).toBeLessThanOrEqual(Math.ceil((values.length - 1) * share))
        expect(above).toBeLessThanOrEqual(Math.ceil((values.length - 1) * (1 - share)))
      }),
    )
  })

  test('does not depend upon the order of the values, and leaves them as they are', () => {
    fc.assert(
      fc.property(values, share, (values, share) => {
        const before = [...values]
        expect(percentile(values.toReversed(), share)).toBe(percentile(values, share))
        expect(values).toEqual(before)
      }),
    )
  })

  test('is interpolated between neighbours', () => {
    expect(percentile([10, 20], 0.25)).toBe(12.5)
    expect(percentile([5, 1, 4, 2, 3, 0], 0.2)).toBe(1)
  })

  test('of nothing is refused', () => {
    expect(() => percentile([], 0.5)).toThrow('a percentile needs at least one value')
  })
})

test('the median of an even number of values is the mean of the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
})

test('a summary holds the quartiles in order, and the number of rounds', () => {
  expect(summarise([5, 1, 2, 4, 3])).toEqual({ median: 3, low: 2, high: 4, rounds: 5 })
  fc.assert(
    fc.property(values, (values) => {
      const { low, median, high, rounds } = summarise(values)
      expect(low).toBeLessThanOrEqual(median)
      expect(median).toBeLessThanOrEqual(high)
      expect(rounds).toBe(values.length)
    }),
  )
})
