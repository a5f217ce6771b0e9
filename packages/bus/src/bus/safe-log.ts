import { isThenable } from '@tidings/core/tools'
import type { HandlerLog, LogLevel } from '../handler/context.ts'

/** A log whose failures harm nobody: a full disk or a fact that cannot be written must not stop a delivery. */
export function safeLog(log: HandlerLog): HandlerLog {
  const at =
    (level: LogLevel): HandlerLog[typeof level] =>
    (message, facts) => {
      try {
        // Whatever the types say: who writes over the network may return a promise.
        const written: unknown = log[level](message, facts)
        if (isThenable(written)) Promise.resolve(written).catch(() => {})
      } catch {
        // Where should it be told?
      }
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** What `log: false` stands for. */
export const silentLog: HandlerLog = { debug() {}, info() {}, warn() {}, error() {} }
