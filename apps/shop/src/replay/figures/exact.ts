import { ReplayError } from '../errors.ts'

/** The sum of two safe integers; throws a {@link ReplayError} where it is none, instead of rounding. */
export function plus(total: number, amount: number): number {
  const sum = total + amount
  if (Number.isSafeInteger(sum)) return sum
  throw new ReplayError(
    'REPLAY_TOTAL_OVERFLOW',
    `${total} + ${amount} cannot be counted exactly\nThe file holds more than ${Number.MAX_SAFE_INTEGER} units or mills: split it.`,
  )
}

/** Orders strings by their UTF-8 bytes, which is by code points; `<` would order by UTF-16 units. */
export function byUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left === right) continue
    const leftAstral = left >= 0xd800 && left <= 0xdfff
    const rightAstral = right >= 0xd800 && right <= 0xdfff
    return leftAstral === rightAstral ? left - right : leftAstral ? 1 : -1
  }
  return a.length - b.length
}
