import type { DefinedEvent, EventOf } from '@tidings/events'
import type { z } from 'zod'

/** What every contestant publishes or appends. */
export interface Order {
  readonly orderId: string
  readonly item: string
  readonly quantity: number
}

type OrderSchema = z.ZodObject<{
  orderId: z.ZodString
  item: z.ZodString
  quantity: z.ZodInt
  userId: z.ZodDefault<z.ZodInt>
}>
export type OrderPlaced = DefinedEvent<'bench.order.placed', OrderSchema>
export type OrderEvent = EventOf<OrderPlaced>

/** In order by `orderId`. */
export async function orderPlaced(): Promise<OrderPlaced> {
  const { defineEvent } = await import('@tidings/events')
  const { z } = await import('zod')
  const schema = z.object({
    orderId: z.string(),
    item: z.string(),
    quantity: z.int().positive(),
    userId: z.int().default(0),
  })
  return defineEvent('bench.order.placed', { schema, key: ({ orderId }) => orderId })
}

const keys = Array.from({ length: 1000 }, (_, at) => `order-${String(at).padStart(4, '0')}`)

/** Orders of 1,000 keys, one key after the other as far apart as if by chance, with quantities from 1 to 1,000. */
export function orderAt(at: number): Order {
  return { orderId: keys[(at * 7919) % keys.length]!, item: 'Book', quantity: (at % 1000) + 1 }
}

/** The sum of the quantities of the first so many orders. */
export function sumOf(count: number): number {
  const [whole, rest] = [Math.floor(count / 1000), count % 1000]
  return whole * 500_500 + (rest * (rest + 1)) / 2
}

/** Has so many callers do `count` things, each caller the next one as soon as its last is done. */
export async function inFlight(callers: number, count: number, one: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < count) await one(next++)
  }
  await Promise.all(Array.from({ length: Math.min(callers, count) }, caller))
}
