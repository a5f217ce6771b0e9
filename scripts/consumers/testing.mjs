// What a user of the test kit relies on: virtual time through a retry, and samples made from a schema.
import { handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { sample, testBus } from '@tidings/testing'
import * as z from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ orderId: z.uuid(), quantity: z.int().positive() }))
const handled = []
const billing = handler(OrderPlaced, { group: 'billing', retry: { delay: '1h', max: '1h' } }, ({ data }) => {
  handled.push(data.quantity)
})
const t = await testBus({ handlers: [billing] })
t.failNext('billing', 2)
await t.publish(OrderPlaced, sample(OrderPlaced, { quantity: 7 }))
await t.settled()
check(handled.join() === '7', handled.join())
const { length } = t.attempts(OrderPlaced, 'billing')
check(length === 3, `${length} attempts`)
await t.close()

function check(holds, what) {
  if (!holds) throw new Error(`testing: ${what}`)
}
