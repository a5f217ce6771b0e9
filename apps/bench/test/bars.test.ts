import { describe, expect, test } from 'vitest'
import { type Bar, bars, judge, passed } from '../src/report/bars.ts'
import type { Result } from '../src/report/report.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

const bar: Bar = { claim: 'fast', scenario: 'publish-1', column: 'warmed', contestant: 'handle', atLeast: 2 }

const result = (contestant: string, low: number, median: number, high: number): Result => ({
  scenario: 'publish-1',
  column: 'warmed',
  contestant,
  figure: { low, median, high, rounds: 5 },
})

describe('a bar', () => {
  test('holds where the median reaches it', () => {
    expect(judge(bar, [result('handle', 1.9, 2, 2.2)])).toMatchObject({ outcome: 'holds', figure: { median: 2 } })
  })

  test('is near where the median is under it and the upper quartile is not', () => {
    expect(judge(bar, [result('handle', 1.8, 1.95, 2)]).outcome).toBe('near')
  })

  test('is missed where the upper quartile is under it too', () => {
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

describe('a check', () => {
  const verdict = (outcome: ReturnType<typeof judge>['outcome']) => ({ ...bar, outcome })

  test('passes where bars hold or are near, whatever was not measured', () => {
    expect(passed([verdict('holds'), verdict('near'), verdict('not measured')])).toBe(true)
  })

  test('fails where one bar is missed', () => {
    expect(passed([verdict('holds'), verdict('missed')])).toBe(false)
  })

  test('fails where nothing was measured', () => {
    expect(passed([verdict('not measured')])).toBe(false)
  })
})

test.for(bars.filter(({ scenario }) => scenario !== 'retail'))(
  'the bar "$claim" names what is measured, in a quick run too',
  ({ scenario: id, column, contestant, against = [] }) => {
    const scenario = scenarios.find((each) => each.id === id)
    expect(scenario?.columns).toContain(column)
    expect(scenario?.quick).toContain(column)
    expect(Object.keys(scenario?.contestants ?? {})).toEqual(expect.arrayContaining([contestant, ...against]))
  },
)
