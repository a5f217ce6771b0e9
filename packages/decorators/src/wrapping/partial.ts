import { asWrapperOf, checked, isAsync, waitingOf } from './decorator.ts'
import type { Wraps } from './types.ts'

/** What {@link partial} returns: the handler without its leading arguments. */
export type Partially<This, Leading extends readonly unknown[], Rest extends readonly unknown[], Result> = ((
  this: This,
  ...rest: Rest
) => Result) &
  Wraps<(this: This, ...args: [...Leading, ...Rest]) => Result>

/**
 * The handler with its first arguments given, as Python's `functools.partial`: what it is called with comes after
 * them. The name is kept, the length is what is left, `this` is passed on, `unwrap` leads to the handler.
 *
 * @example
 * const record = (ledger: Ledger, order: Order) => ledger.add(order)
 * dispatcher.subscribe(OrderPlaced, partial(record, mainLedger))
 */
export function partial<This, Leading extends readonly unknown[], Rest extends readonly unknown[], Result>(
  handler: (this: This, ...args: [...Leading, ...Rest]) => Result,
  ...leading: Leading
): Partially<This, Leading, Rest, Result> {
  checked('partial', handler)
  const wrapper = function (this: This, ...rest: Rest): Result {
    return Reflect.apply(handler, this, [...leading, ...rest])
  }
  asWrapperOf(handler, wrapper, {
    name: handler.name,
    length: Math.max(0, handler.length - leading.length),
    async: isAsync(handler),
    waiting: waitingOf(handler),
  })
  return wrapper
}
