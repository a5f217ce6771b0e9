// Compiled against the published declarations, then run.
import { createCatalog, defineEvent } from '@tidings/events'
import { type EventStore, memoryStore, type Position, type Recorded } from '@tidings/store'
import { createStore, memoryRecorder, type Recorder } from '@tidings/store/recorder'
import * as z from 'zod'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ item: z.string() }))
const OrderShipped = defineEvent('shop.order.shipped', z.object({ carrier: z.string() }))
const store = memoryStore({ events: createCatalog([OrderPlaced, OrderShipped]) })
const { position } = await store.append('order-1', [OrderPlaced.create({ item: 'Book' })], { expectedVersion: 0 })
const kept: Position = position
for await (const { event } of store.readAll({ types: ['shop.order.placed'] })) {
  if (event.type === 'shop.order.placed') event.data.item.toUpperCase()
}
const recorder: Recorder = memoryRecorder()
const any: EventStore = createStore(recorder, { events: [OrderPlaced] })
const first: AsyncIterable<Recorded> = any.read('order-1')
// @ts-expect-error A position is not just any number.
const wrong = () => store.readAll({ after: 1 })
if (kept !== 1 || wrong.length > 0 || first === undefined) throw new Error('the store')
