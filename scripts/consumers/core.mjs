// What a user of core relies on, in plain ECMAScript: it runs in every runtime, bundled in browsers too.
import { AsyncEventDispatcher, EventDispatcher, isTidingsError } from '@tidings/core'
import { invalidArgument } from '@tidings/core/tools'

const seen = []
const dispatcher = new EventDispatcher({ onError: ({ error }) => seen.push(error.message) })
const subscription = dispatcher.subscribe('order.placed', (order, type) => seen.push(`${type} ${order.item}`))
dispatcher.subscribe('order.placed', () => {
  throw new Error('isolated')
})
dispatcher.subscribe('order.*', (order) => seen.push(`pattern ${order.item}`))
check(dispatcher.publish('order.placed', { item: 'Book' }) === 3, 'three handlers are called')
subscription.unsubscribe()
check(dispatcher.publish('order.placed', { item: 'Pen' }) === 2, 'an unsubscribed handler is not called')
check(seen.join() === 'order.placed Book,isolated,pattern Book,isolated,pattern Pen', seen.join())

const background = new AsyncEventDispatcher({ concurrency: 2 })
const stream = background.events('order.*')
let settled = 0
background.subscribe('order.shipped', async () => {
  await new Promise((resolve) => setTimeout(resolve, 5))
  settled++
})
check((await background.publish('order.shipped', { orderId: 1 })) === 2, 'the handler and the stream are called')
check(settled === 1, 'publish resolves when its handlers have settled')
void background.publish('order.shipped', { orderId: 2 })
await background.drain()
check(settled === 2, 'drain waits for what is in flight')
const first = await stream.next()
check(first.value.orderId === 1, 'a stream keeps what came before it was read')
await background.close()

try {
  new EventDispatcher({ maxDepth: -1 })
  check(false, 'a wrong option is refused')
} catch (error) {
  check(isTidingsError(error, 'INVALID_ARGUMENT'), error)
}

check(isTidingsError(invalidArgument('max', 'a number', 'none'), 'INVALID_ARGUMENT'), 'both entries have one error')

function check(holds, what) {
  if (!holds) throw new Error(`core: ${what}`)
}
