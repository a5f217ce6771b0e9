// An event is a value with a schema: defaults filled in, wrong input refused, nothing changed after creation.
import { EventDispatcher } from '@tidings/core'
import { defineEvent, InvalidEventError } from '@tidings/events'
import { z } from 'zod'

const OrderPlaced = defineEvent(
  'order_placed',
  z.object({ item: z.string(), quantity: z.int().positive(), userId: z.int().default(0) }),
)

const dispatcher = new EventDispatcher()
dispatcher.subscribe(OrderPlaced, ({ data }) => console.log(`${data.quantity} x ${data.item} for user ${data.userId}`))

dispatcher.publish(OrderPlaced, { item: 'Book', quantity: 2 })

const event = OrderPlaced.create({ item: 'Book', quantity: 1 })
try {
  Object.assign(event.data, { quantity: 100 })
} catch (error) {
  console.log(`Unchanged at ${event.data.quantity}: ${(error as Error).name}`)
}

try {
  dispatcher.publish(OrderPlaced, { item: 'Book', quantity: -1 })
} catch (error) {
  console.log(error instanceof InvalidEventError)
}
