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
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new BusClosedError('a commit')
      this.#waiting.push({ work, resolve, reject })
      if (this.#busy) return
      this.#busy = true
      macrotask(this.#next)
    })
  }

  /** Takes no more; resolves when what it has taken has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  readonly #next = (): void => {
    const callers: Caller<Work, Result>[] = []
    while (callers.length < this.#options.most && this.#waiting.size > 0) callers.push(this.#waiting.shift()!)
    const steps = this.#steps(callers)
    advance(steps, steps.next(), () => {
      if (this.#waiting.size > 0) {
        macrotask(this.#next)
        return
      }
      this.#busy = false
      for (const resolve of this.#idle.splice(0)) resolve()
    })
  };

  /** Yields whatever a step of the database answers, and goes on with what comes of it. It never throws. */
  *#steps(callers: readonly Caller<Work, Result>[]): Steps {
    const options = this.#options
    const done: { readonly caller: Caller<Work, Result>; readonly result: Result }[] = []
    try {
      yield options.begin()
    } catch (error) {
      for (const caller of callers) caller.reject(error)
      return
    }
    for (const caller of callers) {
      try {
        done.push({ caller, result: (yield options.apply(caller.work)) as Result })
      } catch (error) {
        caller.reject(error)
      }
    }
    try {
      yield options.commit()
    } catch (error) {
      try {
        yield options.rollback()
      } catch {
        // What commit has thrown says more.
      }
      for (const { caller } of done) caller.reject(error)
      return
    }
    for (const { caller, result } of done) caller.resolve(result)
  }
}

interface Caller<Work, Result> {
  readonly work: Work
  resolve(result: Result): void
  reject(error: unknown): void
}

type Steps = Generator<unknown, void, unknown>

/** Goes through the steps, waiting for those answers alone that are promises. */
function advance(steps: Steps, from: IteratorResult<unknown, void>, whenDone: () => void): void {
  let step = from
  while (!step.done) {
    if (isThenable(step.value)) {
      step.value.then(
        (value) => advance(steps, steps.next(value), whenDone),
        (error: unknown) => advance(steps, steps.throw(error), whenDone),
      )
      return
    }
    step = steps.next(step.value)
  }
  whenDone()
}
