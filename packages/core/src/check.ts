import { TidingsError } from './errors.ts'

/** The error for an argument that makes no sense: what, the value, the place, and behind it how to mend it. */
export function invalidArgument(message: string): TidingsError<'INVALID_ARGUMENT'> {
  return new TidingsError('INVALID_ARGUMENT', message)
}

/** The value of an option that must be a number from `minimum` on; `Infinity` passes. */
export function atLeast(minimum: number, value: number, option: string): number {
  if (typeof value === 'number' && value >= minimum) return value
  throw invalidArgument(
    `\`${option}\` must be a number${minimum === -Infinity ? '' : ` from ${minimum} on`}, received ${shown(value)}\nChange it, or leave it out for the default.`,
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

/** An options object; throws where it is none, or has an option that there is not: a slip of the pen, most likely. */
export function knownOptions<Options extends object>(
  options: Options,
  known: readonly string[],
  place: string,
): Options {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(
      `the options of ${place} must be an object, received ${shown(options)}\nLeave them out for the defaults.`,
    )
  }
  for (const option in options) {
    if (!known.includes(option)) {
      throw invalidArgument(`\`${option}\` is no option of ${place}\nThere are: ${known.join(', ')}.`)
    }
  }
  return options
}

/** A hook of the user; throws where it could not be called. */
export function hook<Hook>(value: Hook, option: string): Hook {
  if (value === undefined || typeof value === 'function') return value
  throw invalidArgument(`\`${option}\` must be a function, received ${shown(value)}\nLeave it out for the default.`)
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
