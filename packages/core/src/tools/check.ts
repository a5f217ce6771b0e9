import { invalidArgument } from '../check.ts'

// Checks that the main entry has no use for. As in all of them, the value comes first and its name last.

/** A whole number from `least` on; `Infinity` where `unbounded`. */
export function whole(value: number, least: number, option: string, unbounded = false): number {
  if ((Number.isSafeInteger(value) && value >= least) || (unbounded && value === Infinity)) return value
  throw invalidArgument(option, `a whole number from ${least} on`, value)
}

/** A function; one that may be left out is a `hook`. */
export function functionOption<F>(value: F, option: string): F {
  if (typeof value === 'function') return value
  throw invalidArgument(option, 'a function', value, 'Pass the function itself.')
}

/** A method that an object given as an option must have. */
export function methodOption(object: unknown, method: string, option: string): void {
  functionOption(Object(object)[method] as unknown, `${option}.${method}`)
}
