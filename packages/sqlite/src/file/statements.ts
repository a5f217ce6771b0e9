import type { Database, Row, Statement, Value } from '../database/driver.ts'
import { sqliteError } from '../errors.ts'

/** The statements of a file, each prepared once. Whatever the driver throws comes as a `SqliteError`. */
export class Statements {
  readonly file: string
  readonly #database: Database
  readonly #prepared = new Map<string, Prepared>()

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

  /** A statement for those who run it often: to find one by its text takes longer than many run. */
  prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql)
    if (prepared === undefined) {
      prepared = new Prepared(this.file, this.#statement(sql))
      this.#prepared.set(sql, prepared)
    }
    return prepared
  }

  /** How many rows it has changed. */
  run(sql: string, ...values: Value[]): number {
    return this.prepare(sql).run(...values)
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.prepare(sql).get(...values)
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.prepare(sql).all(...values)
  }

  /** The number in the first column of the first row; 0 where there is none. */
  number(sql: string, ...values: Value[]): number {
    return this.prepare(sql).number(...values)
  }

  #statement(sql: string): Statement {
    try {
      return this.#database.prepare(sql)
    } catch (error) {
      throw sqliteError(this.file, error)
    }
  }
}

/** A statement of a file. */
export class Prepared {
  readonly #file: string
  readonly #statement: Statement

  constructor(file: string, statement: Statement) {
    this.#file = file
    this.#statement = statement
  }

  /** How many rows it has changed. */
  run(...values: Value[]): number {
    try {
      return this.#statement.run(...values)
    } catch (error) {
      throw sqliteError(this.#file, error)
    }
  }

  get(...values: Value[]): Row | undefined {
    try {
      return this.#statement.get(...values)
    } catch (error) {
      throw sqliteError(this.#file, error)
    }
  }

  all(...values: Value[]): Row[] {
    try {
      return this.#statement.all(...values)
    } catch (error) {
      throw sqliteError(this.#file, error)
    }
  }

  /** The number in the first column of the first row; 0 where there is none. */
  number(...values: Value[]): number {
    return Number(this.get(...values)?.[0] ?? 0)
  }
}
