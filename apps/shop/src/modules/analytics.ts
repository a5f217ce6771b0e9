import { type Handler, handler } from '@tidings/bus'
import { OrderCancelled, OrderPlaced, PaymentTaken } from '../events.ts'

/** The figures of the day so far. */
export interface Figures {
  placed: number
  paid: number
  cancelled: number
  /** In pence. */
  revenue: number
  byType: Map<string, number>
}

/**
 * Counts, without a word, and nothing twice. Each count is a group of its own, named like its function: several want the
 * same events.
 */
export function analytics(figures: Figures): Handler[] {
  const policy = { idempotent: true }
  return [
    handler('**', policy, function countAll({ type }) {
      figures.byType.set(type, (figures.byType.get(type) ?? 0) + 1)
    }),
    handler(OrderPlaced, policy, function countPlaced() {
      figures.placed++
    }),
    handler(PaymentTaken, policy, function countPaid({ data: { pence } }) {
      figures.paid++
      figures.revenue += pence
    }),
    handler(OrderCancelled, policy, function countCancelled() {
      figures.cancelled++
    }),
  ]
}
