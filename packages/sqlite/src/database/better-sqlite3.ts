import { functionOption } from '@tidings/core/tools'
import type { Row, SqliteDriver, Value } from './driver.ts'

/** What is used of a statement of better-sqlite3. */
interface BetterStatement {
  readonly reader: boolean
  run(...values: Value[]): { readonly changes: number }
  get(...values: Value[]): unknown
  all(...values: Value[]): unknown[]
  raw(toggle: boolean): unknown
  safeIntegers(toggle: boolean): unknown
}

/** The class that better-sqlite3 exports, as far as it is used. */
export interface BetterSqlite3 {
  new (
    file: string,
    options: { readonly timeout: number },
  ): {
    exec(sql: string): unknown
    prepare(sql: string): BetterStatement
    close(): unknown
  }
}

/** SQLite's code for a file that cannot be opened. */
const cannotOpen = 14

/**
 * The driver for better-sqlite3, from version 13 on, for who needs a newer SQLite than that of the runtime.
 *
 * @example
 * import Database from 'better-sqlite3'
 * const transport = sqlite({ file: 'shop.db', driver: betterSqlite3(Database) })
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function betterSqlite3(Class: BetterSqlite3): SqliteDriver {
  functionOption(Class, 'Database of better-sqlite3')
  return (file) => {
    const database = opened(Class, file)
    return {
      exec: (sql) => void database.exec(sql),
      prepare(sql) {
        const statement = database.prepare(sql)
        // Only what returns rows can be asked for them.
        if (!statement.reader) {
          return {
            run: (...values) => statement.run(...values).changes,
            get: (...values) => void statement.run(...values),
            all: (...values) => (statement.run(...values), []),
          }
        }
        statement.raw(true)
        // Else those that no number holds would be rounded without a word.
        statement.safeIntegers(true)
        return {
          run: (...values) => statement.run(...values).changes,
          get(...values) {
            const row = statement.get(...values)
            return row === undefined ? undefined : rowOf(row as Value[])
          },
          all: (...values) => statement.all(...values).map((row) => rowOf(row as Value[])),
        }
      },
      close: () => void database.close(),
    }
  }
}

function opened(Class: BetterSqlite3, file: string): InstanceType<BetterSqlite3> {
  try {
    return new Class(file, { timeout: 0 })
  } catch (error) {
    // Of a folder that is not there it says so without a code.
    if (error instanceof TypeError) throw Object.assign(error, { errcode: cannotOpen })
    throw error
  }
}

/** As every driver has it. In place: nobody else has seen it. */
function rowOf(row: Value[]): Row {
  for (let at = 0; at < row.length; at++) {
    const value = row[at]!
    if (typeof value === 'bigint') row[at] = numberOf(value)
    // A Buffer, which is more than was put in.
    else if (value instanceof Uint8Array) row[at] = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  return row
}

function numberOf(value: bigint): number {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  throw new RangeError(`the value ${value} is too large for a number: read it as text, by CAST(… AS TEXT)`)
}
