// What a user of events relies on: a definition with zod, its events, an invalid one, and the wire.
import { isTidingsError } from '@tidings/core'
import { causedBy, createCatalog, defineEvent, fromCloudEvent, toCloudEvent } from '@tidings/events'
import * as z from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', {
  version: 2,
  schema: z.object({ orderId: z.string(), quantity: z.int().positive() }),
  key: (order) => order.orderId,
  upcast: { 1: (old) => ({ orderId: old.orderId, quantity: old.qty }) },
})
const event = OrderPlaced.create({ orderId: 'o-1', quantity: 2 })
check(Object.isFrozen(event) && event.data.quantity === 2 && event.subject === 'o-1', 'an event is a frozen value')
check(OrderPlaced.create({ orderId: 'o-1', quantity: 1 }, causedBy(event)).causationId === event.id, 'causation')

try {
  OrderPlaced.create({ orderId: 'o-1', quantity: -1 })
  check(false, 'an invalid event is refused')
} catch (error) {
  check(isTidingsError(error) && error.message.includes('quantity') && error.message.includes('-1'), error)
}

const catalog = createCatalog([OrderPlaced])
const wire = JSON.parse(JSON.stringify(toCloudEvent(event)))
check(wire.specversion === '1.0' && wire.type === 'shop.order.placed', JSON.stringify(wire))
check(fromCloudEvent(wire, catalog).id === event.id, 'an event survives the wire')

function check(holds, what) {
  if (!holds) throw new Error(`events: ${what}`)
}
