import { createBus, handler, memory } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { z } from 'zod'

const order = z.object({ order: z.string() })
const key = (data: { order: string }): string => data.order
const OrderPlaced = defineEvent('shop.order.placed', { schema: order.extend({ item: z.string() }), key })
const OrderPacked = defineEvent('shop.order.packed', { schema: order, key })

let busy = true
const packing = handler(OrderPlaced, { group: 'packing', retry: { delay: '20ms' } }, async ({ data }, { publish }) => {
  if (data.item === 'Lamp' && busy) {
    busy = false
    throw new Error('no box is large enough')
  }
  console.log(`Packed: ${data.item} of ${data.order}`)
  await publish(OrderPacked, { order: data.order })
})

// Another group gets every event too, whatever becomes of it elsewhere.
const counted = new Set<string>()
const statistics = handler(OrderPlaced, { group: 'statistics' }, ({ data }) => void counted.add(data.item))

const courier = handler(OrderPacked, { group: 'courier' }, ({ data, causationDepth }) => {
  console.log(`Courier called for ${data.order}, depth ${causationDepth}`)
})

const bus = await createBus({
  source: '/shop',
  transport: memory(),
  handlers: [packing, statistics, courier],
  log: false,
  observer: { failed: ({ error }) => console.log(`Again soon: ${(error as Error).message}`) },
})
// The mug waits for the lamp, since both belong to order A; order B does not.
await bus.publish(OrderPlaced, { order: 'A', item: 'Lamp' })
await bus.publish(OrderPlaced, { order: 'A', item: 'Mug' })
await bus.publish(OrderPlaced, { order: 'B', item: 'Book' })
await bus.idle()
await bus.close()
console.log(`Counted: ${[...counted].join(', ')}`)
