import type { DatabaseSync } from 'node:sqlite'
import type { Subject } from '../run/subject.ts'
import { emmettStore } from './appends.ts'
import type { Contender } from './duel.ts'
import { openAsOurs } from './files.ts'
import { log } from './limit.ts'
import { type OrderEvent, orderAt, type OrderPlaced, orderPlaced } from '../run/orders.ts'

/** What is read: the stream of that name, or the whole log. */
export interface Reading {
  readonly file: string
  readonly events: number
  readonly stream: string | undefined
}

const perAppend = 1000
/** Streams that the log is spread over. */
const streams = 100

/** Fills a file with streams of as many events, one after the other, or the one stream that is read. */
async function fill(
  { events, stream }: Reading,
  append: (stream: string, first: number, count: number) => Promise<unknown>,
): Promise<void> {
  for (let first = 0; first < events; first += perAppend) {
    await append(stream ?? `order-${(first / perAppend) % streams}`, first, Math.min(perAppend, events - first))
  }
}

/** `store.read` and `store.readAll`: each event is decoded, validated and brought up to its version. */
export async function tidingsReader(reading: Reading): Promise<Contender> {
  const { sqliteStore } = await import('@tidings/sqlite')
  const definition = await orderPlaced()
  const store = await sqliteStore({ file: reading.file, events: [definition] })
  await fill(reading, (stream, first, count) => store.append(stream, eventsOf(definition, first, count)))
  const reader = readerOf(reading, async (add) => {
    const events = reading.stream === undefined ? store.readAll() : store.read(reading.stream)
    for await (const { event } of events) add(event.data.quantity)
  })
  return { ...reader, close: () => store.close() }
}

function eventsOf(definition: OrderPlaced, first: number, count: number): OrderEvent[] {
  return Array.from({ length: count }, (_, at) => definition.create(orderAt(first + at), { source: '/bench' }))
}

/** The file of ours, read by hand: one statement for each thousand rows, and the JSON of each row parsed. */
export async function readerByHand(reading: Reading): Promise<Contender> {
  const ours = await tidingsReader(reading)
  await ours.close()
  const database = openAsOurs(reading.file, 'full')
  const page = reading.stream === undefined ? logPages(database) : streamPages(database, reading.stream)
  const reader = readerOf(reading, async (add) => {
    for (let after = 0; ;) {
      const rows = page(after)
      for (const [place, attributes, body] of rows) {
        after = place
        const { id } = JSON.parse(attributes) as { readonly id: string }
        const { quantity } = JSON.parse(body) as { readonly quantity: number }
        if (id !== '') add(quantity)
      }
      if (rows.length < perAppend) return
    }
  })
  return { ...reader, close: async () => database.close() }
}

type Page = (after: number) => readonly (readonly [place: number, attributes: string, body: string])[]

function logPages(database: DatabaseSync): Page {
  const select = database.prepare(
    `SELECT position, attributes, body, stream, version, at, content_type FROM ${log}
      WHERE position > ? ORDER BY position LIMIT ${perAppend}`,
  )
  select.setReturnArrays(true)
  return (after) => select.all(after) as unknown as ReturnType<Page>
}

function streamPages(database: DatabaseSync, stream: string): Page {
  const select = database.prepare(
    `SELECT version, attributes, body, stream, position, at, content_type FROM ${log}
      WHERE stream = ? AND version > ? ORDER BY version LIMIT ${perAppend}`,
  )
  select.setReturnArrays(true)
  return (after) => select.all(stream, after) as unknown as ReturnType<Page>
}

/** How Emmett reads: a stream by its store; the log by its consumer, or page by page with what the consumer reads with. */
export async function emmettReader(reading: Reading, how: 'store' | 'consumer'): Promise<Contender> {
  const { readMessagesBatch } = await import('@event-driven-io/emmett-sqlite')
  const { store, connection, close } = await emmettStore({ file: reading.file, durability: 'full' }, 'one')
  await fill(reading, (stream, first, count) => {
    const events = Array.from({ length: count }, (_, at) => ({ type: 'OrderPlaced', data: { ...orderAt(first + at) } }))
    return store.appendToStream(stream, events)
  })
  let passes = 0
  const scans = async (add: (quantity: number) => void): Promise<void> => {
    for (let after = 0n; ;) {
      const page = await readMessagesBatch(connection, { after, batchSize: perAppend })
      for (const message of page.messages) add(quantityIn(message))
      if (page.messages.length < perAppend) return
      after = page.currentGlobalPosition
    }
  }
  const consumes = async (add: (quantity: number) => void): Promise<void> => {
    const consumer = store.consumer({ pulling: { batchSize: perAppend } })
    let left = reading.events
    await new Promise<void>((resolve, reject) => {
      consumer.processor({
        processorId: `pass-${passes++}`,
        startFrom: 'BEGINNING',
        eachMessage: (message) => {
          add(quantityIn(message))
          if (--left === 0) resolve()
        },
      })
      consumer.start().catch(reject)
    })
    await consumer.close()
  }
  const reads = async (add: (quantity: number) => void, stream: string): Promise<void> => {
    const { events } = await store.readStream(stream)
    for (const event of events) add(quantityIn(event))
  }
  const { stream } = reading
  const reader = readerOf(reading, (add) => {
    if (stream !== undefined) return reads(add, stream)
    return how === 'consumer' ? consumes(add) : scans(add)
  })
  return { ...reader, close }
}

function quantityIn({ data }: { readonly data: unknown }): number {
  return (data as { readonly quantity: number }).quantity
}

/** One operation reads all of it. Throws where the sum of what was read is not what it should be. */
function readerOf({ events }: Reading, read: (add: (quantity: number) => void) => Promise<void>): { subject: Subject } {
  const sink = { count: 0 }
  let sum = 0
  const expected = Array.from({ length: events }, (_, at) => orderAt(at).quantity).reduce((a, b) => a + b, 0)
  return {
    subject: {
      sink,
      run: async (count) => {
        for (let pass = 0; pass < count; pass++) {
          sum = 0
          await read((quantity) => {
            sum += quantity
            sink.count++
          })
          if (sum !== expected) throw new Error(`read orders of ${sum} in all, expected ${expected}`)
        }
      },
      deliveries: (count) => count * events,
      units: events,
    },
  }
}
