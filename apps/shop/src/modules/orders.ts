import { causedBy } from '@tidings/events'
import { OrderCancelled, OrderConfirmed, PaymentDeclined, PaymentTaken, StockRefused } from '../events.ts'
import type { Surroundings } from './module.ts'

/** Decides what becomes of an order, from what stock and payment say. */
export function orders({ events, narrator }: Surroundings): void {
  const told = narrator.told('orders')

  function confirm(event: PaymentTaken): string {
    void events.publish(OrderConfirmed, { order: event.data.order }, causedBy(event))
    return 'confirmed'
  }

  function cancelUnpaid(event: PaymentDeclined): string {
    void events.publish(OrderCancelled, event.data, causedBy(event))
    return 'cancelled'
  }

  function cancelUnavailable(event: StockRefused): string {
    const { order, item } = event.data
    void events.publish(OrderCancelled, { order, reason: `${item} is sold out` }, causedBy(event))
    return 'cancelled'
  }

  const delivery = { group: 'orders' }
  events.subscribe(PaymentTaken, told(confirm), delivery)
  events.subscribe(PaymentDeclined, told(cancelUnpaid), delivery)
  events.subscribe(StockRefused, told(cancelUnavailable), delivery)
}
