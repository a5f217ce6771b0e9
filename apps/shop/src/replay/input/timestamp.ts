const pattern = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2}))?$/
const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * `YYYY-MM-DD HH:MM[:SS]` (or with a `T`) as `YYYY-MM-DD HH:MM:SS`, or undefined where it is not that or not a time
 * that exists. It stays local time without an offset, as the file has it.
 */
export function parseTimestamp(text: string): string | undefined {
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00'] = pattern.exec(text) ?? []
  const days = Number(month) === 2 && isLeapYear(Number(year)) ? 29 : daysOfMonth[Number(month) - 1]
  if (days === undefined || Number(day) < 1 || Number(day) > days) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  return `${year}-${month}-${day} ${hour}:${minute}:${second}`
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}
