// Compiled against the published declarations, then run.
import { EventDispatcher } from '@tidings/core'
import { createCatalog, defineEvent, type EventOf, type EventsOf, fromCloudEvent, toCloudEvent } from '@tidings/events'
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

const OrderShipped = defineEvent('shop.order.shipped', {
  schema: z.object({ carrier: z.string() }),
  key: (order) => order.carrier,
})
const catalog = createCatalog([OrderPlaced, OrderShipped])
const typed = new EventDispatcher<EventsOf<typeof catalog>>()
const carriers: string[] = []
typed.subscribe('shop.order.shipped', (event) => {
  const carrier: string = event.data.carrier
  carriers.push(carrier)
})
// @ts-expect-error The catalog has no such type.
typed.subscribe('shop.order.lost', () => {})
typed.publish(catalog.get('shop.order.shipped'), { carrier: 'Post' })

const read = fromCloudEvent(JSON.parse(JSON.stringify(toCloudEvent(OrderShipped.create({ carrier: 'Rail' })))), catalog)
if (read.type === 'shop.order.shipped') carriers.push(read.data.carrier)
// @ts-expect-error The data of one of the two types only.
const either: unknown = read.data.item
const one: string = fromCloudEvent(toCloudEvent(OrderShipped.create({ carrier: 'Road' })), OrderShipped).data.carrier
if (carriers.join() !== 'Post,Rail' || either !== undefined || one !== 'Road')
  throw new Error('the catalog lost events')

const { breaking, compatible } = catalog.compare(createCatalog([OrderPlaced]))
if (breaking.length > 0 || compatible[0]?.type !== 'shop.order.shipped') throw new Error('the comparison is wrong')
