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

  /** A plain object for logs: name, code, message, details, and the causes where there are any. */
  toJSON(): Record<string, unknown> {
    return describe(this, new Set()) as Record<string, unknown>
  }
}

/** Whether `value` is an error of ours and, where `code` is given, one with that code. Never throws. */
export function isTidingsError<Code extends string = string>(value: unknown, code?: Code): value is TidingsError<Code> {
  try {
    const error = value as { [brand]?: unknown; code?: unknown }
    return isError(value) && error[brand] === true && (code === undefined || error.code === code)
  } catch {
    return false
  }
}

/** Errors of other realms included, such as those of a frame, and what the platform throws. */
function isError(value: unknown): value is Error {
  return value instanceof Error || /^\[object (Error|DOMException)\]$/.test(Object.prototype.toString.call(value))
}

/** An error as plain data; `seen` ends a chain of causes that leads back. */
function describe(value: unknown, seen: Set<unknown>): unknown {
  if (!isError(value)) return shownPlainly(value)
  seen.add(value)
  const { name, message, cause } = value
  const own = isTidingsError(value) ? { name, code: value.code, message, details: value.details } : { name, message }
  return cause === undefined || seen.has(cause) ? own : { ...own, cause: describe(cause, seen) }
}

function shownPlainly(value: unknown): string {
  // oxlint-disable-next-line no-base-to-string -- no object comes here
  return typeof value === 'object' ? Object.prototype.toString.call(value) : String(value)
}
