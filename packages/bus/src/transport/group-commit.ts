import { isThenable, whole } from '@tidings/core/tools'
import { Deque } from '../collections/deque.ts'
import { BusClosedError } from '../errors.ts'
import { macrotask } from '../macrotask.ts'

/** How a database does what {@link GroupCommit} gathers. Each of these may answer at once, or by a promise. */
export interface GroupCommitOptions<Work, Result> {
  /** Begins a transaction. */
  begin(): void | Promise<void>
  /** Does the work of one caller within it. Where it throws, it has undone that alone: by a savepoint, say. */
  apply(work: Work): Result | Promise<Result>
  /** Makes all of it last. */
  commit(): void | Promise<void>
  /** Undoes all of it, behind a commit that failed; one that cannot be undone is the database's to end. */
  rollback(): void | Promise<void>
  /** Callers whose work goes into one commit, at most. */
  readonly most: number
}

/** Who is told what came of its work: one of both, once. They throw nothing. */
export interface Told<Result> {
  done(result: Result): void
  failed(error: unknown): void
}

/**
 * Gathers what its callers want done within one turn of the event loop into one commit, in their order: a sync to disk, or
 * a way to the server, costs all of them as much as one. Each is resolved, or undone, alone. One commit is under way at a
 * time; who comes meanwhile is in the next.
 *
 * Where a database answers at once, there is no `await` between begin and commit, so that nothing else of the process gets
 * in between.
 *
 * @example
 * const commits = new GroupCommit({
 *   begin: () => db.exec('BEGIN IMMEDIATE'),
 *   apply: (settlement) => inSavepoint(db, () => settle(db, settlement)),
 *   commit: () => db.exec('COMMIT'),
 *   rollback: () => db.exec('ROLLBACK'),
 *   most: 1000,
 * })
 * await commits.run(settlement)
 */
export class GroupCommit<Work, Result> {
  readonly #options: GroupCommitOptions<Work, Result>
  readonly #waiting = new Deque<Caller<Work, Result>>()
  /** From the moment when somebody waits for a commit until nobody does. */
  #busy = false
  #closed = false
  #idle: (() => void)[] = []

  /** @throws TidingsError `INVALID_ARGUMENT` where `most` is no whole number from 1 on */
  constructor(options: GroupCommitOptions<Work, Result>) {
    this.#options = options
    whole(options.most, 1, 'most', true)
  }

  /**
   * Resolves to its result when the work is committed. Rejects with what it throws, and then it alone is undone; with what
   * begin or commit throws, as all of its commit do; with `BusClosedError` behind `close`.
   */
  run(work: Work): Promise<Result> {
    return new Promise((done, failed) => this.submit(work, { done, failed }))
  }

  /**
   * As {@link run}, for who tells others by a promise of its own already.
   *
   * @throws BusClosedError behind `close`
   */
  submit(work: Work, told: Told<Result>): void {
    if (this.#closed) throw new BusClosedError('a commit')
    this.#waiting.push({ work, told, result: undefined, failed: false })
    if (this.#busy) return
    this.#busy = true
    macrotask(this.#next)
  }

  /** Takes no more; resolves when what it has taken has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  readonly #next = (): void => {
    const callers: Caller<Work, Result>[] = []
    while (callers.length < this.#options.most && this.#waiting.size > 0) callers.push(this.#waiting.shift()!)
    const refuse = (error: unknown): void => {
      for (const { told } of callers) told.failed(error)
      this.#goOn()
    }
    answered(
      () => this.#options.begin(),
      () => this.#apply(callers, 0),
      refuse,
    )
  }

  /** In a loop, where the database answers at once: each step that is told by a callback costs a caller as much as its row. */
  #apply(callers: readonly Caller<Work, Result>[], from: number): void {
    for (let at = from; at < callers.length; at++) {
      const caller = callers[at]!
      try {
        const result = this.#options.apply(caller.work)
        if (isThenable(result)) {
          void result.then(
            (value) => {
              caller.result = value
              this.#apply(callers, at + 1)
            },
            (error: unknown) => {
              fails(caller, error)
              this.#apply(callers, at + 1)
            },
          )
          return
        }
        caller.result = result
      } catch (error) {
        fails(caller, error)
      }
    }
    answered(
      () => this.#options.commit(),
      () => {
        for (const caller of callers) if (!caller.failed) caller.told.done(caller.result as Result)
        this.#goOn()
      },
      (error) => this.#undo(callers, error),
    )
  }

  #undo(callers: readonly Caller<Work, Result>[], error: unknown): void {
    const undone = (): void => {
      for (const caller of callers) if (!caller.failed) caller.told.failed(error)
      this.#goOn()
    }
    // What commit has thrown says more than what rollback does.
    answered(() => this.#options.rollback(), undone, undone)
  }

  #goOn(): void {
    if (this.#waiting.size > 0) {
      macrotask(this.#next)
      return
    }
    this.#busy = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}

interface Caller<Work, Result> {
  readonly work: Work
  readonly told: Told<Result>
  result: Result | undefined
  /** Its work has thrown: it is told already. */
  failed: boolean
}

function fails<Work, Result>(caller: Caller<Work, Result>, error: unknown): void {
  caller.failed = true
  caller.told.failed(error)
}

/** Goes on at once with what answers at once, and later with what answers by a promise. */
function answered(step: () => void | Promise<void>, then: () => void, failed: (error: unknown) => void): void {
  let answer: void | Promise<void>
  try {
    answer = step()
  } catch (error) {
    failed(error)
    return
  }
  if (isThenable(answer)) void answer.then(then, failed)
  else then()
}
