import { whole } from '@tidings/core/tools'
import { CancelledError, OverloadedError } from '../errors.ts'
import { type HeldCall, holdCall, leavesOnAbort } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions } from '../wrapping/options.ts'
import type { Async, Cancellable, Change, HandlerDecorator, Kept } from '../wrapping/types.ts'

export interface LimitOptions {
  /** How many calls may wait; `Infinity` is allowed. Default 1,000. */
  readonly maxWaiting?: number
}

/** The handler returns a promise; what waits can be cancelled. */
export interface Limited extends Change {
  readonly check: unknown
  readonly wrapped: Async<this['handler']> & Cancellable & Kept<this['handler']>
  readonly method: Async<this['handler']>
}

/**
 * Lets at most `concurrency` calls run at a time; others wait and start in the order in which they came. With 1, calls
 * follow one another. The wrapper always returns a promise; a call that need not wait starts at once.
 *
 * A call that waits rejects with a {@link CancelledError} on `cancel()`, or with the reason of its context's signal when
 * that aborts; one too many with an {@link OverloadedError}. A handler that awaits itself at the limit waits for ever.
 *
 * @example
 * const send = limit(4)(sendMail)
 */
export function limit(concurrency: number, options: LimitOptions = {}): HandlerDecorator<Limited> {
  decoratorOptions(options, ['maxWaiting'], 'limit')
  whole(concurrency, 1, 'concurrency', true)
  const { maxWaiting = 1000 } = options
  whole(maxWaiting, 0, 'maxWaiting', true)
  return decorator({
    name: 'limit',
    async: true,
    policy(next, { name }) {
      // In order of arrival; a map lets a call leave from the middle at no cost. The value ends its waiting for a signal.
      const waiting = new Map<HeldCall, () => void>()
      let running = 0
      const run = (call: HeldCall) => {
        running++
        void call.start(free)
      }
      const free = () => {
        running--
        const [first] = waiting
        if (first === undefined) return
        const [successor, settle] = first
        waiting.delete(successor)
        settle()
        run(successor)
      }
      const wait = (call: HeldCall) => {
        waiting.set(call, () => {})
        const settle = leavesOnAbort(call, () => waiting.delete(call))
        if (waiting.has(call)) waiting.set(call, settle)
      }
      return {
        call(self, args) {
          const call = holdCall(next, self, args)
          if (running < concurrency) run(call)
          else if (waiting.size >= maxWaiting) call.fail(new OverloadedError(name, concurrency, maxWaiting))
          else wait(call)
          return call.result
        },
        cancel() {
          for (const [call, settle] of waiting) {
            settle()
            call.fail(new CancelledError(name))
          }
          waiting.clear()
        },
      }
    },
  })
}
