// A handler fails while the others go on; the failure is told, with its name and place.
import { EventDispatcher } from '@tidings/core'

const dispatcher = new EventDispatcher<{ order_placed: { item: string } }>({
  onError: ({ error, type, handler }) => console.log(`${handler} failed on ${type}: ${(error as Error).message}`),
})

dispatcher.subscribe('order_placed', ({ item }) => console.log(`Inventory: ${item} reserved`))
dispatcher.subscribe('order_placed', function sendMail() {
  throw new Error('mail server is down')
})
dispatcher.subscribe('order_placed', async function callCourier() {
  throw new Error('courier does not answer')
})
dispatcher.subscribe('order_placed', ({ item }) => console.log(`Analytics: ${item} counted`))

console.log(`${dispatcher.publish('order_placed', { item: 'Book' })} handlers called`)
