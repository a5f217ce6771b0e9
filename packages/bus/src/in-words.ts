/** A duration for a person: `12 ms`, `1.5 s`, `2 min 5 s`, `3 h 20 min`. */
export function timeInWords(milliseconds: number): string {
  if (milliseconds < 1) return 'under 1 ms'
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 59_950) return `${Math.round(milliseconds / 100) / 10} s`
  const seconds = Math.round(milliseconds / 1000)
  if (seconds < 3600) return twoUnits(seconds, 60, 'min', 's')
  return twoUnits(Math.round(seconds / 60), 60, 'h', 'min')
}

function twoUnits(amount: number, of: number, large: string, small: string): string {
  const rest = amount % of
  return `${Math.floor(amount / of)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

/** Controls, line separators and what changes the direction of text: an event from elsewhere must not steer a terminal. */
const steering = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu

/** A text on one line, which cannot steer a terminal. */
export function oneLine(value: unknown): string {
  return harmless(String(value).replaceAll(/\s+/g, ' ').trim())
}

/** A text as it is, but for what could steer a terminal. */
export function harmless(text: string): string {
  return text.replaceAll(steering, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`)
}
