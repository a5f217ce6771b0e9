import { describe, expect, test } from 'vitest'
import { type Bar, bars } from '../src/report/bars.ts'
import { concessions } from '../src/report/concessions.ts'
import { fails, fallsBehind, hintOf, judge, passed, type Verdict } from '../src/report/judge.ts'
import type { Result } from '../src/report/report.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

const bar: Bar = {
  id: 'fast',
  claim: 'fast',
  scenario: 'publish-1',
  column: 'warmed',
  contestant: 'handle',
  atLeast: 2,
}

const result = (contestant: string, low: number, median: number, high: number): Result => ({
  scenario: 'publish-1',
  column: 'warmed',
  contestant,
  figure: { low, median, high, rounds: 5 },
})

describe('a bar', () => {
  test('holds where the median lies above it', () => {
    expect(judge(bar, [result('handle', 1.9, 2.2, 2.3)])).toMatchObject({ outcome: 'holds', figure: { median: 2.2 } })
  })

  test.each([1.91, 2, 2.09])('is near where the median, %d, is as good as the bar itself', (median) => {
    expect(judge(bar, [result('handle', 1.8, median, 2.1)]).outcome).toBe('near')
  })

  test('is missed where the median lies under it, whatever the spread', () => {
    expect(judge(bar, [result('handle', 1.8, 1.85, 2.1)]).outcome).toBe('missed')
    expect(judge(bar, [result('handle', 1.8, 1.9, 1.99)])).toMatchObject({
      outcome: 'missed',
      figure: { median: 1.9, low: 1.8, high: 1.99 },
    })
  })

  test('is not measured where our figure, or that of a rival, is lacking', () => {
    expect(judge(bar, []).outcome).toBe('not measured')
    expect(judge({ ...bar, against: ['mitt'] }, [result('handle', 9, 9, 9)]).outcome).toBe('not measured')
  })

  test('is held against the fastest of several rivals, with the spread of both', () => {
    const results = [result('handle', 5, 6, 7), result('mitt', 0.4, 0.5, 0.6), result('nanoevents', 1, 2, 2.5)]
    expect(judge({ ...bar, against: ['mitt', 'nanoevents', 'node'] }, results)).toMatchObject({
      outcome: 'holds',
      opponent: 'nanoevents',
      figure: { median: 3, low: 2, high: 7 },
    })
  })

  test('is told beside what a loop by hand makes of it', () => {
    const results = [result('handle', 3, 3, 3), result('loop', 4, 4, 4), result('mitt', 2, 2, 2)]
    expect(judge({ ...bar, against: ['mitt'] }, results)).toMatchObject({ figure: { median: 1.5 }, byHand: 2 })
  })

  test('takes the yardstick for 1, whatever it makes against itself', () => {
    const results = [result('handle', 3, 3, 3), result('node', 1.2, 1.2, 1.2), result('mitt', 0.3, 0.3, 0.3)]
    expect(judge({ ...bar, against: ['mitt', 'node'] }, results)).toMatchObject({
      opponent: 'node',
      figure: { median: 3 },
    })
  })
})

/** What becomes of a bar at 2, held at 1 where told, by such quartiles. */
const verdict = (low: number, median: number, high: number, held?: Bar['held']): Verdict =>
  judge(held ? { ...bar, held } : bar, [result('handle', low, median, high)])

describe('a bar that is not held', () => {
  test('fails where it is missed by more than the spread', () => {
    expect(fails(verdict(1.8, 1.9, 1.99))).toBe(true)
    expect(fails(verdict(1.8, 1.9, 2))).toBe(false)
    expect(fails(verdict(2, 2.1, 2.2))).toBe(false)
  })

  test('does not fail where it was not measured', () => {
    expect(fails(judge(bar, []))).toBe(false)
  })
})

describe('a bar that something else is held for', () => {
  const held = { atLeast: 1 }

  test('is missed, and fails only under what is held, by more than the spread', () => {
    expect(verdict(1.1, 1.2, 1.3, held)).toMatchObject({ outcome: 'missed' })
    expect(fails(verdict(1.1, 1.2, 1.3, held))).toBe(false)
    expect(fails(verdict(0.8, 0.9, 1, held))).toBe(false)
    expect(fails(verdict(0.8, 0.9, 0.99, held))).toBe(true)
  })

  test('may be held against somebody else, from whose figure it then fails', () => {
    const beside = { ...bar, held: { atLeast: 0.9, against: ['loop'] } }
    const results = (loop: number) => [result('handle', 1, 1, 1), result('loop', loop, loop, loop)]
    expect(judge(beside, results(1))).toMatchObject({
      outcome: 'missed',
      figure: { median: 1 },
      instead: { median: 1 },
    })
    expect(fails(judge(beside, results(1)))).toBe(false)
    expect(fails(judge(beside, results(2)))).toBe(true)
  })

  test('does not fail where the design is reached, whatever is held against somebody else', () => {
    const beside = { ...bar, held: { atLeast: 0.9, against: ['loop'] } }
    expect(fails(judge(beside, [result('handle', 3, 3, 3), result('loop', 9, 9, 9)]))).toBe(false)
  })

  test('fails where that somebody was not measured', () => {
    expect(fails(judge({ ...bar, held: { atLeast: 0.9, against: ['loop'] } }, [result('handle', 1, 1, 1)]))).toBe(true)
  })

  test('gives no hint where the other number is for slower machines', () => {
    expect(hintOf(verdict(2, 2.1, 2.2, { atLeast: 1, slower: true }))).toBeUndefined()
  })

  test('gives a hint once the design is reached by more than the spread, or much more is than is held', () => {
    expect(hintOf(verdict(2, 2.1, 2.2, held))).toBe('fast reaches 2 by more than its spread: end its concession')
    expect(hintOf(verdict(1.4, 1.5, 1.6, held))).toBe(
      'fast reaches 1.4 by more than its spread: raise what is held, 1, if other machines do, too',
    )
    expect(hintOf(verdict(1.2, 1.5, 2.2, held))).toBeUndefined()
    expect(hintOf(verdict(2, 2.1, 2.2))).toBeUndefined()
  })
})

describe('a check', () => {
  const [kept, broken, unknown] = [verdict(2, 2, 2), verdict(1, 1, 1), judge(bar, [])]

  test('passes where no bar fails, whatever was not measured', () => {
    expect(passed([kept, unknown])).toBe(true)
  })

  test('fails where one bar does', () => {
    expect(passed([kept, broken])).toBe(false)
  })

  test('fails where nothing was measured', () => {
    expect(passed([unknown])).toBe(false)
  })
})

test('another Node is behind where it is more than a fifth slower', () => {
  const here = verdict(2, 2, 2)
  expect(fallsBehind(verdict(1.6, 1.6, 1.6), here)).toBe(false)
  expect(fallsBehind(verdict(1.5, 1.59, 1.7), here)).toBe(true)
  expect(fallsBehind(judge(bar, []), here)).toBe(false)
})

test.for(bars.filter(({ scenario }) => scenario !== 'retail'))(
  'the bar "$id" names what is measured',
  ({ scenario: id, column, contestant, against = [], held }) => {
    const scenario = scenarios.find((each) => each.id === id)
    expect(scenario?.columns).toContain(column)
    const contestants = Object.keys(scenario?.contestants ?? {})
    expect(contestants).toEqual(expect.arrayContaining([contestant, ...against, ...(held?.against ?? [])]))
  },
)

test('no two bars have one name', () => {
  expect(new Set(bars.map(({ id }) => id)).size).toBe(bars.length)
})

test.for(Object.entries(concessions))(
  'the concession to "%s" is to a bar, asks for less than it, and names an ablation',
  ([id, { held, ablation }]) => {
    const conceded = bars.find((each) => each.id === id)
    expect(conceded?.held).toBe(held)
    if (!held.against) expect(held.atLeast).toBeLessThan(conceded!.atLeast)
    expect(scenarios.find((scenario) => scenario.id === ablation)?.group).toBe('ablations')
  },
)
