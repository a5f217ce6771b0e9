import { handler } from '@tidings/bus'
import { OrderCancelled, OrderConfirmed, PaymentDeclined, PaymentTaken, StockRefused } from '../events.ts'

// One group for the module, so that what happens to an order reaches it in order.
const policy = { group: 'orders' }

/** Decides what becomes of an order, from what stock and payment say. */
export const orders = [
  handler(PaymentTaken, policy, async function confirm({ data: { order } }, { publish, log }) {
    log.info('confirmed')
    await publish(OrderConfirmed, { order })
  }),
  handler(PaymentDeclined, policy, async function cancelUnpaid({ data: { order, reason } }, { publish, log }) {
    log.info('cancelled')
    await publish(OrderCancelled, { order, reason })
  }),
  handler(StockRefused, policy, async function cancelUnavailable({ data: { order, item } }, { publish, log }) {
    log.info('cancelled')
    await publish(OrderCancelled, { order, reason: `${item} is sold out` })
  }),
]
