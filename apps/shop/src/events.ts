import { defineEvent, type EventOf } from '@tidings/events'
import { z } from 'zod'

// All that the modules of the shop know of one another. Money is whole pence.

const order = z.object({ order: z.int().positive() })
const byOrder = (data: { order: number }): string => `order-${data.order}`

export const OrderPlaced = defineEvent('shop.order.placed', {
  schema: order.extend({
    customer: z.string(),
    item: z.string(),
    quantity: z.int().positive(),
    pence: z.int().positive(),
    card: z.string().meta({ sensitive: true }),
  }),
  key: byOrder,
})
export type OrderPlaced = EventOf<typeof OrderPlaced>

export const StockReserved = defineEvent('shop.stock.reserved', {
  schema: order.extend({
    item: z.string(),
    quantity: z.int().positive(),
    pence: z.int().positive(),
    card: z.string().meta({ sensitive: true }),
  }),
  key: byOrder,
})
export type StockReserved = EventOf<typeof StockReserved>

export const StockRefused = defineEvent('shop.stock.refused', {
  schema: order.extend({ item: z.string(), available: z.int().nonnegative() }),
  key: byOrder,
})
export type StockRefused = EventOf<typeof StockRefused>

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

export const OrderConfirmed = defineEvent('shop.order.confirmed', { schema: order, key: byOrder })
export type OrderConfirmed = EventOf<typeof OrderConfirmed>

export const OrderCancelled = defineEvent('shop.order.cancelled', {
  schema: order.extend({ reason: z.string() }),
  key: byOrder,
})
export type OrderCancelled = EventOf<typeof OrderCancelled>

export const ParcelMoved = defineEvent('shop.parcel.moved', {
  schema: order.extend({ place: z.string() }),
  key: byOrder,
})
export type ParcelMoved = EventOf<typeof ParcelMoved>

export const ShelfScanned = defineEvent('shop.shelf.scanned', z.object({ shelf: z.int(), item: z.string() }))
export type ShelfScanned = EventOf<typeof ShelfScanned>

/** What the modules tell one another: all that goes over the bus. */
export const shopEvents = [
  OrderPlaced,
  StockReserved,
  StockRefused,
  PaymentTaken,
  PaymentDeclined,
  OrderConfirmed,
  OrderCancelled,
  ParcelMoved,
] as const
