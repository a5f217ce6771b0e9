import { isTidingsError } from '@tidings/core'

/** An error as it is kept and logged: plain JSON, bounded, and nothing of what else hangs on it. */
export interface RecordedError {
  /** The class; of what is no error, its type. */
  readonly name: string
  /** Where it is a text, as those of Tidings, of Node.js and of most drivers are. */
  readonly code?: string | undefined
  /** Cut at 2,048 characters. */
  readonly message: string
  /**
   * Name and message, then a line for each frame: the application's own before those of packages and the runtime. Cut
   * at 8,192 characters. Undefined where there is none.
   */
  readonly stack?: string | undefined
  /** The `details` of a `TidingsError`, up to 4,096 characters of JSON; left out beyond. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  readonly cause?: RecordedError | undefined
  /** Of an `AggregateError`. */
  readonly errors?: readonly RecordedError[] | undefined
}

const longest = { name: 256, message: 2048, stack: 8192, details: 4096 } as const
/** Of an error with all its causes: a letter must stay small enough for its store, however much failed. */
const mostErrors = 16
const mostText = 32_768

/** An error as a letter keeps it. Never throws, whatever was thrown. */
export function recorded(error: unknown): RecordedError {
  return new Recording().record(error)
}

/** Whether a frame of a stack is the application's own. */
export function isOwnFrame(line: string): boolean {
  return !foreignFrame.test(line)
}

const frame = /^\s*at \S|@.*:\d+(?::\d+)?$/
const foreignFrame =
  /[\\/]node_modules[\\/]|(?:^|[\s(@])(?:node|bun|deno|ext|internal|native):|[([]native\b|<anonymous>\)?$|\(index \d+\)$/

/** What one record has room for. */
class Recording {
  readonly #seen = new Set<unknown>()
  #text = mostText

  record(error: unknown): RecordedError {
    this.#seen.add(error)
    const message = property(error, 'message')
    // Also one of another realm, or one that was recorded before, which no `instanceof` knows.
    if (typeof message !== 'string') return this.#recordPlainly(error)
    const name = this.#cut(textOf(property(error, 'name')) ?? typeOf(error), longest.name)
    const code = textOf(property(error, 'code'))
    const short = this.#cut(message, longest.message)
    const stack = this.#stack(property(error, 'stack'), message, `${name}: ${short}`)
    const details = isTidingsError(error) ? this.#details(error) : undefined
    const cause = this.#inner(property(error, 'cause'))
    const errors = this.#errors(property(error, 'errors'))
    return {
      name,
      ...(code === undefined ? {} : { code: this.#cut(code, longest.name) }),
      message: short,
      ...(stack === undefined ? {} : { stack }),
      ...(details === undefined ? {} : { details }),
      ...(cause === undefined ? {} : { cause }),
      ...(errors === undefined ? {} : { errors }),
    }
  }

  #recordPlainly(thrown: unknown): RecordedError {
    try {
      return { name: typeOf(thrown), message: this.#cut(String(thrown), longest.message) }
    } catch {
      return { name: 'unknown', message: 'what was thrown cannot be shown' }
    }
  }

  /** One that another one holds: not twice, so that a circle ends, and not beyond what there is room for. */
  #inner(error: unknown): RecordedError | undefined {
    if (error === undefined || this.#seen.has(error)) return undefined
    return this.#seen.size < mostErrors && this.#text > 0 ? this.record(error) : undefined
  }

  #errors(errors: unknown): readonly RecordedError[] | undefined {
    try {
      if (!Array.isArray(errors)) return undefined
      const inner = errors.slice(0, mostErrors).map((each: unknown) => this.#inner(each))
      const kept = inner.filter((each) => each !== undefined)
      return kept.length > 0 ? kept : undefined
    } catch {
      return undefined
    }
  }

  #stack(stack: unknown, message: string, head: string): string | undefined {
    if (typeof stack !== 'string') return undefined
    const frames = framesOf(stack, message)
    if (frames.length === 0) return undefined
    const ordered = [head, ...frames.filter(isOwnFrame), ...frames.filter((line) => !isOwnFrame(line))]
    return this.#cut(ordered.join('\n'), longest.stack)
  }

  #details(error: unknown): Readonly<Record<string, unknown>> | undefined {
    try {
      const json = JSON.stringify(property(error, 'details'))
      if (json === '{}' || json.length > Math.min(longest.details, this.#text)) return undefined
      this.#text -= json.length
      return JSON.parse(json) as Record<string, unknown>
    } catch {
      return undefined
    }
  }

  #cut(text: string, most: number): string {
    const cut = shortened(text, Math.min(most, this.#text))
    this.#text -= cut.length
    return cut
  }
}

/** The lines of a stack without name and message, which V8 puts before them, and which may look like frames. */
function framesOf(stack: string, message: string): readonly string[] {
  const at = message === '' ? -1 : stack.indexOf(message)
  const isHead = at === 0 || (at > 0 && stack.slice(at - 2, at) === ': ' && !stack.slice(0, at).includes('\n'))
  const lines = (isHead ? stack.slice(at + message.length) : stack).split('\n')
  return lines.filter((line) => frame.test(line)).map((line) => `    ${line.trim()}`)
}

/** Undefined also where a getter throws, or a proxy. */
function property(value: unknown, name: string): unknown {
  try {
    return (value as Record<string, unknown> | null | undefined)?.[name]
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A name for what says none itself. */
function typeOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

/** At most so many characters, and none of them half of one. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text
  const end = most - 1
  return end <= 0 ? '' : `${text.slice(0, /[\uD800-\uDBFF]/.test(text[end - 1]!) ? end - 1 : end)}…`
}
