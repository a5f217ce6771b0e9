import type { Duration } from '@tidings/core'
import { backoff, functionOption, hook, isFinal, whole } from '@tidings/core/tools'
import { sleep, tell } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions, timerDuration } from '../wrapping/options.ts'
import { signalOf } from '../wrapping/signal.ts'
import type { Async, Cancellable, Change, HandlerDecorator, Kept } from '../wrapping/types.ts'

/** What `onRetry` is told. */
export interface RetryInfo {
  readonly handler: string
  /** The attempt that failed, from 1. */
  readonly attempt: number
  readonly error: unknown
  /** Milliseconds until the next attempt. */
  readonly delay: number
}

export interface RetryOptions {
  /** How often the handler is called at most, the first time included; `Infinity` is allowed. Default 3. */
  readonly attempts?: number
  /** The wait before the second attempt. Default 100 ms. */
  readonly delay?: Duration
  /** What each further wait is multiplied by, 1 and more. Default 2. */
  readonly factor?: number
  /** The longest wait. Default 30 s. */
  readonly max?: Duration
  /** The part of each wait, 0 to 1, that chance may take off, so that callers do not return together. `true` is 0.5. Default `true`. */
  readonly jitter?: boolean | number
  /** Whether an error is worth another attempt. Default: unless it, or its cause, has `retryable: false`. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean
  /** Told before each wait. */
  readonly onRetry?: (info: RetryInfo) => void
}

/** The handler returns a promise; its waits can be cancelled. */
export interface Retried extends Change {
  readonly check: unknown
  readonly wrapped: Async<this['handler']> & Cancellable & Kept<this['handler']>
  readonly method: Async<this['handler']>
}

/**
 * Calls the handler again when it fails, after waits that grow: `delay`, `delay * factor` … up to `max`, each less what
 * `jitter` takes off. The first attempt starts at once. The wrapper always returns a promise.
 *
 * When all attempts have failed, it rejects with the last error itself, not with a wrapper around it, so that guards
 * for your own errors go on working; `onRetry` was told the earlier ones. The same when a wait is cut short: by the
 * signal of the handler's context, by `cancel()`, or by the end of the registration.
 *
 * @example
 * const send = retry({ attempts: 5, delay: '1s', retryIf: (error) => !(error instanceof TypeError) })(sendMail)
 */
export function retry(options: RetryOptions = {}): HandlerDecorator<Retried> {
  decoratorOptions(options, ['attempts', 'delay', 'factor', 'max', 'jitter', 'retryIf', 'onRetry'], 'retry')
  const { attempts = 3, jitter = true, retryIf = (error) => !isFinal(error), onRetry } = options
  whole(attempts, 1, 'attempts', true)
  functionOption(retryIf, 'retryIf')
  hook(onRetry, 'onRetry')
  const waitAfter = backoff({
    delay: timerDuration(options.delay ?? 100, 'delay'),
    factor: options.factor,
    max: timerDuration(options.max ?? '30s', 'max'),
    jitter,
  })
  return decorator({
    name: 'retry',
    async: true,
    policy(next, { name }) {
      const cancels = new Set<() => void>()
      // Calls that run when all is cancelled make no further attempt either.
      let generation = 0
      return {
        async call(self, args) {
          const signal = signalOf(args)
          const begun = generation
          for (let attempt = 1; ; attempt++) {
            try {
              return await next(self, args)
            } catch (error) {
              if (attempt >= attempts || signal?.aborted || begun !== generation || !retryIf(error, attempt))
                throw error
              const delay = waitAfter(attempt)
              tell(onRetry, 'onRetry', { handler: name, attempt, error, delay })
              // Even without a delay by way of a timer, so that a handler that fails at once starves nobody.
              if (!(await sleep(delay, signal, cancels))) throw error
            }
          }
        },
        cancel() {
          generation++
          for (const cancel of cancels) cancel()
        },
      }
    },
  })
}
