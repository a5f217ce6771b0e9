import type { Handler, HandlerLog, Message, Middleware } from '@tidings/bus'
import type { Process, Reaction } from '@tidings/store'
import type { OrderCommand } from '../modules/orders.ts'
import type { ShelfCommand } from '../modules/inventory.ts'
import type { Paint } from './paint.ts'

/** Prints the story, and tells it what handlers log and what an observer sees. */
export interface Storyteller {
  heading(text: string): void
  say(text: string): void
  /** For the bus: what handlers say of themselves. */
  readonly log: HandlerLog
  /** For the bus: what each event is about, which no line of a log says. */
  readonly middleware: Middleware
  /** Whose handlers these are. */
  introduce(modules: Readonly<Record<string, readonly Handler[]>>): void
  /** An attempt of a group has failed, and what follows from it. */
  failed(message: Message, group: string, error: unknown, then: string | undefined): void
  parked(reason: string): void
  /** The same process, which says what it asks for. */
  telling<State>(process: Process<State>): Process<State>
  /** A group has left an event out, since it has handled it before. */
  leftOut(message: Message, group: string): void
}

/** Prints an event once, and below it what its handlers make of it, in the order in which they say so. */
export function storyteller(print: (line: string) => void, paint: Paint): Storyteller {
  const names = new Map<string, string>()
  const subjects = new Map<string, string>()
  let event = ''

  function tell({ id, type }: About, handler: string, outcome: string): void {
    const line = `${type.padEnd(33)} ${subjects.get(id) ?? ''}`.trimEnd()
    if (line !== event) print(`   ${paint('cyan', line)}`)
    event = line
    print(`     ${handler.padEnd(31)} ${outcome}`)
  }

  function note(text: string): void {
    print(`     ${''.padEnd(31)} ${paint('yellow', text)}`)
  }

  /** What a process asks for, below the event that it reacts to. */
  function asks(process: string, about: About, reaction: Reaction | undefined): void {
    for (const { command } of reaction?.commands ?? []) {
      const outcome = asked(command as OrderCommand | ShelfCommand)
      tell(about, process, paint(colourOf(outcome), outcome))
    }
  }

  const nameOf = ({ type }: About, group: string): string => names.get(`${shortName(group)} ${type}`) ?? group

  return {
    heading(text) {
      event = ''
      print('')
      print(paint('bold', text))
    },
    say(text) {
      event = ''
      print(`   ${text}`)
    },
    log: {
      info(text, facts) {
        // The bus adds these to each line of a handler.
        const about = facts as unknown as About & { readonly group: string }
        tell(about, nameOf(about, about.group), paint(colourOf(text), text))
      },
      // What goes wrong the bus also tells its observer, and so do we.
      debug: () => {},
      warn: () => {},
      error: () => {},
    },
    middleware: {
      name: 'story',
      receive({ message }, next) {
        subjects.set(aboutOf(message).id, String(message.attributes['subject'] ?? ''))
        return next(message)
      },
    },
    introduce(modules) {
      for (const [module, handlers] of Object.entries(modules)) {
        for (const { group, name, types } of handlers) {
          for (const type of types) names.set(`${group} ${type}`, `${module}.${name}`)
        }
      }
    },
    failed(message, group, error, then) {
      const about = aboutOf(message)
      tell(
        about,
        nameOf(about, group),
        paint('red', `failed: ${error instanceof Error ? error.message : String(error)}`),
      )
      if (then !== undefined) note(then)
    },
    telling: (process) => ({
      ...process,
      react(state, event, context) {
        subjects.set(event.id, event.subject ?? '')
        const reaction = process.react(state, event, context)
        asks(process.name, event, reaction)
        return reaction
      },
      timedOut(state, timeout, context) {
        const reaction = process.timedOut!(state, timeout, context)
        asks(process.name, { id: '', type: `time is up for ${timeout}` }, reaction)
        return reaction
      },
    }),
    parked: (reason) => note(`parked: ${reason}`),
    leftOut(message, group) {
      tell(aboutOf(message), shortName(group), paint('gray', 'ignored, this very event was handled before'))
    },
  }
}

interface About {
  readonly id: string
  readonly type: string
}

function aboutOf({ attributes }: Message): About {
  return { id: String(attributes['id']), type: String(attributes['type']) }
}

/** The name of a group as its module knows it, without that of the shop before it. */
export function shortName(group: string): string {
  return group.slice(group.indexOf('.') + 1)
}

/** A command in words. */
function asked(command: OrderCommand | ShelfCommand): string {
  switch (command.type) {
    case 'reserve':
      return `hold ${command.placed.quantity} × ${command.placed.item}`
    case 'release':
      return 'put back what is held'
    case 'cancel':
      return `cancel: ${command.reason}`
    default:
      return command.type
  }
}

function colourOf(outcome: string): 'yellow' | 'green' {
  return /^(declined|cancel|put back|gave back)/.test(outcome) ? 'yellow' : 'green'
}

/** Tells nothing. */
export const silent: Storyteller = storyteller(
  () => {},
  (_style, text) => text,
)
