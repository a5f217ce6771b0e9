import type { Work } from '@tidings/bus/transport'
import { invalidArgument, isThenable } from '@tidings/core/tools'
import type { Value } from '../database/driver.ts'
import type { Statements } from './statements.ts'

/**
 * The file within the commit of a settlement: what a handler writes by it is there together with its effects, its mark and
 * its acknowledgement, or not at all. To be used until the function that is given it has returned.
 */
export interface SqliteTransaction {
  /** Runs a statement, which is prepared once for each text; how many rows it has changed. */
  run(sql: string, ...values: SqliteValue[]): number
  /** The first row; undefined where there is none. */
  get(sql: string, ...values: SqliteValue[]): SqliteRow | undefined
  /** All rows. */
  all(sql: string, ...values: SqliteValue[]): SqliteRow[]
}

export type SqliteValue = null | number | bigint | string | Uint8Array
/** A row, its columns in the order of the statement. */
export type SqliteRow = readonly SqliteValue[]

/** Runs the works of handlers, one after the other. */
export class Transactions {
  readonly #statements: Statements

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** Throws what the work throws. */
  run(work: Work): void {
    let isOver = false
    const use = (): Statements => {
      if (!isOver) return this.#statements
      throw invalidArgument('transaction', 'used while its function runs', 'used later', 'Await first, write then.')
    }
    const transaction: SqliteTransaction = {
      run: (sql: string, ...values: Value[]) => use().run(sql, ...values),
      get: (sql: string, ...values: Value[]) => use().get(sql, ...values),
      all: (sql: string, ...values: Value[]) => use().all(sql, ...values),
    }
    try {
      const result = work(transaction as never)
      if (!isThenable(result)) return
      void Promise.resolve(result).catch(() => {})
      const fix = 'Await first, and hand over the writes then: nothing can be waited for between begin and commit.'
      throw invalidArgument('work', 'a function without await', result, fix)
    } finally {
      isOver = true
    }
  }
}
