// Compiled against the published declarations, then run.
import { AsyncEventDispatcher, EventDispatcher, type Subscription } from '@tidings/core'
import { isThenable } from '@tidings/core/tools'

interface ShopEvents {
  'order.placed': { item: string; quantity: number }
  'order.shipped': { orderId: number }
}

const dispatcher = new EventDispatcher<ShopEvents>()
const items: string[] = []
const subscription: Subscription = dispatcher.subscribe('order.placed', (order, type) => {
  const literal: 'order.placed' = type
  items.push(`${literal} ${order.item}`)
})
const handled: number = dispatcher.publish('order.placed', { item: 'Book', quantity: 1 })
subscription.unsubscribe()
// @ts-expect-error The payload is that of another event.
dispatcher.publish('order.placed', { orderId: 1 })
// @ts-expect-error No such event.
dispatcher.subscribe('order.plaecd', () => undefined)

const background = new AsyncEventDispatcher<ShopEvents>({ concurrency: 8 })
background.subscribe('order.shipped', async (order) => void items.push(`shipped ${order.orderId.toFixed()}`))
const published: unknown = background.publish('order.shipped', { orderId: 7 })
if (!isThenable(published)) throw new Error('publish returns a promise')
await published
if (handled !== 1 || items.join() !== 'order.placed Book,shipped 7') throw new Error(items.join())
