import type { Clock } from '../clock.ts'
import { AttemptTimeoutError } from '../errors.ts'
import type { JobContext } from './job-context.ts'

/** The longest that a handler has, after its time is up, before it is left behind. */
const longestGrace = 30_000

/** A call of a handler that has promised something. */
export interface Call {
  readonly clock: Clock
  readonly group: string
  readonly type: string
  /** Milliseconds; `Infinity` for none. */
  readonly timeout: number
  /** Those of its events: they all begin and end together. */
  readonly contexts: readonly JobContext[]
  readonly overdue: Overdue
}

/** Handlers that go on after their time was up. */
export interface Overdue {
  overdue: number
}

/**
 * Follows what a handler has promised. When its time is up its signal aborts, and it has failed, whatever it does now.
 * That is told when it has ended, so that nothing runs beside it, or, where it does not heed its signal, after as much
 * time again, 30 s at most: then it is left behind. When the bus ends it is left at once. `then` says what is to be waited
 * for behind it, in the same time; undefined for nothing.
 */
export function inTime(
  call: Call,
  result: PromiseLike<unknown>,
  then?: () => Promise<void> | undefined,
): Promise<void> {
  const { clock, group, type, timeout, contexts, overdue } = call
  return new Promise((resolve, reject) => {
    let late: AttemptTimeoutError | undefined
    let cancel = (): void => {}
    const ended = (): void => {
      cancel()
      if (late) overdue.overdue--
    }
    const isUp = (): void => {
      late = new AttemptTimeoutError(group, type, timeout)
      overdue.overdue++
      for (const context of contexts) context.abort(late)
      cancel = clock.after(Math.min(timeout, longestGrace), () => reject(late))
    }
    if (timeout !== Infinity) cancel = clock.after(timeout, isUp)
    for (const context of contexts) {
      context.whenLeft((reason) => {
        cancel()
        reject(reason)
      })
    }
    const succeeded = (): void => {
      ended()
      if (late) reject(late)
      else resolve()
    }
    const failed = (error: unknown): void => {
      ended()
      reject(late ?? error)
    }
    // By way of a promise of ours: a `then` of somebody else's may throw, or call twice.
    Promise.resolve(result).then(() => {
      const rest = then?.()
      if (rest === undefined) succeeded()
      else rest.then(succeeded, failed)
    }, failed)
  })
}
