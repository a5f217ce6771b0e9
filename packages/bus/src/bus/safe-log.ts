import type { HandlerLog } from '../handler/context.ts'

/** A log whose failures harm nobody: a full disk or a fact that cannot be written must not stop a delivery. */
export function safeLog(log: HandlerLog): HandlerLog {
  const at =
    (level: keyof HandlerLog): HandlerLog[typeof level] =>
    (message, facts) => {
      try {
        log[level](message, facts)
      } catch {
        // Where should it be told?
      }
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
