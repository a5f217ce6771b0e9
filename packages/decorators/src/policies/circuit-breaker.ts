import type { Duration } from '@tidings/core'
import { functionOption, hook, invalidArgument, whole } from '@tidings/core/tools'
// The state machine and its sliding window are a library's: see the ADR on resilience policies.
import { circuitBreaker as breakerPolicy, CircuitState, ConsecutiveBreaker, CountBreaker, handleWhen } from 'cockatiel'
import { CircuitOpenError } from '../errors.ts'
import { tell } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions, timerDuration } from '../wrapping/options.ts'
import type { Async, Change, HandlerDecorator, Kept } from '../wrapping/types.ts'

/** `closed`: calls pass. `open`: calls are refused. `half-open`: one trial call passes, others are refused. */
export type CircuitStateName = 'closed' | 'open' | 'half-open'

/** What `onStateChange` is told. */
export interface CircuitChange {
  readonly handler: string
  readonly state: CircuitStateName
  /** The last failure, where there was one. */
  readonly error?: unknown
}

export interface CircuitBreakerOptions {
  /**
   * When the circuit opens: after so many failures in a row, or when a `ratio` (between 0 and 1) of the last `calls`
   * has been exceeded. Default 5 in a row.
   */
  readonly failures?: number | { readonly ratio: number; readonly calls: number }
  /** How long it stays open before a trial call. Default 30 s. */
  readonly resetAfter?: Duration
  /** Which errors count as failures; others are passed on and count as neither. Default: all. */
  readonly countIf?: (error: unknown) => boolean
  /** Told when the circuit opens, half-opens and closes. */
  readonly onStateChange?: (change: CircuitChange) => void
}

/** The handler returns a promise. */
export interface CircuitBroken extends Change {
  readonly check: unknown
  readonly wrapped: Async<this['handler']> & Kept<this['handler']>
  readonly method: Async<this['handler']>
}

/**
 * Stops calling a handler that keeps failing: calls are refused at once with a {@link CircuitOpenError}, whose `cause`
 * is the last failure, until `resetAfter` has passed. Then one trial call decides, by failing or not, whether the
 * circuit opens again or closes. Calls that began before the circuit opened decide nothing when they end later. The
 * wrapper always returns a promise. There is no timer to stop.
 *
 * @example
 * const charge = circuitBreaker({ failures: 5, resetAfter: '30s' })(chargeCard)
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): HandlerDecorator<CircuitBroken> {
  decoratorOptions(options, ['failures', 'resetAfter', 'countIf', 'onStateChange'], 'circuitBreaker')
  const { failures = 5, countIf = () => true, onStateChange } = options
  const resetAfter = timerDuration(options.resetAfter ?? '30s', 'resetAfter')
  functionOption(countIf, 'countIf')
  hook(onStateChange, 'onStateChange')
  checkFailures(failures)
  return decorator({
    name: 'circuitBreaker',
    async: true,
    policy(next, { name }) {
      const counter = counterFor(failures)
      const policy = breakerPolicy(handleWhen(countIf), {
        halfOpenAfter: resetAfter,
        breaker: {
          get state() {
            return counter.state
          },
          set state(value) {
            counter.state = value
          },
          // A stale success changes nothing: the counter starts again before the circuit closes.
          success: (state) => counter.success(state),
          // `state` is that in which a call began: a failure of one that ends in another is stale, and must not decide.
          failure: (state) => state === policy.state && counter.failure(state),
        },
      })
      let reopens = 0
      policy.onStateChange((state) => {
        if (state === CircuitState.Open) reopens = Date.now() + resetAfter
        const error = state === CircuitState.Closed ? {} : { error: failureOf(policy.lastFailure) }
        tell(onStateChange, 'onStateChange', { handler: name, state: names[state], ...error })
      })
      return {
        async call(self, args) {
          const left = reopens - Date.now()
          // Refused here: the policy would let calls wait for the trial, without a bound.
          if (policy.state === CircuitState.HalfOpen || (policy.state === CircuitState.Open && left > 0)) {
            throw new CircuitOpenError(name, Math.max(0, left), failureOf(policy.lastFailure))
          }
          return await policy.execute(() => next(self, args))
        },
      }
    },
  })
}

const names = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
} as const

function checkFailures(failures: NonNullable<CircuitBreakerOptions['failures']>): void {
  if (typeof failures === 'number') {
    whole(failures, 1, 'failures')
    return
  }
  whole(failures.calls, 1, 'failures.calls')
  if (failures.ratio > 0 && failures.ratio < 1) return
  throw invalidArgument(
    'failures.ratio',
    'between 0 and 1',
    failures.ratio,
    'With 0.5 the circuit opens when more than half fail.',
  )
}

function counterFor(failures: NonNullable<CircuitBreakerOptions['failures']>): ConsecutiveBreaker | CountBreaker {
  if (typeof failures === 'number') return new ConsecutiveBreaker(failures)
  return new CountBreaker({ threshold: failures.ratio, size: failures.calls })
}

function failureOf(failure: { error: unknown } | { value: unknown } | undefined): unknown {
  return failure && 'error' in failure ? failure.error : undefined
}
