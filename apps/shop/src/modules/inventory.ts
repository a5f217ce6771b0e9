import { compose, idempotent } from '@tidings/decorators'
import { causedBy } from '@tidings/events'
import { OrderCancelled, OrderPlaced, ShelfScanned, StockRefused, StockReserved } from '../events.ts'
import type { Surroundings } from './module.ts'

/** Holds the stock. A duplicate of an order must not take a second item, so its handlers are idempotent. */
export function inventory({ events, narrator }: Surroundings, stock: Readonly<Record<string, number>>): void {
  const once = compose(narrator.told('inventory'), idempotent())
  const left = new Map(Object.entries(stock))
  const reserved = new Map<number, { item: string; quantity: number }>()

  function reserve(event: OrderPlaced): string {
    const { order, item, quantity } = event.data
    const available = left.get(item) ?? 0
    if (available < quantity) {
      void events.publish(StockRefused, { order, item, available }, causedBy(event))
      return `refused, ${available} × ${item} left`
    }
    left.set(item, available - quantity)
    reserved.set(order, { item, quantity })
    void events.publish(
      StockReserved,
      { order, item, quantity, pence: event.data.pence, card: event.data.card },
      causedBy(event),
    )
    return `reserved ${quantity} × ${item}, ${available - quantity} left`
  }

  /** The compensation: what was reserved for a cancelled order goes back on the shelf. */
  function release(event: OrderCancelled): string {
    const held = reserved.get(event.data.order)
    if (!held) return 'nothing to release'
    reserved.delete(event.data.order)
    const now = (left.get(held.item) ?? 0) + held.quantity
    left.set(held.item, now)
    return `released ${held.quantity} × ${held.item}, ${now} left`
  }

  events.subscribe(OrderPlaced, once(reserve))
  events.subscribe(OrderCancelled, once(release))
  events.subscribe(ShelfScanned, function count() {})
}
