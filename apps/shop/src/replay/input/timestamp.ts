const iso = /^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2})(?::(\d{2}))?$/
const slashed = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?$/
const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * `YYYY-MM-DD HH:MM[:SS]` (or with a `T`), or `M/D/YYYY H:MM[:SS]`, as `YYYY-MM-DD HH:MM:SS`; undefined where it is
 * neither or not a time that exists. With slashes the month always comes first, whatever the other rows say. It stays
 * local time without an offset, as the file has it.
 */
export function parseTimestamp(text: string): string | undefined {
  const [year = '', month = '', day = '', hour = '', minute = '', second = '00'] = partsOf(text) ?? []
  const days = Number(month) === 2 && isLeapYear(Number(year)) ? 29 : daysOfMonth[Number(month) - 1]
  if (days === undefined || Number(day) < 1 || Number(day) > days) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  return `${year}-${month}-${day} ${hour}:${minute}:${second}`
}

/** Whether it would be a time that exists if the day came before the month, and is none as it stands. */
export function isDayFirst(text: string): boolean {
  const monthFirst = text.replace(/^(\d{1,2})\/(\d{1,2})\//, '$2/$1/')
  return parseTimestamp(text) === undefined && parseTimestamp(monthFirst) !== undefined
}

function partsOf(text: string): (string | undefined)[] | undefined {
  const plain = iso.exec(text)
  if (plain) return plain.slice(1)
  const [, month, day, year, hour, ...rest] = slashed.exec(text) ?? []
  return year === undefined ? undefined : [year, ...[month, day, hour].map((part) => part!.padStart(2, '0')), ...rest]
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}
