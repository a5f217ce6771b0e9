import type { Duration } from '@tidings/core'
import { hook, invalidArgument } from '@tidings/core/tools'
import { TimeoutError } from '../errors.ts'
import { promised, tell } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions, timerDuration } from '../wrapping/options.ts'
import { signalOf, withSignal } from '../wrapping/signal.ts'
import type { AnyHandler, Async, Change, HandlerDecorator, Kept, SignalContext } from '../wrapping/types.ts'

/** What `onLate` is told: a handler settled after its caller had been given the {@link TimeoutError}. */
export interface LateInfo {
  readonly handler: string
  /** Milliseconds since the handler was called. */
  readonly duration: number
  /** What it failed with, where it did. */
  readonly error?: unknown
}

export interface TimeoutOptions {
  /** Told of handlers that settle too late; their outcome goes nowhere else. */
  readonly onLate?: (info: LateInfo) => void
}

/** The handler returns a promise, and a last argument `{ signal }` may be left out. */
export interface Timed extends Change {
  readonly check: unknown
  readonly wrapped: TimedHandler<this['handler']> & Kept<this['handler']>
  readonly method: Async<this['handler']>
}

/**
 * Rejects with a {@link TimeoutError} when the handler is not done in time, and tells the handler by an `AbortSignal`,
 * whose reason is that error. JavaScript cannot stop a function: a handler that ignores the signal goes on, unheard.
 * The wrapper always returns a promise. The timer is cleared as soon as the handler settles.
 *
 * The handler finds the signal where it would look for it:
 * - with a context as a bus gives it, `(event, { signal })`: in that context, joined with the signal it came with;
 * - in a handler that declares one argument more than it is called with: there, as `{ signal }`. So a handler of a
 *   dispatcher is written `(payload, type, { signal })`, and a function `(a, b, { signal })` is called as `(a, b)`.
 *
 * @example
 * const load = timeout('5s')((id: string, { signal }: SignalContext) => fetch(`/orders/${id}`, { signal }))
 * await load('42')
 */
export function timeout(duration: Duration, options: TimeoutOptions = {}): HandlerDecorator<Timed> {
  decoratorOptions(options, ['onLate'], 'timeout')
  const limit = timerDuration(duration, 'duration')
  if (limit === 0) throw invalidArgument('duration', 'longer than 0', duration, 'Leave the decorator out for no limit.')
  const { onLate } = options
  hook(onLate, 'onLate')
  return decorator({
    name: 'timeout',
    async: true,
    stateless: true,
    policy: (next, { name, length }) => ({
      async call(self, args) {
        const controller = new AbortController()
        const outer = signalOf(args)
        const relay = () => controller.abort(outer?.reason)
        const start = performance.now()
        return await new Promise((resolve, reject) => {
          let late = false
          const stop = () => {
            clearTimeout(timer)
            outer?.removeEventListener('abort', relay)
          }
          const timer = setTimeout(() => {
            late = true
            stop()
            const error = new TimeoutError(name, limit)
            reject(error)
            controller.abort(error)
          }, limit)
          if (outer?.aborted) relay()
          else outer?.addEventListener('abort', relay)
          const settled = (outcome: { error?: unknown }) => {
            stop()
            if (late) tell(onLate, 'onLate', { handler: name, duration: performance.now() - start, ...outcome })
          }
          promised(() => next(self, withSignal(args, controller.signal, length))).then(
            (value) => {
              settled({})
              resolve(value)
            },
            (error: unknown) => {
              settled({ error })
              reject(error)
            },
          )
        })
      },
    }),
  })
}

type TimedHandler<F> = F extends AnyHandler
  ? (this: ThisParameterType<F>, ...args: SignalOptional<Parameters<F>>) => Promise<Awaited<ReturnType<F>>>
  : never

/** A last `{ signal }` becomes optional. Other optional arguments become required: left out, theirs would be its place. */
type SignalOptional<Args extends readonly unknown[]> = Args extends readonly [...infer Rest, infer Last]
  ? IsSignalContext<Last> extends true
    ? [...Rest, context?: SignalContext]
    : Args
  : Required<Args> extends readonly [...unknown[], infer Last]
    ? IsSignalContext<Last> extends true
      ? Args
      : Required<Args>
    : Args

type IsSignalContext<T> = 0 extends 1 & T ? false : [T, SignalContext] extends [SignalContext, T] ? true : false
