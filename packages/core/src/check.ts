// The main entry has these, and `./tools` hands them on: one version of each, and no byte of its own for either.
import { TidingsError } from './errors.ts'

/** The error for a call that makes no sense where no single value is to blame: what, and behind it how to mend it. */
export function misuse(message: string): TidingsError<'INVALID_ARGUMENT'> {
  return new TidingsError('INVALID_ARGUMENT', message)
}

/** The error for an argument that cannot be meant: the place, what was expected, the value, and how to mend it. */
export function invalidArgument(
  place: string,
  expected: string,
  value: unknown,
  fix = 'Change it, or leave it out for the default.',
): TidingsError<'INVALID_ARGUMENT'> {
  return misuse(`\`${place}\` must be ${expected}, received ${shown(value)}\n${fix}`)
}

/** The value of an option that must be a number from `least` on; `Infinity` passes. */
export function atLeast(value: number, least: number, option: string): number {
  if (typeof value === 'number' && value >= least) return value
  throw invalidArgument(option, `a number${least === -Infinity ? '' : ` from ${least} on`}`, value)
}

/** The value of an option that must be one of these words; the first one where it is left out. */
export function oneOf<Word extends string | boolean>(
  value: Word | undefined,
  words: readonly [Word, ...Word[]],
  option: string,
): Word {
  const word = value ?? words[0]
  if (words.includes(word)) return word
  throw invalidArgument(option, `one of ${words.join(', ')}`, value)
}

/** An options object; throws where it is none, or has an option that there is not: a slip of the pen, most likely. */
export function knownOptions<Options extends object>(
  options: Options,
  known: readonly string[],
  place: string,
): Options {
  const fix = `There are: ${known.join(', ')}.`
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(`options of ${place}`, 'an object', options, fix)
  }
  for (const option in options) {
    if (!known.includes(option)) throw misuse(`\`${option}\` is no option of ${place}\n${fix}`)
  }
  return options
}

/** A hook of the user; throws where it could not be called. */
export function hook<Hook>(value: Hook, option: string): Hook {
  if (value === undefined || typeof value === 'function') return value
  throw invalidArgument(option, 'a function', value)
}

/**
 * A value as a message shows it: a long text is cut off, and of an object nothing is told. Never throws: what could say
 * more, such as `Array.isArray` and the name of a class, throws for some proxies.
 */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value).slice(0, 99)
  if (typeof value === 'function') return 'a function'
  return Object(value) === value ? 'an object' : String(value)
}
