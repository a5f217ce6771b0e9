import type { AsyncEventDispatcher } from '@tidings/core'
import { causedBy } from '@tidings/events'
import { OrderCancelled, OrderPlaced, ShelfScanned, StockRefused, StockReserved } from '../events.ts'
import type { Surroundings } from './module.ts'

/** What is there, and what is held for which order. */
export interface Shelves {
  readonly left: Map<string, number>
  readonly reserved: Map<number, { readonly item: string; readonly quantity: number }>
}

/** Holds the stock. A duplicate of an order must not take a second item, so its handlers are idempotent. */
export function inventory(
  { events, narrator }: Surroundings,
  { left, reserved }: Shelves,
  scanners: AsyncEventDispatcher,
): void {
  const told = narrator.told('inventory')

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

  const delivery = { group: 'inventory', idempotent: true }
  events.subscribe(OrderPlaced, told(reserve), delivery)
  events.subscribe(OrderCancelled, told(release), delivery)
  // The next scan says the same, so this one may be lost: it stays in the process.
  scanners.subscribe(ShelfScanned, function count() {})
}
