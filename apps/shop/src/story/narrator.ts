import { logged, type LogEntry } from '@tidings/decorators'
import type { Narrator } from '../modules/module.ts'
import type { Paint } from './paint.ts'

interface Line {
  /** The event type, and what the event is about. */
  readonly event: string
  readonly handler: string
  outcome: string | undefined
  notes: string[]
}

/** A narrator that prints, and whose headings the story writes. */
export interface Storyteller extends Narrator {
  heading(text: string): void
  say(text: string): void
  /** A group has left an event out, since it has handled it before. */
  leftOut(event: About, group: string): void
}

/**
 * Prints what handlers did in the order in which they began: so an event stands before those that it caused, although
 * its handler ends after theirs.
 */
export function storyteller(print: (line: string) => void, paint: Paint): Storyteller {
  const lines: Line[] = []
  const open = new WeakMap<readonly unknown[], Line>()
  let event = ''
  let last: Line | undefined

  function flush(): void {
    while (lines[0]?.outcome !== undefined) {
      const line = lines.shift()!
      if (line.event !== event) print(`   ${paint('cyan', line.event)}`)
      event = line.event
      for (const note of line.notes) print(`     ${''.padEnd(31)} ${paint('yellow', note)}`)
      print(`     ${line.handler.padEnd(31)} ${line.outcome}`)
    }
  }

  function begin(module: string, { name, args }: LogEntry): void {
    last = lineOf(args[0] as About, `${module}.${name}`)
    lines.push(last)
    open.set(args, last)
  }

  function end(entry: Exclude<LogEntry, { phase: 'started' }>): void {
    const line = open.get(entry.args)
    if (!line) return
    if (entry.phase === 'failed') line.outcome = paint('red', `failed: ${String(entry.error).replace(/^Error: /, '')}`)
    else line.outcome = paint(colourOf(String(entry.result)), String(entry.result))
    flush()
  }

  return {
    told: (module) =>
      logged({
        format: (entry) => {
          if (entry.phase === 'started') begin(module, entry)
          else end(entry)
          return undefined
        },
      }),
    note(text) {
      if (last?.outcome === undefined && last) last.notes.push(text)
      else print(`     ${''.padEnd(31)} ${paint('yellow', text)}`)
    },
    leftOut(about, group) {
      const line = lineOf(about, group)
      line.outcome = paint('gray', 'ignored, this very event was handled before')
      lines.push(line)
      flush()
    },
    heading(text) {
      event = ''
      print('')
      print(paint('bold', text))
    },
    say(text) {
      event = ''
      print(`   ${text}`)
    },
  }
}

interface About {
  readonly type: string
  readonly subject?: string | undefined
}

function lineOf({ type, subject = '' }: About, handler: string): Line {
  return { event: `${type.padEnd(33)} ${subject}`.trimEnd(), handler, outcome: undefined, notes: [] }
}

function colourOf(outcome: string): 'yellow' | 'green' {
  return /^(declined|refused|cancelled|released)/.test(outcome) ? 'yellow' : 'green'
}
