import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { DelayLadder } from '../src/transport/index.ts'

/** The waits of a message, on a broker that is this much late at each hop. */
function waits(ladder: DelayLadder, delay: number, slack = 0): { readonly waits: number[]; readonly late: number } {
  const taken: number[] = []
  let now = 0
  for (let hop = ladder.next(delay, now); hop !== undefined; hop = ladder.next(delay, now)) {
    expect(ladder.rungs[hop.rung]).toBe(hop.wait)
    taken.push(hop.wait)
    now += hop.wait + slack
  }
  return { waits: taken, late: now - delay }
}

const four = new DelayLadder({ rungs: [100, 200, 400, 800] })

test('what is due waits no more', () => {
  expect(four.next(1000, 1000)).toBe(undefined)
  expect(four.next(1000, 2000)).toBe(undefined)
  expect(four.next(Number.NaN, 0)).toBe(undefined)
})

test.each([
  [1, [100]],
  [100, [100]],
  [350, [400]],
  [500, [400, 100]],
  [550, [400, 200]],
  [700, [400, 200, 100]],
  [2000, [800, 800, 400]],
])('a delay of %i takes the rungs %j', (delay, expected) => {
  expect(waits(four, delay).waits).toEqual(expected)
})

test('INVARIANT: nothing is early, and late by less than the shortest rung', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 0, max: 5 }),
      (steps, delay, slack) => {
        const rungs = steps.toSorted((a, b) => a - b)
        const { late } = waits(new DelayLadder({ rungs }), delay, slack)
        expect(late).toBeGreaterThanOrEqual(0)
        expect(late).toBeLessThan(rungs[0]! + slack)
      },
    ),
  )
})

test('the usual rungs take few hops to wait for any time', () => {
  const ladder = new DelayLadder()
  expect(ladder.rungs[0]).toBe(250)
  expect(ladder.rungs.at(-1)).toBeGreaterThan(6 * 24 * 3_600_000)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 * 24 * 3_600_000 }), (delay) => {
      const { waits: taken, late } = waits(ladder, delay, 20)
      expect(taken.length).toBeLessThanOrEqual(ladder.rungs.length)
      expect(late).toBeLessThan(270)
    }),
  )
})

test.each([[[]], [[0, 1]], [[2, 1]], [[1, 1]], [[1, Infinity]]])('rungs that do not grow are refused: %j', (rungs) => {
  expect(() => new DelayLadder({ rungs })).toThrow('`rungs` must be milliseconds above 0')
})
