import { type Duration, milliseconds } from '@tidings/core'
import { invalidArgument, knownOptions } from '@tidings/core/tools'

/** The longest time that a timer of the platform can wait: beyond it `setTimeout` fires at once. */
const longest = 2 ** 31 - 1

/** The milliseconds of a duration that a timer is to wait. */
export function timerDuration(duration: Duration, option: string): number {
  const result = milliseconds(duration, option)
  if (result <= longest) return result
  throw invalidArgument(option, 'at most 24.8 days', duration, 'No timer waits longer.')
}

/** The options of a decorator. A function in their place was to be wrapped: `@retry`, say, for `@retry()`. */
export function decoratorOptions(options: object, known: readonly string[], decorator: string): void {
  if (typeof options === 'function') {
    throw invalidArgument(`options of ${decorator}`, 'an object', options, `Call it first: ${decorator}(…)(handler).`)
  }
  knownOptions(options, known, decorator)
}
