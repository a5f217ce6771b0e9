// What a user of the bus relies on: a handler with its policy, a retry, a dead letter with its replay, an integration
// pattern and the contract of transports by their own entries, a clean end.
import { createBus, handler, memory, PermanentError } from '@tidings/bus'
import { filter } from '@tidings/bus/integration'
import { discarded, inSafeOrder } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { defineEvent } from '@tidings/events'
import * as z from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({ orderId: z.string(), item: z.string() }),
  key: (order) => order.orderId,
})
const PaymentTaken = defineEvent('shop.payment.taken', z.object({ orderId: z.string() }))

let forSale = false
const paid = []
const given = { group: 'billing', idempotent: true, retry: { delay: 1 } }
const billing = handler(OrderPlaced, given, async ({ data }, { attempt, publish }) => {
  if (data.item === 'Unicorn' && !forSale) throw new PermanentError('not for sale')
  if (attempt === 1 && data.item === 'Book') throw new Error('busy')
  await publish(PaymentTaken, { orderId: data.orderId })
})
const ship = ({ data, causationDepth }) => paid.push(`${data.orderId} ${causationDepth}`)
const shipping = handler(
  PaymentTaken,
  { group: 'shipping' },
  filter(({ data }) => data.orderId !== 'o-0', ship),
)
const bus = await createBus({
  source: '/shop',
  transport: memory(),
  handlers: [billing, shipping],
  observer: { failed() {}, deadLettered() {} },
})
await bus.publish(OrderPlaced, { orderId: 'o-0', item: 'Sample' })
await bus.publish(OrderPlaced, { orderId: 'o-1', item: 'Book' })
await bus.publish(OrderPlaced, { orderId: 'o-2', item: 'Unicorn' })
await until(async () => paid.length === 1 && (await bus.deadLetters.count()) === 1, 'a payment and a dead letter')
forSale = true
await bus.deadLetters.replay({ group: 'billing' })
await until(() => paid.length === 2, 'the replay')
check(paid.join() === 'o-1 1,o-2 1', paid.join())
check((await inSafeOrder(discarded, {})) === discarded, 'a settlement in the safe order')
check((await bus.health()).status === 'ok', 'health')
await bus.close()
const refused = await bus.publish(OrderPlaced, { orderId: 'o-3', item: 'Pen' }).catch((error) => error)
check(isTidingsError(refused, 'BUS_CLOSED'), refused)

async function until(holds, what) {
  for (let waited = 0; waited < 5000; waited += 10) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`bus: ${what} did not come`)
}

function check(holds, what) {
  if (!holds) throw new Error(`bus: ${what}`)
}
