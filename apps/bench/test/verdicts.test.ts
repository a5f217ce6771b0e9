import { describe, expect, test } from 'vitest'
import { type Bar, bars } from '../src/report/bars.ts'
import type { Verdict } from '../src/report/judge.ts'
import type { Environment } from '../src/report/report.ts'
import { loadTable, missedList, nodeTable, verdictTable, verdictText } from '../src/report/verdicts.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

const churn = bars.find(({ id }) => id === 'churn-3')!
const patterns = bars.find(({ id }) => id === 'patterns')!

function verdict(bar: Bar, median: number, outcome: Verdict['outcome'], more: Partial<Verdict> = {}): Verdict {
  const { held: _, ...free } = bar
  return { ...free, outcome, figure: { median, low: median - 0.1, high: median + 0.1, rounds: 5 }, ...more }
}

const held = verdict(churn, 1.05, 'missed', { held: { atLeast: 1 } })
const good = verdict(patterns, 6, 'holds')

test('the table of bars says what the design asks for, what is held instead, and that it is missed all the same', () => {
  const table = verdictTable([held, good], scenarios)
  expect(table).toContain(
    '| subscribe and unsubscribe among 3 others | 1.20 × node:events | 1.05<br><sub>0.95–1.15</sub> | 1.00 |  | **missed** |',
  )
  expect(table).toContain('| 6.00<br><sub>5.90–6.10</sub> |  |  | holds |')
})

test('what is held against somebody else shows that figure', () => {
  const beside = verdict(churn, 0.9, 'missed', {
    held: { atLeast: 0.8, against: ['loop'] },
    instead: { median: 0.95, low: 0.9, high: 1, rounds: 5 },
  })
  expect(verdictTable([beside], scenarios)).toContain('| 0.80 × a loop by hand that isolates errors (0.95) |')
})

test('the table says so where even what is held is missed', () => {
  expect(verdictTable([verdict(churn, 0.5, 'missed', { held: { atLeast: 1 } })], scenarios)).toContain(
    '**missed**, **what is held, too**',
  )
})

describe('the reasons', () => {
  const reasons = {
    'churn-3': { held: { atLeast: 1 }, why: 'It is slow.', tried: 'All.', ablation: 'ablation-churn' },
  }

  test('stand for each bar that is missed, with a link to its ablation', () => {
    expect(missedList([held, good], scenarios, reasons)).toBe(
      '- **subscribe and unsubscribe among 3 others**: It is slow. All. Figures: [What subscribing and unsubscribing spend](#what-subscribing-and-unsubscribing-spend).',
    )
  })

  test('are not made up where none is known', () => {
    expect(missedList([held], scenarios, {})).toContain('no reason is known')
  })
})

describe('quiet and loaded', () => {
  const loaded = { busy: 1, load: 1.9 }

  test('are said to be the same where they are', () => {
    expect(loadTable([held, good], { ...loaded, verdicts: [verdict(churn, 0.9, 'missed'), good] })).toContain(
      'All verdicts are the same.',
    )
  })

  test('are told apart where they differ', () => {
    const table = loadTable([held, good], { ...loaded, verdicts: [held, verdict(patterns, 3, 'missed')] })
    expect(table).toContain('1 of 2 verdicts differ')
    expect(table).toMatch(/\| patterns, .*\| \*\*missed\*\* \| \*\*differs\*\* \|/)
  })

  test('leave out what was not measured again', () => {
    const { figure: _, ...nothing } = verdict(patterns, 6, 'not measured')
    expect(loadTable([held, good], { ...loaded, verdicts: [held, nothing] })).not.toContain('patterns')
  })
})

test('the table of Nodes marks what is more than a fifth behind', () => {
  const nodes = [
    { node: '22.23.1', v8: '12.4', verdicts: [verdict(churn, 0.86, 'missed'), verdict(patterns, 4.9, 'holds')] },
    { node: '26.4.0', v8: '14.6', verdicts: [verdict(churn, 0.85, 'missed'), verdict(patterns, 4.7, 'holds')] },
  ]
  const table = nodeTable([held, good], nodes, { node: '24.21.0' } as Environment)
  expect(table).toContain('| | at least | 24.21.0 | 22.23.1 | 26.4.0 |'.replace('| |', '|  |'))
  expect(table).toContain('1 of 4 are.')
  expect(table).toContain('| 4.70<br><sub>4.60–4.80</sub><br>**behind** |')
})

describe('a terminal', () => {
  test('is told each bar that was measured, and which fails', () => {
    const { figure: _, ...nothing } = verdict(patterns, 6, 'not measured')
    const lines = verdictText([held, verdict(churn, 0.5, 'missed'), nothing], scenarios).split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[1]).toMatch(/^missed +subscribe .* 1\.05 +0\.95–1\.15 +1\.20 +1\.00 +5 +node:events$/)
    expect(lines[2]).toMatch(/^FAILS +subscribe .* 0\.50/)
  })

  test('is told what to do about what is held and reached', () => {
    const reached = verdict(churn, 1.4, 'holds', { held: { atLeast: 1 } })
    expect(verdictText([reached], scenarios)).toContain(
      'churn-3 reaches 1.2 by more than its spread: end its concession',
    )
  })
})
