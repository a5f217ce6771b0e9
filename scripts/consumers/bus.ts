// Compiled against the published declarations, then run.
import { type Bus, createBus, handler, memory, systemClock, type Transport } from '@tidings/bus'
import { type Recipient, recipient, splitter } from '@tidings/bus/integration'
import { type Connection, type Delivery, handled } from '@tidings/bus/transport'
import { defineEvent, type EventOf } from '@tidings/events'
import * as z from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ item: z.string(), quantity: z.int().default(1) }))
type OrderPlaced = EventOf<typeof OrderPlaced>
const PriceQuoted = defineEvent('shop.price.quoted', z.object({ pence: z.int() }))

const seen: OrderPlaced[] = []
const warehouse = handler(
  OrderPlaced,
  { group: 'warehouse', retry: { attempts: 3 } },
  async (event, { signal, reply }) => {
    const quantity: number = event.data.quantity
    signal.throwIfAborted()
    if (quantity > 0) seen.push(event)
    await reply(PriceQuoted, { pence: 5 })
  },
)
// @ts-expect-error The data has no such field.
handler(OrderPlaced, { group: 'prices' }, (event) => event.data.price)
// @ts-expect-error A batch comes as an array.
handler(OrderPlaced, { group: 'batches', batch: { size: 10 } }, (event) => event.data)
// @ts-expect-error There is no such policy.
const strict = () => handler(OrderPlaced, { group: 'strict', ordering: 'strict' }, () => {})

const asked: Recipient<OrderPlaced, EventOf<typeof PriceQuoted>> = recipient(
  OrderPlaced,
  (order: OrderPlaced) => ({ item: order.data.item }),
  PriceQuoted,
)
// @ts-expect-error The parts have no such field.
const parts = splitter(PriceQuoted, (order: OrderPlaced) => [{ cents: order.data.quantity }])

const transport: Transport = memory()
const bus: Bus = await createBus({ source: '/shop', transport, handlers: [warehouse] })
const event = await bus.publish(OrderPlaced, { item: 'Book' }, { expires: '1h' })
const { data } = await bus.request(OrderPlaced, { item: 'Pen' }, { reply: PriceQuoted })
const pence: number = data.pence
// @ts-expect-error `item` is missing.
await bus.publish(OrderPlaced, { quantity: 1 }).catch(() => {})
await bus.close()

// The contract of a transport, as an adapter sees it.
const connection: Connection = await memory().connect({
  name: '/plain',
  clock: systemClock,
  onState() {},
  onUnroutable() {},
})
const settle = ({ settle }: Delivery) => settle(handled)
// @ts-expect-error A delivery is settled by a settlement.
const acknowledge = (delivery: Delivery) => delivery.settle('ack')
await connection.close()

if (
  seen.length !== 2 ||
  seen[0]?.id !== event.id ||
  pence !== 5 ||
  strict.length > 0 ||
  !asked ||
  parts.length !== 2 ||
  settle === acknowledge
)
  throw new Error('the events did not arrive')
