import type { Next } from './decorator.ts'
import { signalOf } from './signal.ts'

/** A call that waits to be started, given up or left out; the first of these counts. */
export interface HeldCall {
  readonly self: unknown
  readonly args: readonly unknown[]
  /** What the caller awaits. */
  readonly result: Promise<unknown>
  /**
   * Calls the handler. Resolves when it has settled, whatever the outcome: that goes to the caller, right after `ended`
   * was called.
   */
  start(ended?: () => void): Promise<void>
  /** The caller gets `undefined`. */
  skip(): void
  /** The caller gets an error. */
  fail(error: unknown): void
}

export function holdCall(next: Next, self: unknown, args: readonly unknown[]): HeldCall {
  let resolve!: (value: unknown) => void
  let reject!: (error: unknown) => void
  const result = new Promise<unknown>((...settle) => {
    ;[resolve, reject] = settle
  })
  return {
    self,
    args,
    result,
    start: (ended = ignore) =>
      promised(() => next(self, args)).then(
        (value) => {
          ended()
          resolve(value)
        },
        (error: unknown) => {
          ended()
          reject(error)
        },
      ),
    skip: () => resolve(undefined),
    fail: reject,
  }
}

/** Calls at once, and gives what is returned or thrown as a promise. */
export function promised<Result>(run: () => Result | PromiseLike<Result>): Promise<Result> {
  return new Promise((resolve) => {
    resolve(run())
  })
}

/** What a wrapper returns when it left its handler out: what callers of an `async` one expect is a promise. */
export function leftOut(async: boolean): undefined | Promise<undefined> {
  return async ? Promise.resolve(undefined) : undefined
}

/**
 * Waits, and says whether the time passed: false when it was cut short by `signal` or by one of `cancels`, the
 * functions that end what waits.
 */
export function sleep(duration: number, signal: AbortSignal | undefined, cancels: Set<() => void>): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (passed: boolean) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
      cancels.delete(stop)
      resolve(passed)
    }
    const stop = () => end(false)
    const timer = setTimeout(end, duration, true)
    signal?.addEventListener('abort', stop)
    cancels.add(stop)
  })
}

/**
 * Lets a waiting call leave when the signal of its context aborts: `leave` takes it out of where it waits. Returns the
 * function that ends this. (Listening to the result instead would hide its rejection from the runtime.)
 */
export function leavesOnAbort(call: HeldCall, leave: () => void): () => void {
  const signal = signalOf(call.args)
  const abort = () => {
    signal?.removeEventListener('abort', abort)
    leave()
    call.fail(signal?.reason)
  }
  if (signal?.aborted) abort()
  else signal?.addEventListener('abort', abort)
  return () => signal?.removeEventListener('abort', abort)
}

/** Tells a hook. A hook that throws changes nothing for the handler: its error is written to the console. */
export function tell<Info>(hook: ((info: Info) => void) | undefined, name: string, info: Info): void {
  try {
    hook?.(info)
  } catch (error) {
    // oxlint-disable-next-line no-console -- the last resort: nobody else could be told
    console.error(`the hook \`${name}\` failed`, error)
  }
}

function ignore(): void {}
