// Compiled against the published declarations, then run.
import { EventDispatcher } from '@tidings/core'
import { defineEvent, type EventOf } from '@tidings/events'
import * as z from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ item: z.string(), quantity: z.int().default(1) }))
type OrderPlaced = EventOf<typeof OrderPlaced>

const placed: OrderPlaced[] = []
const dispatcher = new EventDispatcher()
dispatcher.subscribe(OrderPlaced, (event) => {
  const quantity: number = event.data.quantity
  if (quantity === 1) placed.push(event)
})
dispatcher.publish(OrderPlaced, { item: 'Book' })
// @ts-expect-error The data has no such field.
const price: unknown = placed[0]?.data.price
// @ts-expect-error `item` is missing.
const refused = () => OrderPlaced.create({ quantity: 2 })
if (placed[0]?.data.item !== 'Book' || price !== undefined || refused.length > 0)
  throw new Error('the event did not arrive')
