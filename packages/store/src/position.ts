import { invalidArgument } from '@tidings/core/tools'

declare const brand: unique symbol

/**
 * A place in the log of a store. Positions are compared (`<`), kept and given back, and nothing else: a later one is
 * greater, and between two there may be places that nothing stands at. A whole number, so that JSON has it.
 */
export type Position = number & { readonly [brand]: 'position' }

/** Before the first event of every log. */
export const beginning: Position = 0 as Position

/**
 * A position that was kept elsewhere, in a cookie or a table of your own, as a position again.
 *
 * @throws TidingsError `INVALID_ARGUMENT` when it can be none
 */
export function asPosition(value: unknown, place = 'position'): Position {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as Position
  throw invalidArgument(place, 'a position of the store', value, 'Give back what the store gave, unchanged.')
}
