// What a user of the store relies on: an append under an expected version, a typed conflict, the log in its order.
import { isTidingsError } from '@tidings/core'
import { defineEvent } from '@tidings/events'
import { memoryStore } from '@tidings/store'
import * as z from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ item: z.string() }))
const store = memoryStore({ events: [OrderPlaced] })
const first = await store.append('order-1', [OrderPlaced.create({ item: 'Book' })], { expectedVersion: 'no-stream' })
await store.append('order-2', [OrderPlaced.create({ item: 'Pen' })])
const refused = await store
  .append('order-1', [OrderPlaced.create({ item: 'Pen' })], { expectedVersion: 0 })
  .catch((error) => error)
check(isTidingsError(refused, 'CONCURRENCY_CONFLICT') && refused.actual === 1, refused)
const seen = []
const end = new AbortController()
for await (const { event, stream, version } of store.subscribe({ signal: end.signal })) {
  if (seen.push(`${stream}@${version} ${event.data.item}`) === 2) break
}
check(seen.join() === 'order-1@1 Book,order-2@1 Pen', seen.join())
check(first.position < (await store.end()), 'positions grow')
await store.close()

function check(holds, what) {
  if (!holds) throw new Error(`store: ${what}`)
}
