import { isTidingsError } from '@tidings/core'
import type { FiguresReport } from '../figures/figures.ts'
import type { RowsByKind } from '../figures/kinds.ts'
import type { Ledgers } from '../figures/ledgers.ts'
import type { TopProducts } from '../figures/products.ts'
import type { Rule } from '../retail/rules.ts'
import type { Reject, RejectReason } from '../rejects.ts'
import type { Outcome } from '../run.ts'

/** What `--json` prints. Money is in mills; the texts beside it say the same in pounds. */
export interface JsonReport {
  rows_by_kind: RowsByKind
  totals: FiguresReport
  by_country: Readonly<Record<string, FiguresReport>>
  by_month: Readonly<Record<string, FiguresReport>>
  top20: TopProducts
  /** Every rule, broken or not. */
  rows_failing_rule: Record<Rule, number>
  ledgers: Ledgers
  accepted: number
  rejected: number
  seconds: number
  /** Only where rows were rejected. */
  rejects?: { reason: RejectReason; rows: number; first: Reject }[]
  /** Only where the replay was stopped before the end of the file. */
  interrupted?: true
  /** Only where the file could not be read to its end. */
  error?: { code: string; message: string }
}

export function jsonReport({ shop, accepted, rejected, rejects, seconds, status, error }: Outcome): JsonReport {
  return {
    rows_by_kind: shop.kinds,
    totals: shop.totals,
    by_country: shop.countries,
    by_month: shop.months,
    top20: shop.products,
    rows_failing_rule: Object.fromEntries(shop.ruleCounts.map(({ rule, rows }) => [rule, rows])) as Record<
      Rule,
      number
    >,
    ledgers: shop.ledgers,
    accepted,
    rejected,
    seconds: Math.round(seconds * 1000) / 1000,
    ...(rejects.length > 0 ? { rejects: rejects.map(({ reason, rows, first }) => ({ reason, rows, first })) } : {}),
    ...(status === 'interrupted' ? { interrupted: true } : {}),
    ...(error === undefined ? {} : { error: described(error) }),
  }
}

function described(error: unknown): { code: string; message: string } {
  if (isTidingsError(error)) return { code: error.code, message: error.message }
  return { code: 'UNKNOWN', message: error instanceof Error ? error.message : String(error) }
}
