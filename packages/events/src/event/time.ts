let last = Number.NaN
let text = ''

/**
 * The moment as RFC 3339 in UTC with milliseconds. Writing a date costs ten times what reading the clock does, so the
 * text of the latest millisecond is kept.
 */
export function timestamp(now: number): string {
  if (now !== last) {
    text = new Date(now).toISOString()
    last = now
  }
  return text
}
