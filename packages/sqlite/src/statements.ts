import type { Database, Row, Statement, Value } from './database/driver.ts'
import { sqliteError } from './errors.ts'

/** The statements of a file, each prepared once. Whatever the driver throws comes as a `SqliteError`. */
export class Statements {
  readonly file: string
  readonly #database: Database
  readonly #prepared = new Map<string, Statement>()

  constructor(file: string, database: Database) {
    this.file = file
    this.#database = database
  }

  exec(sql: string): void {
    try {
      this.#database.exec(sql)
    } catch (error) {
      throw sqliteError(this.file, error)
    }
  }

  /** How many rows it has changed. */
  run(sql: string, ...values: Value[]): number {
    try {
      return this.#prepare(sql).run(...values)
    } catch (error) {
      throw sqliteError(this.file, error)
    }
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    try {
      return this.#prepare(sql).get(...values)
    } catch (error) {
      throw sqliteError(this.file, error)
    }
  }

  all(sql: string, ...values: Value[]): Row[] {
    try {
      return this.#prepare(sql).all(...values)
    } catch (error) {
      throw sqliteError(this.file, error)
    }
  }

  /** The number in the first column of the first row; 0 where there is none. */
  number(sql: string, ...values: Value[]): number {
    return Number(this.get(sql, ...values)?.[0] ?? 0)
  }

  #prepare(sql: string): Statement {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#database.prepare(sql)))
    return statement
  }
}
