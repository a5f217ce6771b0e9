import { createRequire } from 'node:module'

/** What can be bound to a statement, and what comes out of one. */
export type Value = null | number | bigint | string | Uint8Array

/** A row, its columns in the order of the statement; integers are numbers, and one that no number holds is an error. */
export type Row = readonly Value[]

/** A prepared statement. Whatever it throws is the driver's own. */
export interface Statement {
  /** Runs it; how many rows it has changed. */
  run(...values: Value[]): number
  get(...values: Value[]): Row | undefined
  all(...values: Value[]): Row[]
}

/** An open file. */
export interface Database {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}

/** A binding of SQLite: opens a file, made where there is none. Errors that it throws have SQLite's code as `errcode` or `code`. */
export type SqliteDriver = (file: string) => Database

interface NodeStatement {
  run(...values: Value[]): { readonly changes: number | bigint }
  get(...values: Value[]): unknown
  all(...values: Value[]): unknown[]
  setReturnArrays(enabled: boolean): void
}

interface NodeDatabase {
  exec(sql: string): void
  prepare(sql: string): NodeStatement
  close(): void
}

/** The binding that comes with Node, Bun and Deno. Loaded when the first file is opened, since Node 22 warns of it. */
export const nodeSqlite: SqliteDriver = (file) => {
  // Its class is being renamed.
  const module = createRequire(import.meta.url)('node:sqlite') as Record<string, new (file: string) => NodeDatabase>
  const Class = module['Database'] ?? module['DatabaseSync']!
  const database = new Class(file)
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql)
      statement.setReturnArrays(true)
      return {
        run: (...values) => Number(statement.run(...values).changes),
        get: (...values) => statement.get(...values) as Row | undefined,
        all: (...values) => statement.all(...values) as Row[],
      }
    },
    close: () => database.close(),
  }
}
