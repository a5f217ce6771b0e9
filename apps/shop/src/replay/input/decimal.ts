/** Money is counted in mills, thousandths of a pound: every price of the retail file is a whole number of them. */
const MILLS_PER_POUND = 1000
const DECIMALS = 3

const ZERO = 48
const NINE = 57
const MINUS = 45
const POINT = 46

/** The integer that `text` writes (`-?digits`), or undefined where it is none or beyond the safe integers. */
export function parseInteger(text: string): number | undefined {
  const start = text.charCodeAt(0) === MINUS ? 1 : 0
  if (text.length === start) return undefined
  let value = 0
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < ZERO || code > NINE) return undefined
    value = value * 10 + (code - ZERO)
  }
  return signed(value, start)
}

/**
 * The mills that a decimal number of pounds is (`-?digits[.digits]`), read digit by digit, never through a float.
 * Undefined where `text` is no such number, where it is no whole number of mills (a fourth decimal other than 0), or
 * where the mills are beyond the safe integers.
 */
export function parseMills(text: string): number | undefined {
  const start = text.charCodeAt(0) === MINUS ? 1 : 0
  let value = 0
  let point = -1
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === POINT && point < 0 && at > start) {
      point = at
    } else if (code < ZERO || code > NINE) {
      return undefined
    } else if (point < 0 || at - point <= DECIMALS) {
      value = value * 10 + (code - ZERO)
    } else if (code !== ZERO) {
      return undefined
    }
  }
  const decimals = point < 0 ? 0 : text.length - 1 - point
  if (text.length === start || point === text.length - 1) return undefined
  for (let missing = decimals; missing < DECIMALS; missing++) value *= 10
  return signed(value, start)
}

/** Mills as pounds with three decimals and nothing else: `-1234567` is `-1234.567`. */
export function formatMills(mills: number): string {
  const size = Math.abs(mills)
  const pounds = Math.floor(size / MILLS_PER_POUND)
  return `${mills < 0 ? '-' : ''}${pounds}.${String(size % MILLS_PER_POUND).padStart(DECIMALS, '0')}`
}

/** Once a sum of digits has left the safe integers it never comes back, so that this one check is enough. */
function signed(value: number, negative: number): number | undefined {
  if (!Number.isSafeInteger(value)) return undefined
  return negative === 1 && value !== 0 ? -value : value
}
