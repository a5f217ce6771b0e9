import { functionOption, knownOptions, oneOf } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import { recorded, type RecordedError } from './dead-letter/recorded-error.ts'
import { oneLine, timeInWords } from './in-words.ts'
import type { Message } from './message/message.ts'
import type { Delivered, Observer } from './observer.ts'
import { coloured, colourWish, isTerminal, type Paint, plain } from './terminal-colour.ts'

/** What {@link narrate} takes. */
export interface NarrateOptions {
  /** Takes each line, without a line break. Default `console.log`. */
  readonly write?: ((line: string) => void) | undefined
  /**
   * Whether lines have the colours of a terminal. Default: as `FORCE_COLOR` and `NO_COLOR` say; without them, if standard
   * output is a terminal and there is no `write`.
   */
  readonly colour?: boolean | undefined
  /**
   * What to show of an event when it is published: put on one line, behind the others. Without it no data are shown.
   * Nothing is shown for `undefined` and an empty text.
   */
  readonly show?: ((event: TidingsEvent) => string | undefined) | undefined
}

/**
 * An observer that tells what a bus does, as a story: one line for each event that is published, handled (and how long
 * that took), failed (and when it is tried again), parked, or left out, and for each change of the connection. What an
 * event led to is indented below it, as deep as its chain of causes is long; lines come in the order of what happens, so
 * those of several stories stand between each other, and the end of an event's id tells which is whose.
 *
 * For development, and for whoever wants to see an application work: what a machine is to read goes to a log.
 *
 * @example
 * const bus = await createBus({ source: '/shop', transport: memory(), handlers, log: false, observer: narrate() })
 *
 * @example
 * narrate({ show: ({ data }) => JSON.stringify(data) })
 *
 * @throws TidingsError `INVALID_ARGUMENT` for options that make no sense
 */
export function narrate(options: NarrateOptions = {}): Observer {
  knownOptions(options, ['write', 'colour', 'show'], 'narrate')
  const { write = toConsole, show = () => undefined } = options
  functionOption(write, 'write')
  functionOption(show, 'show')
  const byDefault = colourWish() ?? (options.write === undefined && isTerminal())
  const paint = oneOf(options.colour ?? byDefault, [false, true], 'colour') ? coloured : plain
  return observerOf(write, show, paint)
}

function observerOf(
  write: (line: string) => void,
  show: NonNullable<NarrateOptions['show']>,
  paint: Paint,
): Required<Observer> {
  const tell = ({ message, group }: Pick<Delivered, 'message' | 'group'>, verb: string, more = ''): void =>
    write(`${indent(message, 1)}${oneLine(group)} ${verb} ${eventName(message, paint)}${more}`)

  return {
    published(event) {
      const { type, subject, id, causationDepth: causationdepth } = event
      const attributes = { type, id, causationdepth, ...(subject === undefined ? {} : { subject }) }
      const shown = oneLine(show(event) ?? '')
      const more = shown === '' ? '' : `: ${shown}`
      write(`${indent({ attributes }, 0)}published ${eventName({ attributes }, paint)}${more}`)
    },
    unroutable(message) {
      write(`${indent(message, 1)}${paint('yellow', 'no group wants')} ${eventName(message, paint)}`)
    },
    handled({ duration, ...delivered }) {
      tell(delivered, paint('green', 'handled'), ` in ${timeInWords(duration)}${attemptOf(delivered, 2)}`)
    },
    failed({ error, retryIn, ...delivered }) {
      const then =
        retryIn === undefined
          ? paint('red', 'not tried again')
          : paint('yellow', `tried again in ${timeInWords(retryIn)}`)
      tell(delivered, paint('red', 'failed at'), `${attemptOf(delivered, 1)}: ${errorInWords(error)}; ${then}`)
    },
    duplicate(delivered) {
      tell(delivered, paint('dim', 'left out'), ', handled before')
    },
    expired(delivered) {
      tell(delivered, paint('yellow', 'left out'), ', expired')
    },
    deadLettered(letter) {
      const { reason, error, attempts } = letter
      const after =
        attempts === 0 ? 'without an attempt' : `after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`
      const why = error === undefined ? '' : `: ${recordedInWords(error)}`
      tell(letter, paint('red', 'parked'), `, ${reason} ${after}${why}`)
    },
    discarded({ reason, error, ...delivered }) {
      tell(delivered, paint('red', 'discarded'), `, ${reason}: ${errorInWords(error)}`)
    },
    connection(state, error) {
      const why = error === undefined ? '' : `: ${errorInWords(error)}`
      write(`connection ${paint(state === 'connected' ? 'green' : 'yellow', state)}${why}`)
    },
  }
}

type Attributes = Pick<Message, 'attributes'>

/** Deeper chains are not told apart by a line that leaves the screen. */
const deepest = 20

function indent({ attributes }: Attributes, below: 0 | 1): string {
  const depth = Math.trunc(Number(attributes['causationdepth'])) || 0
  return '  '.repeat(Math.min(Math.max(depth, 0), deepest) + below)
}

function eventName({ attributes }: Attributes, paint: Paint): string {
  const { type, subject, id } = attributes
  const name = [type ?? 'an event of no type', subject].filter((part) => part !== undefined && part !== '')
  return `${paint('cyan', name.map((part) => oneLine(part)).join(' '))} ${paint('dim', shortId(id))}`
}

/** The end of a long id: a UUID of version 7 begins with the time, so those of a moment begin alike. */
function shortId(id: unknown): string {
  const whole = oneLine(id ?? 'no id')
  return whole.length > 12 ? `…${whole.slice(-6)}` : whole
}

/** Said from the attempt `from` on. */
function attemptOf({ attempt }: Pick<Delivered, 'attempt'>, from: number): string {
  return attempt < from ? '' : `, attempt ${attempt}`
}

function errorInWords(error: unknown): string {
  return recordedInWords(recorded(error))
}

/** The first line of an error, which says it; its class where that says more than `Error`. */
function recordedInWords({ name, message }: RecordedError): string {
  const [line = ''] = message.split('\n')
  return oneLine(name === 'Error' || name === 'string' ? line : `${name}: ${line}`)
}

function toConsole(line: string): void {
  // oxlint-disable-next-line no-console -- where the story is to be read
  console.log(line)
}
