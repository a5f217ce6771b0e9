import { invalidArgument } from './check.ts'

/** A span of time: milliseconds as a number, or a string such as `'250ms'`, `'30s'`, `'5m'`, `'24h'`, `'7d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const units: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 }

/**
 * The milliseconds of a {@link Duration}. `option` names the place in the error message.
 * Throws a `TidingsError` with code `INVALID_ARGUMENT` when it is negative, not a number, or has no known unit.
 */
export function milliseconds(duration: Duration, option = 'duration'): number {
  const [, amount, unit = ''] =
    /^(\d+\.?\d*|\.\d+)(ms|[smhd])$/.exec(typeof duration === 'string' ? duration : '') ?? []
  const result = typeof duration === 'number' ? duration : Number(amount) * (units[unit] ?? Number.NaN)
  if (result >= 0) return result
  throw invalidArgument(option, 'a duration', duration, "Use milliseconds or a string such as '30s' (ms, s, m, h, d).")
}
