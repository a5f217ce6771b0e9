import type { Duration } from '@tidings/core'
import { type HeldCall, holdCall } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions, timerDuration } from '../wrapping/options.ts'
import type { HandlerDecorator } from '../wrapping/types.ts'
import type { Paced } from './throttle.ts'

export interface DebounceOptions {
  /** The longest time that calls can put the handler off, so that a steady stream gets through. Default: no bound. */
  readonly maxWait?: Duration
}

/**
 * Calls the handler when no call has come for `duration`, with the last one. Meant for handlers that care for the end
 * of a burst: the calls before are left out and resolve to `undefined`, the last resolves to the handler's result.
 *
 * @example
 * const reindex = debounce('2s', { maxWait: '1m' })((change: Changed) => index.rebuild())
 * process.once('beforeExit', () => reindex.flush())
 */
export function debounce(duration: Duration, options: DebounceOptions = {}): HandlerDecorator<Paced> {
  decoratorOptions(options, ['maxWait'], 'debounce')
  const quiet = timerDuration(duration, 'duration')
  const maxWait = options.maxWait === undefined ? Infinity : timerDuration(options.maxWait, 'maxWait')
  return decorator({
    name: 'debounce',
    async: true,
    policy(next) {
      let pending: HeldCall | undefined
      let timer: ReturnType<typeof setTimeout> | undefined
      let latest = Infinity
      const take = (): HeldCall | undefined => {
        clearTimeout(timer)
        const call = pending
        pending = undefined
        return call
      }
      return {
        call(self, args) {
          const now = performance.now()
          const before = take()
          if (before) before.skip()
          else latest = now + maxWait
          pending = holdCall(next, self, args)
          timer = setTimeout(() => void take()?.start(), Math.max(0, Math.min(quiet, latest - now)))
          return pending.result
        },
        async flush() {
          await take()?.start()
        },
        cancel() {
          take()?.skip()
        },
      }
    },
  })
}
