// Compiled against the published declarations, then run.
import { handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { sample, testBus, virtualClock } from '@tidings/testing'
import * as z from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ orderId: z.uuid(), quantity: z.int().positive() }))
const bound = handler(OrderPlaced, { group: 'billing' }, () => {})
const t = await testBus({ handlers: [bound] })
const data = sample(OrderPlaced)
const quantity: number = data.quantity
await t.publish(OrderPlaced, data)
await t.settled()
const attempts: number = t.attempts(OrderPlaced, 'billing').length
await t.close()
// @ts-expect-error There is no such thing to override.
const wrong = () => sample(OrderPlaced, { amount: 1 })
const now: number = virtualClock().now()
if (quantity < 1 || attempts !== 1 || now < 0 || wrong.length > 0) throw new Error('the test kit')
