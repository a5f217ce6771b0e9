import type { HandlerLog, LogLevel } from '@tidings/bus'

/** A line that a handler or the bus has logged. */
export interface LoggedLine {
  readonly level: LogLevel
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** A log that adds its lines to these. */
export function logInto(lines: LoggedLine[], bound: LoggedLine['facts'] = {}): HandlerLog {
  const at =
    (level: LogLevel): HandlerLog[typeof level] =>
    (message, facts) =>
      void lines.push({ level, message, facts: { ...bound, ...facts } })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
