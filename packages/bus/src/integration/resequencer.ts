import { type Duration, milliseconds } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, oneOf, whole } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import { type Clock, systemClock } from '../clock.ts'
import type { HandlerContext } from '../handler/context.ts'
import { type AsyncEventHandler, type EventHandler, named } from './event-handler.ts'
import { Entry, SequenceLine } from './sequence-line.ts'

/** Where an event stands. */
export interface Place {
  /** Each source has an order of its own. */
  readonly source: string
  /** Counts up by one. An event without it passes at once. */
  readonly sequence: number | undefined
}

export interface ResequencerOptions<Event extends TidingsEvent> {
  /** Where an event stands. Default: its `source` and `sequence`. */
  readonly by?: ((event: Event) => Place) | undefined
  /** How long the next event of a source is waited for while later ones are there. Default `'5s'`. */
  readonly gapTimeout?: Duration | undefined
  /** Events held at most, of all sources. Beyond it the gap before the newest one is not waited for. Default 9. */
  readonly max?: number | undefined
  /** The sequence that a source begins with. Default 1. */
  readonly first?: number | undefined
  /** Sources remembered at most; of those that hold nothing the one not seen for longest is forgotten. Default 10,000. */
  readonly maxSources?: number | undefined
  /** Events whose place was passed: handled at once (default), or left out, which the log says. */
  readonly late?: 'handle' | 'drop' | undefined
  /** Default the time of the machine. */
  readonly clock?: Clock | undefined
}

/**
 * **Resequencer**: handles the events of each source in the order of their `sequence`, one after the other, however they
 * come. What comes early is held until those before it are handled.
 *
 * What is held is not settled, so a crash loses nothing: the broker delivers it again, and no store is needed. Set
 * `ordering: 'none'`, since the resequencer keeps the order, and a `concurrency` above `max`, since each held event
 * takes a place: the defaults, 10 and 9, fit. `timeout` of the handler must be longer than `gapTimeout`.
 *
 * - **A failed event** keeps its place until it is tried again and succeeds; those behind it wait, `gapTimeout` at most.
 *   After an error that says `retryable: false`, as `PermanentError` does, they go on at once.
 * - **A gap** is waited for as long as `gapTimeout`, then passed over, and the log says so. The handler must see all
 *   events of a source: events count per source over all their types, from 1 in each process, so unless one handler
 *   takes them all, count what matters yourself and name it with `by`.
 * - **A duplicate** of an event that is held or handled just now shares its outcome; later ones are late events. Make
 *   the handler `idempotent`, and it does not see them.
 * - After a start, or a source's, nothing is known of it: unless it begins with `first`, its first events wait for
 *   `gapTimeout` once.
 *
 * It differs from `resequenced` of `@tidings/decorators`, which is for any function and starts calls in order: here an
 * event begins when the one before it has succeeded, so that the order outlasts retries.
 *
 * @example
 * handler(StockMoved, { group: 'stock', ordering: 'none' }, resequencer(
 *   { by: ({ data }) => ({ source: data.warehouse, sequence: data.movement }) },
 *   (event) => move(event.data),
 * ))
 *
 * @throws TidingsError `INVALID_ARGUMENT` for options that make no sense
 */
export function resequencer<Event extends TidingsEvent>(
  options: ResequencerOptions<Event>,
  handler: EventHandler<Event>,
): AsyncEventHandler<Event> {
  knownOptions(options, ['by', 'gapTimeout', 'max', 'first', 'maxSources', 'late', 'clock'], 'resequencer')
  functionOption(handler, 'handler')
  const { by = ownPlace, clock = systemClock } = options
  functionOption(by, 'by')
  const gapTimeout = milliseconds(options.gapTimeout ?? '5s', 'gapTimeout')
  const max = whole(options.max ?? 9, 1, 'max')
  const maxSources = whole(options.maxSources ?? 10_000, 1, 'maxSources')
  const first = integer(options.first ?? 1)
  const late = oneOf(options.late, ['handle', 'drop'], 'late')
  const lines = new Map<string, SequenceLine>()
  let held = 0
  const lineOf = (source: string): SequenceLine => {
    const line =
      lines.get(source) ?? new SequenceLine({ source, first, gapTimeout, clock, onHeld: (by) => (held += by) })
    // The one seen last stands last.
    lines.delete(source)
    lines.set(source, line)
    if (lines.size > maxSources) forgetIdle(lines, source)
    return line
  }
  return named(handler, async (event: Event, context: HandlerContext) => {
    const { source, sequence } = by(event)
    if (sequence === undefined) {
      await handler(event, context)
      return
    }
    checkPlace(event, source, sequence)
    const line = lineOf(source)
    if (sequence < line.next) {
      if (late === 'handle') await handler(event, context)
      else context.log.warn('an event came after its place was passed', { source, sequence, expected: line.next })
      return
    }
    const twin = line.find(sequence, event.id)
    if (twin) return await twin.outcome
    const entry = new Entry(event.id, context, async () => handler(event, context))
    line.enter(sequence, entry)
    if (held > max) line.passGap('too many events are held')
    await entry.outcome
  })
}

function ownPlace({ source, sequence }: TidingsEvent): Place {
  return { source, sequence }
}

/** Forgets the source not seen for longest that holds nothing. */
function forgetIdle(lines: Map<string, SequenceLine>, but: string): void {
  for (const [source, line] of lines) {
    if (!line.isIdle || source === but) continue
    lines.delete(source)
    return
  }
}

function checkPlace(event: TidingsEvent, source: unknown, sequence: unknown): void {
  const of = `of the event "${event.type}" for resequencer`
  if (typeof source !== 'string') throw invalidArgument(`source ${of}`, 'a text', source, 'See `by`.')
  if (!Number.isSafeInteger(sequence)) {
    throw invalidArgument(`sequence ${of}`, 'a whole number', sequence, 'Events without a place have none: undefined.')
  }
}

function integer(first: number): number {
  if (Number.isSafeInteger(first)) return first
  throw invalidArgument('first', 'a whole number', first, 'Most sources begin with 0 or 1.')
}
