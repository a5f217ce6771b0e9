import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { Contender } from './duel.ts'
import { contentsOf, type Durability, hold, openAsOurs } from './files.ts'
import { orderAt, orderPlaced, sumOf } from '../run/orders.ts'

export interface LimitOptions {
  readonly file: string
  readonly durability: Durability
  readonly perCommit: number
}

export const log = 'tidings_log'
/** The quantity of the order in a row of the log. */
export const quantity = `json_extract(CAST(body AS TEXT), '$.quantity')`

/** So many rows as ours writes them differ from each other; then they come again. */
const different = 1000

/**
 * The limit that ours is held against: a loop of prepared inserts. It does the same as our log, and nothing else:
 *
 * - the same binding (`node:sqlite`) and settings, in a file of its own beside ours;
 * - the same table with the same indexes: our package has made it;
 * - the same rows: those that our package has written there, read back with every column, and inserted again and again.
 *   Only what tells one row from the next is another: the position;
 * - in the same commits: as many rows in each as ours has publishes in flight, which is as many as it can commit at once;
 * - and every commit waited for.
 *
 * One operation is one commit.
 *
 * The values lie ready: no event is made, checked or written as JSON for them.
 */
export async function readyRows(options: LimitOptions): Promise<Contender> {
  const rows = await rowsOfOurs(options)
  return looping(options, rows.columns, (insert, at) => {
    const row = rows.values[at % different]!
    row[rows.place.position] = at + 1
    insert.run(...row)
  })
}

/** The same rows, but each is made of its order as it is inserted: an id, a time, and JSON. */
export async function madeRows(options: LimitOptions): Promise<Contender> {
  const rows = await rowsOfOurs(options)
  const make = makerOf(rows)
  return looping(options, rows.columns, (insert, at) => insert.run(...make(at, at + 1)))
}

const changing = ['position', 'at', 'key', 'attributes', 'body', 'stream', 'version', 'identity'] as const

export interface Rows {
  readonly columns: readonly string[]
  /** Where each column that is set anew stands. */
  readonly place: Readonly<Record<(typeof changing)[number], number>>
  readonly values: SQLInputValue[][]
}

/** Publishes to a file, so that all tables are there, and takes the rows of the log out of it. */
async function rowsOfOurs({ file, durability }: LimitOptions): Promise<Rows> {
  const { createBus } = await import('@tidings/bus')
  const { sqlite } = await import('@tidings/sqlite')
  const definition = await orderPlaced()
  const bus = await createBus({ source: '/bench', transport: sqlite({ file, synchronous: durability }), log: false })
  await Promise.all(Array.from({ length: different }, (_, at) => bus.publish(definition, orderAt(at))))
  await bus.close()
  return takeRows(file, durability)
}

/** The rows of a log, which is empty then. */
export function takeRows(file: string, durability: Durability): Rows {
  const database = openAsOurs(file, durability)
  const select = database.prepare(`SELECT * FROM ${log} ORDER BY position`)
  const columns = select.columns().map(({ name }) => name)
  select.setReturnArrays(true)
  const values = select.all() as unknown as SQLInputValue[][]
  database.exec(`DELETE FROM ${log}`)
  database.close()
  const place = Object.fromEntries(changing.map((name) => [name, columns.indexOf(name)])) as Rows['place']
  return { columns, values, place }
}

/** Makes rows as ours are, by hand: the same columns and as many bytes. */
export function makerOf({ values, place }: Rows): (at: number, position: number) => SQLInputValue[] {
  const row = [...values[0]!]
  const attributes = JSON.parse(row[place.attributes] as string) as Record<string, unknown>
  // As long as a UUID, unique, and in order, so that an index on it grows at its end; nothing is cheaper to make.
  const idPrefix = (attributes['id'] as string).slice(0, 24)
  return (at, position) => {
    const order = orderAt(at)
    const now = Date.now()
    attributes['id'] = idPrefix + position.toString(16).padStart(12, '0')
    attributes['time'] = new Date(now).toISOString()
    attributes['subject'] = order.orderId
    row[place.position] = position
    row[place.at] = now
    row[place.key] = order.orderId
    row[place.attributes] = JSON.stringify(attributes)
    row[place.body] = JSON.stringify({ ...order, userId: 0 })
    return row
  }
}

function looping(
  { file, durability, perCommit }: LimitOptions,
  columns: readonly string[],
  insertRow: (insert: ReturnType<DatabaseSync['prepare']>, at: number) => void,
): Contender {
  const database = openAsOurs(file, durability)
  const insert = database.prepare(insertInto(columns))
  const sink = { count: 0 }
  return {
    subject: {
      sink,
      run: (count) => {
        for (let commit = 0; commit < count; commit++) {
          database.exec('BEGIN IMMEDIATE')
          for (let row = 0; row < perCommit; row++) insertRow(insert, sink.count++)
          database.exec('COMMIT')
        }
      },
      deliveries: (count) => count * perCommit,
      units: perCommit,
    },
    close: async () => {
      database.close()
      hold('the loop', contentsOf(file, log, quantity), { rows: sink.count, sum: sumOf(sink.count) })
    },
  }
}

export function insertInto(columns: readonly string[]): string {
  return `INSERT INTO ${log} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
}
