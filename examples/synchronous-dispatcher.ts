// Two handlers on one event, called at once and in order.
import { EventDispatcher } from '@tidings/core'

const dispatcher = new EventDispatcher<{ order_placed: { item: string } }>()

dispatcher.subscribe('order_placed', (order) => console.log(`Order placed: ${order.item}. Updating inventory...`))
dispatcher.subscribe('order_placed', (order) => console.log(`Sending notification for order: ${order.item}`))

dispatcher.publish('order_placed', { item: 'Python Book' })
