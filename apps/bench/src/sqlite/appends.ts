import type { SQLInputValue } from 'node:sqlite'
import type { Contender } from './duel.ts'
import { type Contents, contentsOf, type Durability, hold, openAsOurs } from './files.ts'
import { insertInto, log, makerOf, quantity, takeRows } from './limit.ts'
import { logged } from './publishers.ts'
import { inFlight, type OrderEvent, orderAt, type OrderPlaced, orderPlaced, sumOf } from '../run/orders.ts'

/** Who appends what, and where. */
export interface Appending {
  readonly file: string
  readonly durability: Durability
  /** Each waits for its own append before it makes the next. */
  readonly callers: number
  /** Events of one append. */
  readonly batch: number
  readonly streams: number
  /** Events that are in the log before, as the loop has left them there; default 0. */
  readonly before?: number
}

/** Streams come one after the other, as far apart as if by chance. */
function streamAt(append: number, streams: number): string {
  return `order-${(append * 7919) % streams}`
}

/** `store.append`, without an expected version: each event is made and validated for it. */
export async function tidingsAppends(options: Appending): Promise<Contender> {
  const { store, append, definition } = await openStore(options)
  return appending('tidings', options, {
    append: (stream, first, batch) => append(stream, eventsOf(definition, first, batch)),
    close: () => store.close(),
    contents: () => contentsOf(options.file, log, quantity),
  })
}

/** The same store with one transaction for each append: whoever appends waits until those before are done. */
export async function tidingsOneByOne(options: Appending): Promise<Contender> {
  const { store, append, definition } = await openStore(options)
  let last: Promise<unknown> = Promise.resolve()
  return appending('tidings', options, {
    append: (stream, first, batch) => (last = last.then(() => append(stream, eventsOf(definition, first, batch)))),
    close: () => store.close(),
    contents: () => contentsOf(options.file, log, quantity),
  })
}

async function openStore({ file, durability }: Pick<Appending, 'file' | 'durability'>): Promise<{
  readonly store: { close(): Promise<void> }
  readonly append: (stream: string, events: readonly OrderEvent[]) => Promise<unknown>
  readonly definition: OrderPlaced
}> {
  const { sqliteStore } = await import('@tidings/sqlite')
  const definition = await orderPlaced()
  const store = await sqliteStore({ file, synchronous: durability, events: [definition] })
  return { store, append: (stream, events) => store.append(stream, events), definition }
}

function eventsOf(definition: OrderPlaced, first: number, count: number): OrderEvent[] {
  return Array.from({ length: count }, (_, at) => definition.create(orderAt(first + at), { source: '/bench' }))
}

/** Emmett's store. It takes no setting of the file, but a connection on which one can be made. */
export async function emmettAppends(options: Appending, connections: 'one' | 'each'): Promise<Contender> {
  const { store, close } = await emmettStore(options, connections)
  return appending('Emmett', options, {
    append: (stream, first, batch) => {
      const events = Array.from({ length: batch }, (_, at) => ({
        type: 'OrderPlaced',
        data: { ...orderAt(first + at) },
      }))
      return store.appendToStream(stream, events)
    },
    close,
    contents: () => contentsOf(options.file, 'emt_messages', `json_extract(message_data, '$.quantity')`),
  })
}

/**
 * `each`: as its documents have it, a connection for each call, with the settings of SQLite's own: FULL. `one`: the
 * connection is handed over, with the settings of the other contestants, but for pages of 4 KiB: it turns WAL on as it is
 * made, and their size is fixed from then on.
 */
export async function emmettStore(
  { file, durability }: Pick<Appending, 'file' | 'durability'>,
  connections: 'one' | 'each',
): Promise<{
  readonly store: import('@event-driven-io/emmett-sqlite').SQLiteEventStore
  readonly connection: import('@event-driven-io/emmett-sqlite').SQLiteConnection
  readonly close: () => Promise<void>
}> {
  const { getSQLiteEventStore, sqliteConnection } = await import('@event-driven-io/emmett-sqlite')
  const connection = sqliteConnection({ fileName: file })
  const settings = [`synchronous = ${durability}`, 'wal_autocheckpoint = 4000', 'cache_size = -65536']
  for (const setting of settings) await connection.command(`PRAGMA ${setting}`)
  const store = getSQLiteEventStore({
    fileName: file,
    ...(connections === 'one' ? { connectionOptions: { singleton: true, connection } } : {}),
  })
  await store.schema.migrate()
  return { store, connection, close: async () => connection.close() }
}

/**
 * A loop by hand that does the same work: it looks for the version of the stream, makes the event (an id, a time, JSON) and
 * inserts it into the same table with the same indexes, as many appends in one commit as there are callers.
 */
export async function appendsByHand(options: Appending): Promise<Contender> {
  const { file, durability, callers, batch, streams } = options
  const { store, append, definition } = await openStore(options)
  await append('order-0', eventsOf(definition, 0, 1))
  await store.close()
  const rows = takeRows(file, durability)
  const make = makerOf(rows)
  const { place } = rows
  const identityPrefix = (rows.values[0]![place.identity] as string).slice(0, -12)
  const database = openAsOurs(file, durability)
  const insert = database.prepare(insertInto(rows.columns))
  const version = database.prepare(`SELECT max(version) FROM ${log} WHERE stream = ?`)
  version.setReturnArrays(true)
  const sink = { count: 0 }
  let appends = 0
  const appendOne = (): void => {
    const stream = streamAt(appends++, streams)
    const [found] = version.get(stream) as unknown as [number | null]
    for (let event = 1; event <= batch; event++) {
      const position = sink.count + 1
      const row: SQLInputValue[] = make(sink.count++, position)
      row[place.stream] = stream
      row[place.version] = (found ?? 0) + event
      row[place.identity] = identityPrefix + position.toString(16).padStart(12, '0')
      insert.run(...row)
    }
  }
  return {
    subject: {
      sink,
      run: (count) => {
        for (let op = 0; op < count; op++) {
          database.exec('BEGIN IMMEDIATE')
          for (let caller = 0; caller < callers; caller++) appendOne()
          database.exec('COMMIT')
        }
      },
      deliveries: (count) => count * callers * batch,
      units: callers * batch,
    },
    close: async () => {
      database.close()
      hold('the loop', contentsOf(file, log, quantity), { rows: sink.count, sum: sumOf(sink.count) })
    },
  }
}

interface Appender {
  /** Appends so many events; the number of the first is given. */
  readonly append: (stream: string, first: number, batch: number) => Promise<unknown>
  readonly close: () => Promise<void>
  readonly contents: () => Contents
}

/** One operation is one append of each caller. */
function appending(who: string, options: Appending, { append, close, contents }: Appender): Contender {
  const { callers, batch, streams } = options
  const sink = { count: 0 }
  let appends = 0
  return {
    subject: {
      sink,
      run: async (count) => {
        const from = appends
        appends += count * callers
        await inFlight(callers, count * callers, async (at) => {
          await append(streamAt(from + at, streams), (from + at) * batch, batch)
          sink.count += batch
        })
      },
      deliveries: (count) => count * callers * batch,
      units: callers * batch,
    },
    close: async () => {
      await close()
      hold(who, contents(), logged(options, sink.count))
    },
  }
}
