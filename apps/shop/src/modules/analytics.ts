import { idempotent } from '@tidings/decorators'
import { OrderCancelled, OrderPlaced, PaymentTaken } from '../events.ts'
import type { Surroundings } from './module.ts'

/** The figures of the day so far. */
export interface Figures {
  placed: number
  paid: number
  cancelled: number
  /** In pence. */
  revenue: number
  byType: Map<string, number>
}

/** Counts, without a word, and nothing twice. Each count is a group of its own, since several want the same events. */
export function analytics({ events }: Pick<Surroundings, 'events'>, figures: Figures): void {
  events.subscribe('**', function countAll(_event, type) {
    figures.byType.set(type, (figures.byType.get(type) ?? 0) + 1)
  })
  const once = idempotent()
  events.subscribe(
    OrderPlaced,
    once(function countPlaced(_event: OrderPlaced) {
      figures.placed++
    }),
  )
  events.subscribe(
    PaymentTaken,
    once(function countPaid({ data }: PaymentTaken) {
      figures.paid++
      figures.revenue += data.pence
    }),
  )
  events.subscribe(
    OrderCancelled,
    once(function countCancelled(_event: OrderCancelled) {
      figures.cancelled++
    }),
  )
}
