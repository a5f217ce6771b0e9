import { formatMills } from '../input/decimal.ts'

/** Groups of three digits: `541,909`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Mills as pounds, all three decimals: `-1,234.500`. */
export function pounds(mills: number): string {
  const [whole = '', decimals = ''] = formatMills(mills).split('.')
  return `${count(Number(whole.replace('-', ''))).replace(/^/, whole.startsWith('-') ? '-' : '')}.${decimals}`
}

/** `210 ms`, `4.2 s`, `1 min 05 s`. */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
}

/** Mebibytes: `143 MiB`. */
export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
