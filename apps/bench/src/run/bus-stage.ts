import type { HandlerOptions } from '@tidings/bus'
import type { DefinedEvent } from '@tidings/events'
import type { z } from 'zod'

/** Where events are published and arrive. */
export interface Stage {
  /** Publishes so many events, `batch` at a time, each batch awaited. Resolves when all have arrived. */
  deliver(count: number, batch: number): Promise<void>
  close(): Promise<void>
}

/** What the handler does besides counting. */
export type Work = (quantity: number) => unknown

type Order = z.ZodObject<{
  orderId: z.ZodString
  item: z.ZodString
  quantity: z.ZodInt
  userId: z.ZodDefault<z.ZodInt>
}>

const keys = Array.from({ length: 1000 }, (_, at) => `order-${at}`)

/** A bus on `memory()` with one handler, whose events are in order by 1,000 keys. */
export async function busStage(options: HandlerOptions, work: Work = () => {}): Promise<Stage> {
  const { createBus, handler, memory } = await import('@tidings/bus')
  const definition = await orderPlaced()
  const arrived = { count: 0 }
  const handle = ({ data }: { readonly data: { readonly quantity: number } }): unknown => {
    arrived.count++
    return work(data.quantity)
  }
  const handlers = [handler(definition, { group: 'orders', ...options }, handle)]
  const bus = await createBus({ source: '/bench', handlers, transport: memory() })
  return {
    deliver: delivering(arrived, (at) => bus.publish(definition, orderOf(at))),
    close: () => bus.close(),
  }
}

/** The broker of `memory()` alone, with what a bus does around it left out. */
export async function transportStage(): Promise<Stage> {
  const { memory, systemClock } = await import('@tidings/bus')
  const { handled } = await import('@tidings/bus/transport')
  const { encodeEvent } = await import('@tidings/events')
  const connection = await memory().connect({
    name: '/bench',
    clock: systemClock,
    onState: () => {},
    onUnroutable: () => {},
  })
  const arrived = { count: 0 }
  const { attributes, contentType, body } = encodeEvent((await orderPlaced()).create(orderOf(0)))
  const types = [String(attributes['type'])]
  await connection.subscribe(
    { group: 'orders', types, prefetch: 50, ordered: true, from: 'latest', temporary: false, marks: false },
    (delivery) => {
      arrived.count++
      void delivery.settle(handled)
    },
  )
  const publish = (at: number): unknown =>
    connection.publish({
      message: { attributes: { ...attributes, subject: keyOf(at) }, contentType, body, headers: {} },
    })
  return { deliver: delivering(arrived, publish), close: () => connection.close() }
}

/** Events made, validated, encoded, decoded and validated once more, and carried by nobody. */
export async function codecStage(): Promise<Stage> {
  const { decodeEvent, encodeEvent } = await import('@tidings/events')
  const definition = await orderPlaced()
  const arrived = { count: 0 }
  const publish = (at: number): void => {
    const encoded = encodeEvent(definition.create(orderOf(at), { source: '/bench' }))
    if (decodeEvent(encoded, definition).subject === keyOf(at)) arrived.count++
  }
  return { deliver: delivering(arrived, publish), close: async () => {} }
}

async function orderPlaced(): Promise<DefinedEvent<'bench.order.placed', Order>> {
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

function orderOf(at: number): { orderId: string; item: string; quantity: number } {
  return { orderId: keyOf(at), item: 'Book', quantity: at + 1 }
}

/** One key after the other, as far apart as if by chance. */
function keyOf(at: number): string {
  return keys[(at * 7919) % keys.length]!
}

function delivering(arrived: { count: number }, publish: (at: number) => unknown): Stage['deliver'] {
  return async (count, batch) => {
    const all = arrived.count + count
    for (let at = 0; at < count;) {
      const published: unknown[] = []
      for (const end = Math.min(count, at + batch); at < end; at++) published.push(publish(at))
      await Promise.all(published)
    }
    while (arrived.count < all) await new Promise((resolve) => setImmediate(resolve))
    if (arrived.count !== all) throw new Error(`${arrived.count - all} of ${count} events arrived twice`)
  }
}
