import { isTidingsError } from '@tidings/core'
import type { FiguresReport } from '../figures/figures.ts'
import type { RowsByKind } from '../figures/kinds.ts'
import type { Ledgers } from '../figures/ledgers.ts'
import type { TopProducts } from '../figures/products.ts'
import type { Rule } from '../retail/rules.ts'
import type { Reject, RejectReason } from '../rejects.ts'
import type { Outcome } from '../run.ts'
import type { ShopReport } from '../shop.ts'

/** The figures, as `--json` prints them. Money is in mills; the texts beside it say the same in pounds. */
export interface JsonFigures {
  rows_by_kind: RowsByKind
  totals: FiguresReport
  by_country: Readonly<Record<string, FiguresReport>>
  by_month: Readonly<Record<string, FiguresReport>>
  top20: TopProducts
  /** Every rule, broken or not. */
  rows_failing_rule: Record<Rule, number>
  ledgers: Ledgers
}

/** What `demo replay --json` prints. */
export interface JsonReport extends JsonFigures {
  accepted: number
  rejected: number
  seconds: number
  /** Only with `--data`: rows that the folder had before, and that were added. */
  kept?: { before: number; added: number }
  /** Only where rows were rejected. */
  rejects?: { reason: RejectReason; rows: number; first: Reject }[]
  /** Only where the replay was stopped before the end of the file. */
  interrupted?: true
  /** Only where the file could not be read to its end. */
  error?: { code: string; message: string }
}

export function jsonFigures(shop: ShopReport): JsonFigures {
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
  }
}

export function jsonReport({ shop, accepted, rejected, rejects, seconds, kept, status, error }: Outcome): JsonReport {
  return {
    ...jsonFigures(shop),
    accepted,
    rejected,
    seconds: rounded(seconds),
    ...(kept === undefined ? {} : { kept }),
    ...(rejects.length > 0 ? { rejects: rejects.map(({ reason, rows, first }) => ({ reason, rows, first })) } : {}),
    ...(status === 'interrupted' ? { interrupted: true } : {}),
    ...(error === undefined ? {} : { error: described(error) }),
  }
}

/** Seconds to the millisecond. */
export function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

function described(error: unknown): { code: string; message: string } {
  if (isTidingsError(error)) return { code: error.code, message: error.message }
  return { code: 'UNKNOWN', message: error instanceof Error ? error.message : String(error) }
}
