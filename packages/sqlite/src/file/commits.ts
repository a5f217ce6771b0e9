import { GroupCommit, type Told } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { SqliteError } from '../errors.ts'
import { patiently } from './patiently.ts'
import type { Statements } from './statements.ts'

/** Callers whose work goes into one commit, at most. */
export const perCommit = 1000

/** What is done within a transaction, and told what came of it. `apply` may throw; then it alone is undone. */
export interface Task<Result = unknown> extends Told<Result> {
  apply(): Result
}

/** What belongs to each transaction beside what its callers ask for. */
export interface CommitSteps {
  /** It has begun: nobody else writes until it ends. */
  begun(): void
  /** It is about to be written. What it throws undoes all of it. */
  prepare(): void
  written(): void
  /** It was undone, and so is what `undoes` was told. */
  undone(): void
}

const nothing: Task = { apply() {}, done() {}, failed() {} }

/** The transactions of a file: all that this process writes in one turn of the event loop goes into one. */
export class Commits {
  readonly #statements: Statements
  readonly #busyTimeout: number
  readonly #steps: CommitSteps
  readonly #tasks: GroupCommit<Task, unknown>
  /** What undoes the changes in memory of the transaction under way. */
  #undo: (() => void)[] = []
  /** What has failed in the transaction under way, beside its callers. */
  #failed: { readonly error: unknown } | undefined
  #stirred = false

  /** `busyTimeout`: milliseconds that a transaction waits for those of other processes. */
  constructor(statements: Statements, busyTimeout: number, steps: CommitSteps) {
    this.#statements = statements
    this.#busyTimeout = busyTimeout
    this.#steps = steps
    this.#tasks = new GroupCommit({
      begin: () => this.#begin(),
      apply: (task) => this.#apply(task),
      commit: () => this.#commit(),
      rollback: () => this.#rollback(),
      most: perCommit,
    })
  }

  submit<Result>(task: Task<Result>): void {
    this.#tasks.submit(task, task)
  }

  /** Asks for a transaction, for what belongs to each. */
  stir(): void {
    if (this.#stirred) return
    this.#stirred = true
    this.#tasks.submit(nothing, nothing)
  }

  /** Has something done when the transaction under way is undone: the last one first. */
  undoes(undo: () => void): void {
    this.#undo.push(undo)
  }

  close(): Promise<void> {
    return this.#tasks.close()
  }

  #begin(): void | Promise<void> {
    this.#stirred = false
    return patiently(() => {
      this.#statements.exec('BEGIN IMMEDIATE')
      this.#failed = undefined
      try {
        this.#steps.begun()
      } catch (error) {
        // Else it stood open, and none could begin any more.
        this.#statements.exec('ROLLBACK')
        throw error
      }
    }, this.#busyTimeout)
  }

  #apply(task: Pick<Task, 'apply'>): unknown {
    try {
      return task.apply()
    } catch (error) {
      // What failed in the file may have undone more than itself.
      if (error instanceof SqliteError) this.#failed ??= { error }
      throw error
    }
  }

  #commit(): void {
    if (this.#failed) throw this.#failed.error
    try {
      this.#steps.prepare()
      this.#statements.exec('COMMIT')
    } catch (error) {
      this.#failed = { error }
      throw error
    }
    this.#undo = []
    this.#steps.written()
  }

  #rollback(): void {
    try {
      this.#statements.exec('ROLLBACK')
    } finally {
      if (isTidingsError(this.#failed?.error, 'SQLITE_FULL')) this.#makeRoom()
      for (const undo of this.#undo.toReversed()) undo()
      this.#undo = []
      this.#steps.undone()
    }
  }

  /** What is in the log of SQLite goes to where it belongs, so that its place can be used again: on a small disk that helps. */
  #makeRoom(): void {
    try {
      this.#statements.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // Then there is none: the next write says so again.
    }
  }
}
