import { type Duration, milliseconds, TidingsError } from '@tidings/core'

/** The longest time that a timer of the platform can wait: beyond it `setTimeout` fires at once. */
const longest = 2 ** 31 - 1

/** The milliseconds of a duration that a timer is to wait. */
export function timerDuration(duration: Duration, option: string): number {
  const result = milliseconds(duration, option)
  if (result <= longest) return result
  throw invalid(option, 'at most 24.8 days', duration, 'Longer than this no timer of JavaScript can wait.')
}

/** A whole number of 1 and more; `Infinity` where `unbounded`. */
export function positiveInteger(value: number, option: string, unbounded = false): number {
  if ((Number.isSafeInteger(value) && value >= 1) || (unbounded && value === Infinity)) return value
  throw invalid(option, 'a whole number of 1 and more', value, `Give a count such as \`${option}: 3\`.`)
}

export function atLeast(value: number, least: number, option: string): number {
  if (Number.isFinite(value) && value >= least) return value
  throw invalid(option, `a number of ${least} and more`, value, `Leave \`${option}\` out for the default.`)
}

export function functionOption<F>(value: F, option: string): F {
  if (typeof value === 'function') return value
  throw invalid(option, 'a function', value, `Pass the function itself as \`${option}\`.`)
}

/** Options that are an object and hold nothing unknown: a slip of the pen must not pass for a default. */
export function knownOptions(decorator: string, options: object, known: readonly string[]): void {
  if (typeof options === 'function') {
    throw invalid(`options of ${decorator}`, 'an object', options, `Call it first: ${decorator}(…)(handler).`)
  }
  if (typeof options !== 'object' || options === null) {
    throw invalid(`options of ${decorator}`, 'an object', options, `There are: ${known.join(', ')}.`)
  }
  const unknown = Object.keys(options).find((option) => !known.includes(option))
  if (unknown === undefined) return
  throw new TidingsError(
    'INVALID_ARGUMENT',
    `\`${unknown}\` is no option of ${decorator}\nThere are: ${known.join(', ')}.`,
  )
}

/** A method that an object given as an option must have. */
export function methodOption(object: object, method: string, option: string): void {
  functionOption(Reflect.get(object, method), `${option}.${method}`)
}

/** The error for an argument that cannot be meant. */
export function invalid(place: string, expected: string, value: unknown, fix: string): TidingsError {
  return new TidingsError('INVALID_ARGUMENT', `\`${place}\` must be ${expected}, received ${show(value)}\n${fix}`)
}

/** A value as an error message shows it: short, and never the contents of an object. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return value.name ? `function ${value.name}` : 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : `an instance of ${classOf(value)}`
}

/** The name of an object's class, for messages. */
export function classOf(value: object): string {
  const maker: unknown = value.constructor
  return (typeof maker === 'function' && maker.name) || 'Object'
}
