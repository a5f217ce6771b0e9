import type { Duration } from '@tidings/core'
import { type HeldCall, holdCall } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions, timerDuration } from '../wrapping/options.ts'
import type { AsyncMaybe, Change, Flushable, HandlerDecorator, Kept } from '../wrapping/types.ts'

export interface ThrottleOptions {
  /** Whether the last call that came too early is made when its time comes. Default `true`; otherwise it is left out. */
  readonly trailing?: boolean
}

/** The handler returns a promise of its result, or of `undefined` where it was not called; what is held can be flushed. */
export interface Paced extends Change {
  readonly check: unknown
  readonly wrapped: AsyncMaybe<this['handler']> & Flushable & Kept<this['handler']>
  readonly method: AsyncMaybe<this['handler']>
}

/**
 * Starts the handler at most once in `duration`: the first call at once, and of the calls that come too early only the
 * last, when its time comes. Meant for handlers that care for the latest event only: the calls in between are left out
 * and resolve to `undefined`. Use {@link limit} where each event counts.
 *
 * @example
 * const redraw = throttle('100ms')((stock: Stock) => chart.show(stock))
 */
export function throttle(duration: Duration, options: ThrottleOptions = {}): HandlerDecorator<Paced> {
  decoratorOptions(options, ['trailing'], 'throttle')
  const interval = timerDuration(duration, 'duration')
  const { trailing = true } = options
  return decorator({
    name: 'throttle',
    async: true,
    policy(next) {
      let pending: HeldCall | undefined
      let timer: ReturnType<typeof setTimeout> | undefined
      let free = -Infinity
      const start = (call: HeldCall | undefined): Promise<void> => {
        clearTimeout(timer)
        timer = undefined
        pending = undefined
        free = performance.now() + interval
        return call?.start() ?? Promise.resolve()
      }
      return {
        call(self, args) {
          const call = holdCall(next, self, args)
          const early = free - performance.now()
          if (early <= 0 && pending === undefined) void start(call)
          else if (trailing) {
            pending?.skip()
            pending = call
            timer ??= setTimeout(() => void start(pending), Math.max(0, early))
          } else call.skip()
          return call.result
        },
        async flush() {
          if (pending) await start(pending)
        },
        cancel() {
          clearTimeout(timer)
          pending?.skip()
          timer = undefined
          pending = undefined
        },
      }
    },
  })
}
