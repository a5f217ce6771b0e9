import type { ListNode } from '../collections/list.ts'
import { AttemptTimeoutError } from '../errors.ts'
import type { Deadlines, Timed } from './deadlines.ts'
import type { JobContext } from './job-context.ts'

/** The longest that a handler has, after its time is up, before it is left behind. */
const longestGrace = 30_000

/** A call of a handler that has promised something. */
export interface Call {
  readonly group: string
  readonly type: string
  /** Milliseconds; `Infinity` for none. */
  readonly timeout: number
  /** Those of its events: they all begin and end together. */
  readonly contexts: readonly JobContext[]
  readonly times: CallTimes
}

/** What is to be waited for behind the result, in the same time; undefined for nothing. */
export interface Rest {
  ready(): Promise<void> | undefined
}

/** How long the calls of a group have, and how many of them go on after their time was up. */
export interface CallTimes {
  readonly deadlines: Deadlines
  overdue: number
}

/**
 * What a handler has promised. When its time is up its signal aborts, and it has failed, whatever it does now. That is
 * told when it has ended, so that nothing runs beside it, or, where it does not heed its signal, after as much time again,
 * 30 s at most: then it is left behind. When the bus ends it is left at once.
 */
export class Promised implements Timed {
  due = 0
  place: ListNode<Timed> | undefined = undefined
  readonly #call: Call
  readonly #result: PromiseLike<unknown>
  readonly #rest: Rest | undefined
  #succeeded!: () => void
  #failed!: (error: unknown) => void
  /** What it has, and once that is up, what it has beyond. */
  #time: number
  #late: AttemptTimeoutError | undefined = undefined
  #isTold = false

  constructor(call: Call, result: PromiseLike<unknown>, rest?: Rest) {
    this.#call = call
    this.#result = result
    this.#rest = rest
    this.#time = call.timeout
  }

  /** Calls one of the two once, in the end. To be called once. */
  follow(succeeded: () => void, failed: (error: unknown) => void): void {
    this.#succeeded = succeeded
    this.#failed = failed
    const { contexts, times } = this.#call
    if (this.#time !== Infinity) times.deadlines.add(this, this.#time)
    for (const context of contexts) context.isFollowedBy(this)
    // By way of a promise of ours: a `then` of somebody else's may throw, or call twice.
    Promise.resolve(this.#result).then(
      () => {
        const rest = this.#rest?.ready()
        if (rest === undefined) this.#ends(undefined)
        else {
          rest.then(
            () => this.#ends(undefined),
            (error: unknown) => this.#ends({ error }),
          )
        }
      },
      (error: unknown) => this.#ends({ error }),
    )
  }

  /** As {@link follow}, as a promise. */
  ended(): Promise<void> {
    return new Promise((resolve, reject) => this.follow(resolve, reject))
  }

  isUp(): void {
    const { group, type, timeout, contexts, times } = this.#call
    if (this.#late !== undefined) return this.#tell({ error: this.#late })
    this.#late = new AttemptTimeoutError(group, type, timeout)
    times.overdue++
    this.#time = Math.min(timeout, longestGrace)
    times.deadlines.add(this, this.#time)
    for (const context of contexts) context.abort(this.#late)
  }

  /** Nobody waits for it any more. */
  isLeft(error: unknown): void {
    this.#call.times.deadlines.remove(this, this.#time)
    this.#tell({ error })
  }

  #ends(failure: { readonly error: unknown } | undefined): void {
    const { times } = this.#call
    times.deadlines.remove(this, this.#time)
    if (this.#late === undefined) return this.#tell(failure)
    times.overdue--
    this.#tell({ error: this.#late })
  }

  #tell(failure: { readonly error: unknown } | undefined): void {
    if (this.#isTold) return
    this.#isTold = true
    if (failure === undefined) this.#succeeded()
    else this.#failed(failure.error)
  }
}
