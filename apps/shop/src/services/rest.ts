import type { Bus } from '@tidings/bus'
import {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  ParcelSeen,
  type RecordedEvent,
  RefundDue,
  StockReleased,
  StockReserved,
} from '../events.ts'
import type { Ground } from '../ground.ts'

/**
 * Whether all that was begun has come to its end, whoever works at it: by the log, and by what those outside remember. No
 * process knows of another one whether it is at rest; what it leaves shows it. `parcels` has how often each order's was
 * reported.
 */
export async function isAtRest(
  { books, outside }: Ground,
  bus: Bus,
  parcels: ReadonlyMap<number, number>,
): Promise<boolean> {
  const types = [OrderPlaced, OrderConfirmed, OrderCancelled, RefundDue, ParcelSeen, StockReserved, StockReleased]
  const orders = new Map<number, Told>()
  for await (const { event } of books.store.readAll({ types: types.map(({ type }) => type) })) {
    if (!('order' in event.data)) continue
    const { order } = event.data
    const told = orders.get(order) ?? { byType: new Map(), seen: 0 }
    if (event.type === ParcelSeen.type) told.seen++
    orders.set(order, told)
    told.byType.set(event.type, event)
  }
  const unsent: string[] = []
  for (const [order, { byType, seen }] of orders) {
    const [reserved, confirmed, cancelled, refund] = [StockReserved, OrderConfirmed, OrderCancelled, RefundDue].map(
      ({ type }) => byType.get(type),
    )
    const ended = confirmed ?? cancelled
    if (ended === undefined || seen < (parcels.get(order) ?? 0)) return false
    if (reserved !== undefined) {
      const answer = outside.cards.get(`shop.payments/${reserved.id}`) as { readonly ok: boolean } | undefined
      if (answer === undefined) return false
      if (cancelled !== undefined && (!byType.has(StockReleased.type) || (answer.ok && refund === undefined)))
        return false
    }
    if (refund !== undefined && outside.cards.get(`shop.payments/${refund.id}`) === undefined) return false
    if (outside.mail.get(`shop.notifications/${ended.id}`) === undefined) unsent.push(ended.id)
  }
  if (unsent.length === 0) return true
  const given = new Set<string>()
  for await (const { message } of bus.deadLetters.list()) given.add(String(message.attributes['id']))
  return unsent.every((id) => given.has(id))
}

/** What the log tells of an order. */
interface Told {
  readonly byType: Map<string, RecordedEvent>
  /** Places where its parcel was seen. */
  seen: number
}
