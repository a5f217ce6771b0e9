import type { Work } from '@tidings/bus/transport'
import { TidingsError } from '@tidings/core'
import { invalidArgument, isThenable } from '@tidings/core/tools'
import type { Value } from '../database/driver.ts'
import type { Statements } from './statements.ts'

/**
 * The file within a commit: what a handler writes by it is there together with its effects, its mark and its
 * acknowledgement, or not at all; what `bus.transaction` writes, together with what it publishes. To be used until the
 * function that is given it has returned.
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

/** Runs the works of handlers and of transactions, one after the other. */
export class Transactions {
  readonly #statements: Statements
  #isRunning = false
  /** What the work under way has asked for, and cannot have. */
  #misused: TidingsError | undefined

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /**
   * The error for what is asked of the file while a work runs: it would be no part of the commit, though it looks so. The
   * work fails with it too, whether it looks at it or not. Undefined while none runs.
   */
  refusal(): TidingsError | undefined {
    if (!this.#isRunning) return undefined
    return (this.#misused ??= new TidingsError(
      'INVALID_ARGUMENT',
      '`work` must write by the transaction that it is given, and asked something else of the same file\n' +
        'Publish before, by the context that has `transaction`: it goes out in the same commit.',
    ))
  }

  /** Throws what the work throws. */
  run(work: Work): void {
    let isOver = false
    this.#isRunning = true
    this.#misused = undefined
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
      if (isThenable(result)) void Promise.resolve(result).catch(() => {})
      this.#throwMisuse()
      if (!isThenable(result)) return
      const fix = 'Await first, and hand over the writes then: nothing can be waited for between begin and commit.'
      throw invalidArgument('work', 'a function without await', result, fix)
    } finally {
      isOver = true
      this.#isRunning = false
    }
  }

  #throwMisuse(): void {
    if (this.#misused !== undefined) throw this.#misused
  }
}
