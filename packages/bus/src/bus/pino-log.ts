import type { HandlerLog, LogLevel } from '../handler/context.ts'

/** A logger that takes the facts first, such as that of pino, Fastify or Bunyan. */
export interface FactsFirstLogger {
  debug(facts: Record<string, unknown>, message: string): void
  info(facts: Record<string, unknown>, message: string): void
  warn(facts: Record<string, unknown>, message: string): void
  error(facts: Record<string, unknown>, message: string): void
}

/**
 * A log for the bus of a logger that takes the facts first. The fact `error` becomes `err`, by which name these loggers
 * know errors: what they write of one, the stack for instance, their serializer says.
 *
 * @example
 * await using bus = await createBus({ source: '/shop', transport, handlers, log: pinoLog(pino()) })
 */
export function pinoLog(logger: FactsFirstLogger): HandlerLog {
  const at =
    (level: LogLevel): HandlerLog[typeof level] =>
    (message, facts = {}) =>
      logger[level](renamed(facts), message)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function renamed(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  if (!('error' in facts) || 'err' in facts) return { ...facts }
  const { error, ...others } = facts
  return { ...others, err: error }
}
