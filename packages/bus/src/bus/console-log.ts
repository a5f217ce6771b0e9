import type { HandlerLog } from '../handler/context.ts'

/** Writes to the console: facts behind the line, where there are any; errors by their name and message. */
export const consoleLog: HandlerLog = {
  debug: (message, facts) => write('debug', message, facts),
  info: (message, facts) => write('info', message, facts),
  warn: (message, facts) => write('warn', message, facts),
  error: (message, facts) => write('error', message, facts),
}

function write(level: keyof HandlerLog, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
  const print = console[level]
  if (Object.keys(facts).length === 0) print(`[tidings] ${message}`)
  else
    print(`[tidings] ${message}`, Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, shown(fact)])))
}

/** Not the whole of an error: what hangs on it may hold anything. */
function shown(fact: unknown): unknown {
  return fact instanceof Error ? `${fact.name}: ${fact.message}` : fact
}
