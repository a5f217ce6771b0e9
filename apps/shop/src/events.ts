import { defineEvent, type EventOf } from '@tidings/events'
import { z } from 'zod'

// All that the modules of the shop know of one another. Money is whole pence.
//
// What the shop itself decides is in a stream, of an order or of a shelf, and what is in a stream goes to whoever listens.
// What others report (a card network, a courier) is published, and leads to a decision.

const source = '/shop'
const order = z.object({ order: z.int().positive() })
const byOrder = (data: { order: number }): string => orderStream(data.order)

/** The stream of an order. */
export function orderStream(order: number): string {
  return `order-${order}`
}

/** The stream of what is on the shelf of an item. */
export function shelfStream(item: string): string {
  return `shelf-${item}`
}

// In the stream of the order.

export const OrderPlaced = defineEvent('shop.order.placed', {
  schema: order.extend({
    customer: z.string(),
    item: z.string(),
    quantity: z.int().positive(),
    pence: z.int().positive(),
    card: z.string().meta({ sensitive: true }),
    /** Milliseconds for which the goods are held until they are paid. */
    heldFor: z.int().positive().default(60_000),
  }),
  key: byOrder,
  source,
})
export type OrderPlaced = EventOf<typeof OrderPlaced>

export const OrderConfirmed = defineEvent('shop.order.confirmed', {
  schema: order.extend({ pence: z.int().positive() }),
  key: byOrder,
  source,
})
export type OrderConfirmed = EventOf<typeof OrderConfirmed>

export const OrderCancelled = defineEvent('shop.order.cancelled', {
  schema: order.extend({ reason: z.string() }),
  key: byOrder,
  source,
})
export type OrderCancelled = EventOf<typeof OrderCancelled>

/** The money came when the order was cancelled already. */
export const RefundDue = defineEvent('shop.refund.due', {
  schema: order.extend({ pence: z.int().positive() }),
  key: byOrder,
  source,
})
export type RefundDue = EventOf<typeof RefundDue>

export const ParcelSeen = defineEvent('shop.parcel.seen', {
  /** `move` counts the places of a parcel, from 1. */
  schema: order.extend({ place: z.string(), move: z.int().positive() }),
  key: byOrder,
  source,
})
export type ParcelSeen = EventOf<typeof ParcelSeen>

// In the stream of the shelf.

export const StockReceived = defineEvent('shop.stock.received', {
  schema: z.object({ delivery: z.string(), item: z.string(), quantity: z.int().positive() }),
  key: ({ item }) => shelfStream(item),
  source,
})
export type StockReceived = EventOf<typeof StockReceived>

export const StockReserved = defineEvent('shop.stock.reserved', {
  schema: order.extend({
    item: z.string(),
    quantity: z.int().positive(),
    pence: z.int().positive(),
    card: z.string().meta({ sensitive: true }),
  }),
  key: byOrder,
  source,
})
export type StockReserved = EventOf<typeof StockReserved>

export const StockRefused = defineEvent('shop.stock.refused', {
  schema: order.extend({ item: z.string(), available: z.int().nonnegative() }),
  key: byOrder,
  source,
})
export type StockRefused = EventOf<typeof StockRefused>

export const StockReleased = defineEvent('shop.stock.released', {
  schema: order.extend({ item: z.string(), quantity: z.int().positive() }),
  key: byOrder,
  source,
})
export type StockReleased = EventOf<typeof StockReleased>

// In the diary.

export const DayOpened = defineEvent('shop.day.opened', {
  schema: z.object({ day: z.int().positive(), seed: z.int().nonnegative() }),
  source,
})
export type DayOpened = EventOf<typeof DayOpened>

export const ActEnded = defineEvent('shop.act.ended', {
  schema: z.object({ day: z.int().positive(), act: z.int().positive() }),
  source,
})
export type ActEnded = EventOf<typeof ActEnded>

export const DayEnded = defineEvent('shop.day.ended', { schema: z.object({ day: z.int().positive() }), source })
export type DayEnded = EventOf<typeof DayEnded>

// Published.

export const PaymentTaken = defineEvent('shop.payment.taken', {
  schema: order.extend({ pence: z.int().positive() }),
  key: byOrder,
})
export type PaymentTaken = EventOf<typeof PaymentTaken>

export const PaymentDeclined = defineEvent('shop.payment.declined', {
  schema: order.extend({ reason: z.string() }),
  key: byOrder,
})
export type PaymentDeclined = EventOf<typeof PaymentDeclined>

export const PaymentRefunded = defineEvent('shop.payment.refunded', {
  schema: order.extend({ pence: z.int().positive() }),
  key: byOrder,
})
export type PaymentRefunded = EventOf<typeof PaymentRefunded>

export const ParcelMoved = defineEvent('shop.parcel.moved', {
  schema: order.extend({ place: z.string() }),
  key: byOrder,
})
export type ParcelMoved = EventOf<typeof ParcelMoved>

export const ShelfScanned = defineEvent('shop.shelf.scanned', z.object({ shelf: z.int(), item: z.string() }))
export type ShelfScanned = EventOf<typeof ShelfScanned>

/** What is in streams. */
export const recordedEvents = [
  OrderPlaced,
  OrderConfirmed,
  OrderCancelled,
  RefundDue,
  ParcelSeen,
  StockReceived,
  StockReserved,
  StockRefused,
  StockReleased,
  DayOpened,
  ActEnded,
  DayEnded,
] as const
export type RecordedEvent = EventOf<(typeof recordedEvents)[number]>

/** What the modules tell one another: all that goes over the bus. */
export const shopEvents = [...recordedEvents, PaymentTaken, PaymentDeclined, PaymentRefunded, ParcelMoved] as const
