import { TidingsError } from './errors.ts'

/** The error for an argument that makes no sense: what, the value, the place, and behind it how to mend it. */
export function invalidArgument(message: string): TidingsError<'INVALID_ARGUMENT'> {
  return new TidingsError('INVALID_ARGUMENT', message)
}

/** The value of an option that must be a number from `minimum` on; `Infinity` passes. */
export function atLeast(minimum: number, value: number, option: string): number {
  if (typeof value === 'number' && value >= minimum) return value
  throw invalidArgument(
    `\`${option}\` must be a number from ${minimum} on, received ${shown(value)}\nChange it, or leave it out for the default.`,
  )
}

/** The value of an option that must be one of these words; the first one where it is left out. */
export function oneOf<Word extends string>(
  words: readonly [Word, ...Word[]],
  value: Word | undefined,
  option: string,
): Word {
  const word = value ?? words[0]
  if (words.includes(word)) return word
  throw invalidArgument(
    `\`${option}\` must be one of ${words.join(', ')}, received ${shown(value)}\nChange it, or leave it out for the default.`,
  )
}

/** A value as a message shows it. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  return typeof value === 'object' && value !== null
    ? 'an object'
    : typeof value === 'function'
      ? 'a function'
      : String(value)
}
