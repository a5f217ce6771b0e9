import { rules, type Rule } from '../retail/rules.ts'
import type { View } from './view.ts'

/** How many lines break a rule, and the spreadsheet row of the first. */
export interface RuleCount {
  readonly rule: Rule
  readonly rows: number
  readonly firstRow: number | undefined
}

/** Counts the lines that break each rule; all rules are listed, in their order. */
export function ruleCounts(): View<RuleCount[]> {
  const rows = new Map<Rule, number>()
  const firstRows = new Map<Rule, number>()
  return {
    handle: ({ data }) => {
      for (const rule of data.brokenRules) {
        const count = rows.get(rule) ?? 0
        if (count === 0) firstRows.set(rule, data.row)
        rows.set(rule, count + 1)
      }
    },
    report: () => rules.map((rule) => ({ rule, rows: rows.get(rule) ?? 0, firstRow: firstRows.get(rule) })),
  }
}
