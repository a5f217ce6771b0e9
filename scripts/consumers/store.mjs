// What a user of the store relies on: an append under an expected version, a typed conflict, the log in its order, a
// decision, a projection that has seen it, and a copy of all that.
import { isTidingsError } from '@tidings/core'
import { defineEvent } from '@tidings/events'
import {
  defineDecider,
  defineProjection,
  execute,
  exportTo,
  importFrom,
  memoryStore,
  runProjection,
  waitFor,
} from '@tidings/store'
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

const cart = defineDecider({
  initial: () => 0,
  evolve: (count) => count + 1,
  decide: (item, count) => (count < 2 ? OrderPlaced.create({ item }) : []),
})
const counted = defineProjection('counted', {
  on: [OrderPlaced],
  key: ({ data }) => data.item,
  initial: () => 0,
  evolve: (count) => count + 1,
})
const running = await runProjection(store, counted)
const { position, version } = await execute(store, cart, 'order-1', 'Book')
await waitFor(running, position)
check(version === 2 && (await running.get('Book')) === 2, await running.get('Book'))
await running.stop()

const lines = []
await exportTo(store, (line) => lines.push(line))
const copy = memoryStore({ events: [OrderPlaced] })
const { events } = await importFrom(copy, lines)
check(events === 3 && (await copy.info('order-1')).version === 2, events)
await copy.close()
await store.close()

function check(holds, what) {
  if (!holds) throw new Error(`store: ${what}`)
}
