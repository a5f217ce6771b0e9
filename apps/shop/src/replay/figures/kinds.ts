import { AdjustmentRecorded, CancellationRecorded, SaleRecorded } from '../retail/events.ts'
import type { View } from './view.ts'

/** `other` are the adjustments. A kind that does not occur has no key. */
export type RowsByKind = Partial<Record<'sale' | 'cancellation' | 'other', number>>

/** Counts the lines of each kind. */
export function kinds(): View<RowsByKind> {
  const names = {
    [SaleRecorded.type]: 'sale',
    [CancellationRecorded.type]: 'cancellation',
    [AdjustmentRecorded.type]: 'other',
  } as const
  const rows = { sale: 0, cancellation: 0, other: 0 }
  return {
    handle: ({ type }) => rows[names[type]]++,
    report: () => Object.fromEntries(Object.entries(rows).filter(([, count]) => count > 0)),
  }
}
