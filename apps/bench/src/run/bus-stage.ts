import type { HandlerOptions } from '@tidings/bus'
import type { DefinedEvent } from '@tidings/events'
import type { z } from 'zod'

/** Where events are published and arrive. */
export interface Stage {
  /** Publishes so many events, `batch` at a time, each batch awaited. Resolves when all have arrived. */
  deliver(count: number, batch: number): Promise<void>
  close(): Promise<void>
}

/** A bus, on which some events may fail. */
export interface BusStage extends Stage {
  /**
   * Publishes so many orders, each of a key of its own, that fail whenever they are tried. Resolves when all of them wait
   * for their next attempt; rejects where they do not within `patience` milliseconds.
   */
  fail(count: number, patience?: number): Promise<void>
  /** How many wait for their next attempt. */
  waiting(): Promise<number>
}

/** What the handler does besides counting. */
export type Work = () => unknown

type OrderSchema = z.ZodObject<{
  orderId: z.ZodString
  item: z.ZodString
  quantity: z.ZodInt
  userId: z.ZodDefault<z.ZodInt>
}>

const keys = Array.from({ length: 1000 }, (_, at) => `order-${at}`)

/** A bus on `memory()` with one handler, whose events are in order by 1,000 keys, or have none. */
export async function busStage(
  options: HandlerOptions,
  work: Work = () => {},
  { keyed = true }: { readonly keyed?: boolean } = {},
): Promise<BusStage> {
  const { createBus, handler, memory } = await import('@tidings/bus')
  const definition = await orderPlaced(keyed)
  const arrived = { count: 0 }
  const handle = ({ data: { item } }: { readonly data: Order }): unknown => {
    if (item === broken) throw new Error(broken)
    arrived.count++
    return work()
  }
  const handlers = [handler(definition, { group: 'orders', ...options }, handle)]
  // A line for each attempt that fails would be most of what that costs.
  const bus = await createBus({ source: '/bench', handlers, transport: memory(), log: false })
  const waiting = async (): Promise<number> => (await bus.health()).groups[0]?.retrying ?? 0
  return {
    deliver: delivering(arrived, (at) => bus.publish(definition, orderOf(at))),
    fail: async (count, patience = longest) => {
      const orders = Array.from({ length: count }, (_, at) => ({ orderId: `broken-${at}`, item: broken, quantity: 1 }))
      await Promise.all(orders.map((order) => bus.publish(definition, order)))
      await until(count, waiting, patience)
    },
    waiting,
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
  const { attributes, contentType, body } = encodeEvent((await orderPlaced(true)).create(orderOf(0)))
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
  const definition = await orderPlaced(true)
  const arrived = { count: 0 }
  const publish = (at: number): void => {
    const encoded = encodeEvent(definition.create(orderOf(at), { source: '/bench' }))
    if (decodeEvent(encoded, definition).subject === keyOf(at)) arrived.count++
  }
  return { deliver: delivering(arrived, publish), close: async () => {} }
}

async function orderPlaced(keyed: boolean): Promise<DefinedEvent<'bench.order.placed', OrderSchema>> {
  const { defineEvent } = await import('@tidings/events')
  const { z } = await import('zod')
  const schema = z.object({
    orderId: z.string(),
    item: z.string(),
    quantity: z.int().positive(),
    userId: z.int().default(0),
  })
  return defineEvent('bench.order.placed', keyed ? { schema, key: ({ orderId }) => orderId } : { schema })
}

interface Order {
  readonly orderId: string
  readonly item: string
  readonly quantity: number
}

/** The item that no order with it can be handled for. */
const broken = 'a broken item'

function orderOf(at: number): Order {
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

/** Longer than a thousand first attempts take anywhere, and shorter than they would take one prefetch after the other. */
const longest = 5000

/** Throws where so many do not wait for their next attempt soon. */
async function until(count: number, waiting: () => Promise<number>, patience: number): Promise<void> {
  const end = performance.now() + patience
  for (let are = await waiting(); are !== count; are = await waiting()) {
    if (performance.now() > end) throw new Error(`${are} of ${count} events that fail wait for their next attempt`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
