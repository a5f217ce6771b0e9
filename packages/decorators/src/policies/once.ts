import { leftOut } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import type { Change, HandlerDecorator, Kept, Maybe, MaybeMethod } from '../wrapping/types.ts'

/** The handler may be left out: `undefined` then, as a promise where it is `async`. */
export interface LeftOut extends Change {
  readonly check: unknown
  readonly wrapped: Maybe<this['handler']> & Kept<this['handler']>
  readonly method: MaybeMethod<this['handler']>
}

/**
 * Calls the handler for the first call only, even if it fails, and re-entrantly too: at most once. Later calls give
 * `undefined`, or a promise of it where the handler is an `async` function. Sync handlers stay sync.
 *
 * Unlike the option `once` of `subscribe` the subscription stays, and it is once per wrapper, or per instance above a
 * method, however many events it is subscribed to.
 *
 * @example
 * const warnOnce = once()((usage: Usage) => alert(usage))
 */
export function once(): HandlerDecorator<LeftOut> {
  return decorator({
    name: 'once',
    async: false,
    policy(next, { async }) {
      let called = false
      return {
        call(self, args) {
          if (called) return leftOut(async)
          called = true
          return next(self, args)
        },
      }
    },
  })
}
