/** Marks our errors across duplicated copies of a package, where `instanceof` fails. */
const brand = Symbol.for('@tidings/error')

/** What a {@link TidingsError} takes besides its code and message. */
export interface TidingsErrorOptions {
  /** The error that led to this one. */
  cause?: unknown
  /** Facts for programs: they become part of `toJSON()`. Must not hold secrets. */
  details?: Readonly<Record<string, unknown>>
}

/**
 * The base of every error that a Tidings package throws by intent.
 *
 * The first line of `message` stands alone in a log: what was refused, the value, the place. The following lines say
 * how to mend it. Test with {@link isTidingsError} rather than `instanceof`: it works across copies of the package.
 */
export class TidingsError<Code extends string = string> extends Error {
  override readonly name: string = 'TidingsError'
  /** A literal from the table in `docs/errors.md`; stable across releases, unlike the message. */
  readonly code: Code
  /** Facts for programs, such as the event type; empty when there are none. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: Code, message: string, options: TidingsErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.details = options.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }

  /** A plain object for logs: name, code, message, details, and the cause where there is one. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, details, cause } = this
    return { name, code, message, details, ...(cause === undefined ? {} : { cause: describe(cause) }) }
  }
}

/** Whether `value` is an error of ours and, where `code` is given, one with that code. Never throws. */
export function isTidingsError<Code extends string = string>(value: unknown, code?: Code): value is TidingsError<Code> {
  return value instanceof Error && brand in value && (code === undefined || (value as { code?: unknown }).code === code)
}

function describe(cause: unknown): unknown {
  if (isTidingsError(cause)) return cause.toJSON()
  return cause instanceof Error ? { name: cause.name, message: cause.message } : String(cause)
}
