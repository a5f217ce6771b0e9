import { functionOption, methodOption, oneOf } from '@tidings/core/tools'
import { decorator } from '../wrapping/decorator.ts'
import { tell } from '../wrapping/calls.ts'
import { decoratorOptions } from '../wrapping/options.ts'
import type { Change, HandlerDecorator } from '../wrapping/types.ts'

/** What {@link logged} writes to: the console, or most loggers. */
export interface Logger {
  debug?(line: string): void
  info(line: string): void
  warn?(line: string): void
  error(line: string): void
}

/** One moment of a call. `args`, `result` and `error` are there for a `format` of your own; the default shows none. */
export type LogEntry =
  | { readonly phase: 'started'; readonly name: string; readonly args: readonly unknown[] }
  | {
      readonly phase: 'succeeded'
      readonly name: string
      readonly args: readonly unknown[]
      /** Milliseconds. */
      readonly duration: number
      readonly result: unknown
    }
  | {
      readonly phase: 'failed'
      readonly name: string
      readonly args: readonly unknown[]
      /** Milliseconds. */
      readonly duration: number
      readonly error: unknown
    }

export interface LoggedOptions {
  /** Default: the console. */
  readonly logger?: Logger
  /** The level of starts and successes; failures are always errors. Default `info`. */
  readonly level?: 'debug' | 'info' | 'warn'
  /** The handler's name in the lines. Default: the function's or the method's. */
  readonly name?: string
  /** Writes the line; `undefined` writes none. The only way by which payloads get into a log. */
  readonly format?: (entry: LogEntry) => string | undefined
}

/** The handler stays what it is. */
export interface Logged extends Change {
  readonly check: unknown
  readonly wrapped: this['handler']
  readonly method: this['handler']
}

/**
 * Logs the start, the outcome and the duration of each call. Sync handlers stay sync; results and errors are passed on
 * as they are. No payload is logged, nor the message of an error, which may quote one: its name and code are.
 *
 * @example
 * logged()(reserve)(order)
 * // Executing reserve
 * // Executed reserve in 3.1 ms          or: Failed reserve after 3.1 ms: TypeError
 */
export function logged(options: LoggedOptions = {}): HandlerDecorator<Logged> {
  decoratorOptions(options, ['logger', 'level', 'name', 'format'], 'logged')
  const { logger = console, format = line } = options
  const level = oneOf(options.level, ['info', 'debug', 'warn'], 'level')
  functionOption(format, 'format')
  methodOption(logger, 'info', 'logger')
  methodOption(logger, 'error', 'logger')
  const write = (entry: LogEntry) => {
    const text = format(entry)
    if (text === undefined) return
    if (entry.phase === 'failed') logger.error(text)
    else if (logger[level]) logger[level](text)
    else logger.info(text)
  }
  return decorator({
    name: 'logged',
    async: false,
    stateless: true,
    policy: (next, target) => ({
      call(self, args) {
        const name = options.name ?? target.name
        tell(write, 'logger', { phase: 'started', name, args })
        const start = performance.now()
        const succeeded = <Result>(result: Result): Result => {
          tell(write, 'logger', { phase: 'succeeded', name, args, duration: performance.now() - start, result })
          return result
        }
        const failed = (error: unknown): never => {
          tell(write, 'logger', { phase: 'failed', name, args, duration: performance.now() - start, error })
          throw error
        }
        let result: unknown
        try {
          result = next(self, args)
        } catch (error) {
          return failed(error)
        }
        // Other thenables are left alone: `then` starts the work of some, and a second one would do it twice.
        return result instanceof Promise ? result.then(succeeded, failed) : succeeded(result)
      },
    }),
  })
}

function line(entry: LogEntry): string {
  if (entry.phase === 'started') return `Executing ${entry.name}`
  const duration = `${entry.duration.toFixed(1)} ms`
  if (entry.phase === 'succeeded') return `Executed ${entry.name} in ${duration}`
  return `Failed ${entry.name} after ${duration}: ${kindOf(entry.error)}`
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  return `${error.name}${code}`
}
