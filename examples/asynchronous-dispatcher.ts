// The publisher goes on at once; each handler ends in its own time; leaving the block waits for all of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { AsyncEventDispatcher } from '@tidings/core'

await using dispatcher = new AsyncEventDispatcher<{ order_placed: { item: string } }>()

dispatcher.subscribe('order_placed', async (order) => {
  await sleep(200)
  console.log(`Async: Order placed: ${order.item}`)
})
dispatcher.subscribe('order_placed', async (order) => {
  await sleep(50)
  console.log(`Async: Notification sent for ${order.item}`)
})

void dispatcher.publish('order_placed', { item: 'Async Python Guide' })
console.log('Event published; continuing...')
