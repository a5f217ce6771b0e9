import { TidingsError } from '@tidings/core'

/** The error for an argument that cannot be meant: the place, what was expected, the value, and how to mend it. */
export function invalidArgument(
  place: string,
  expected: string,
  value: unknown,
  fix: string,
): TidingsError<'INVALID_ARGUMENT'> {
  return new TidingsError('INVALID_ARGUMENT', `\`${place}\` must be ${expected}, received ${shown(value)}\n${fix}`)
}

/** Options that are an object and hold nothing unknown: a slip of the pen must not pass for a default. */
export function knownOptions(options: object, known: readonly string[], of: string): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(`options of ${of}`, 'an object', options, `There are: ${known.join(', ')}.`)
  }
  const unknown = Object.keys(options).find((option) => !known.includes(option))
  if (unknown === undefined) return
  throw new TidingsError('INVALID_ARGUMENT', `\`${unknown}\` is no option of ${of}\nThere are: ${known.join(', ')}.`)
}

/** A whole number from `least` on; `Infinity` where `unbounded`. */
export function whole(value: number, least: number, option: string, unbounded = false): number {
  if ((Number.isSafeInteger(value) && value >= least) || (unbounded && value === Infinity)) return value
  throw invalidArgument(option, `a whole number from ${least} on`, value, 'Leave it out for the default.')
}

/** One of these words; the first one where it is left out. */
export function oneOf<Word extends string | boolean>(
  words: readonly [Word, ...Word[]],
  value: Word | undefined,
  option: string,
): Word {
  const word = value ?? words[0]
  if (words.includes(word)) return word
  throw invalidArgument(option, `one of ${words.join(', ')}`, value, 'Leave it out for the default.')
}

export function functionOption<F>(value: F, option: string): F {
  if (typeof value === 'function') return value
  throw invalidArgument(option, 'a function', value, 'Pass the function itself.')
}

/** A value as a message shows it: short, and never the contents of an object. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}
