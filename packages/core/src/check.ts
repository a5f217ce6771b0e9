import { TidingsError } from './errors.ts'

/** The error for an argument that makes no sense: what, the value, and behind it how to mend it. */
export function invalidArgument(message: string): TidingsError<'INVALID_ARGUMENT'> {
  return new TidingsError('INVALID_ARGUMENT', message)
}

/** The value of an option that must be a number from `minimum` on; `Infinity` passes. */
export function atLeast(minimum: number, value: number, option: string): number {
  if (typeof value === 'number' && value >= minimum) return value
  throw invalidArgument(`\`${option}\` must be a number from ${minimum} on, received ${String(value)}`)
}
