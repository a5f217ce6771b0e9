/** Handles the orders of a file in a process of its own, once it is told to, and tells how many. Started by `consumers.ts`. */
import { orderPlaced } from '../run/orders.ts'
import type { Consumed, Consuming } from './consumers.ts'

const { file, durability, work } = JSON.parse(process.argv[3] ?? '{}') as Consuming
const { createBus, handler } = await import('@tidings/bus')
const { sqlite } = await import('@tidings/sqlite')

let told = (): void => {}
const go = new Promise<void>((resolve) => (told = resolve))
const consumed: Consumed = { handled: 0, sum: 0 }
const orders = handler(await orderPlaced(), { group: 'orders' }, async ({ data }) => {
  await go
  for (const end = performance.now() + work; performance.now() < end;);
  consumed.handled++
  consumed.sum += data.quantity
})
const transport = sqlite({ file, synchronous: durability })
const bus = await createBus({ source: '/bench', handlers: [orders], transport, log: false })
const telling = setInterval(() => process.send?.(consumed), 10)
process.on('message', (message) => {
  if (message === 'go') return told()
  clearInterval(telling)
  void bus.close().then(() => process.disconnect())
})
process.send?.('ready')
