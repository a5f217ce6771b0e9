import { isOwnFrame, recorded, type RecordedError } from '../dead-letter/recorded-error.ts'
import type { Clock } from '../clock.ts'
import type { HandlerLog, LogLevel } from '../handler/context.ts'
import { harmless, oneLine, timeInWords } from '../in-words.ts'

/** Writes to the console what a person reads: one line that says what happened to what, and the errors below it. */
export function consoleLog(clock: Pick<Clock, 'now'>): HandlerLog {
  const at =
    (level: LogLevel): HandlerLog[typeof level] =>
    (message, facts = {}) =>
      console[level]([line(clock.now(), level, message, facts), ...errorsOf(facts)].join('\n'))
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

type Facts = Readonly<Record<string, unknown>>

/** Of one width. */
const levels: Record<LogLevel, string> = { debug: 'DEBUG', info: 'INFO ', warn: 'WARN ', error: 'ERROR' }
/** These come first, in this order. */
const ofDelivery = ['type', 'group', 'id', 'attempt']
/** What does not stand among the others. */
const elsewhere = [...ofDelivery, 'retryIn', 'error']
const longestFact = 200

function line(now: number, level: LogLevel, message: string, facts: Facts): string {
  const { retryIn } = facts
  const others = Object.keys(facts).filter((name) => !elsewhere.includes(name))
  const said = [...ofDelivery, ...others].flatMap((name) => {
    const fact = facts[name]
    return fact === undefined || isError(fact) ? [] : [` ${oneLine(name)}=${shown(fact)}`]
  })
  const again = typeof retryIn === 'number' ? `, again in ${timeInWords(retryIn)}` : ''
  const what = `${timeOf(now)} ${levels[level]} [tidings] ${oneLine(message)}${again}`
  return said.length > 0 ? `${what} ${said.join('')}` : what
}

/** The time of the wall clock: who needs date and zone has a log of their own. */
function timeOf(now: number): string {
  const date = new Date(now)
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  )
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** A text as it is where that leaves no doubt; everything else as JSON. */
function shown(fact: unknown): string {
  if (typeof fact === 'bigint') return String(fact)
  if (typeof fact === 'string' && /^[^\s"=\p{C}]+$/u.test(fact)) return cut(fact)
  try {
    // Undefined for what JSON does not know, whatever the types say.
    const json: string | undefined = JSON.stringify(fact)
    return cut(harmless(json ?? typeof fact))
  } catch {
    return typeof fact
  }
}

function cut(text: string): string {
  return text.length > longestFact ? `${text.slice(0, longestFact - 1)}…` : text
}

/** `error` whatever it is, and every other fact that is an error. */
function errorsOf({ error, ...others }: Facts): readonly string[] {
  const errors = [error, ...Object.values(others).filter((fact) => isError(fact))]
  return errors.flatMap((each) => (each === undefined ? [] : linesOf(recorded(each), '    ')))
}

/**
 * An error, its frames and its causes. Only the application's own frames, where there are some, and each once: a cause
 * shares most of them with what it caused.
 */
function linesOf(error: RecordedError, indent: string, is = '', before: readonly string[] = []): readonly string[] {
  const { name, code, message, stack = '', cause, errors = [] } = error
  const all = stack.slice(`${name}: ${message}`.length).split('\n').slice(1)
  const own = all.filter(isOwnFrame)
  const text = `${is}${name}${code === undefined ? '' : ` [${code}]`}: ${message}`
  const frames = (own.length > 0 ? own : all).filter((frame) => !before.includes(frame))
  const seen = [...before, ...frames]
  return [
    ...[...text.split('\n'), ...frames].map((each) => `${indent}${harmless(each)}`),
    ...(cause ? linesOf(cause, indent, 'caused by ', seen) : []),
    ...errors.flatMap((each) => linesOf(each, `${indent}  `, 'one of them: ', seen)),
  ]
}

/** Never throws: a handler may log anything, a revoked proxy too. */
function isError(fact: unknown): fact is Error {
  try {
    return fact instanceof Error
  } catch {
    return false
  }
}
