import { defineProjection } from '@tidings/store'
import { OrderCancelled, OrderConfirmed, OrderPlaced } from '../events.ts'

/** The figures of the shop so far: each event counts once, whatever crashes. Revenue is in pence. */
export const revenue = defineProjection('revenue', {
  on: [OrderPlaced, OrderConfirmed, OrderCancelled],
  initial: () => ({ placed: 0, paid: 0, cancelled: 0, revenue: 0 }),
  evolve(figures, event) {
    switch (event.type) {
      case OrderPlaced.type:
        return { ...figures, placed: figures.placed + 1 }
      case OrderConfirmed.type:
        return { ...figures, paid: figures.paid + 1, revenue: figures.revenue + event.data.pence }
      default:
        return { ...figures, cancelled: figures.cancelled + 1 }
    }
  },
})
