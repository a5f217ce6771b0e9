import { createCatalog, defineEvent, type EventOf } from '@tidings/events'
import { z } from 'zod'
import { type EventStore, type Recorded, memoryStore } from '../../src/index.ts'

export const OrderPlaced = defineEvent(
  'shop.order.placed',
  z.object({ item: z.string(), quantity: z.int().default(1) }),
)
export const OrderShipped = defineEvent('shop.order.shipped', z.object({ carrier: z.string() }))
const OrderCancelled = defineEvent('shop.order.cancelled', z.object({ reason: z.string() }))

const catalog = createCatalog([OrderPlaced, OrderShipped, OrderCancelled])
export type ShopEvent = EventOf<(typeof catalog.definitions)[number]>

export const shop = (): EventStore<ShopEvent> => memoryStore({ events: catalog })

export const placed = (item = 'Book'): EventOf<typeof OrderPlaced> => OrderPlaced.create({ item })

/** All that an iterable gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** Where events stand, one text each: `order-1@2`. */
export async function places(items: AsyncIterable<Recorded>): Promise<string[]> {
  return (await all(items)).map(({ stream, version }) => `${stream}@${version}`)
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  const [outcome] = await Promise.allSettled([promise])
  return outcome.status === 'rejected' ? outcome.reason : undefined
}
