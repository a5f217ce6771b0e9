import type { Duration } from '@tidings/core'
import { hook, invalidArgument, oneOf, whole } from '@tidings/core/tools'
import { CancelledError } from '../errors.ts'
import { holdCall, leavesOnAbort, tell } from '../wrapping/calls.ts'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions, timerDuration } from '../wrapping/options.ts'
import type { AsyncMaybe, Change, EventOf, Flushable, HandlerDecorator, Kept } from '../wrapping/types.ts'
import { type GapReason, type Held, Lane } from './resequencer.ts'

/** An event that {@link resequenced} can put in order. */
export interface Sequenced {
  readonly source: string
  /** Counts up by one per source. Events without it pass at once. */
  readonly sequence?: number | undefined
  readonly id?: string
}

/** What `onGap` is told: a hole in a sequence was passed over. */
export interface SequenceGap {
  readonly handler: string
  readonly source: string
  /** The first sequence that is missing. */
  readonly from: number
  /** The last that is missing. */
  readonly to: number
  /** Why it was not waited for any longer: the time was up, `maxHeld` was reached, or `flush()` was called. */
  readonly reason: GapReason
}

/** What `onLate` is told: an event came after its place in the sequence had been passed. */
export interface LateEvent {
  readonly handler: string
  readonly source: string
  readonly sequence: number
  /** The sequence that was expected. */
  readonly expected: number
}

export interface ResequencedOptions<Event = Sequenced> {
  /** Where an event stands, for events that say it otherwise: `(event) => ({ source: event.stream, sequence: event.version })`. */
  readonly place?: (event: Event) => Sequenced
  /** How long an event that came early is held for those before it. Default 5 s. */
  readonly gapTimeout?: Duration
  /** The sequence that a source begins with. Default 1. */
  readonly first?: number
  /** How many events are held in all, over all sources. Beyond it the gap of the newest event's source is passed over. Default 1,000. */
  readonly maxHeld?: number
  /** How many sources are remembered. Beyond it the one not seen for longest, of those that hold nothing, is forgotten. Default 10,000. */
  readonly maxSources?: number
  /** What happens to events that come after their place was passed: `handle` them out of order (default), or `drop` them. */
  readonly late?: 'handle' | 'drop'
  readonly onGap?: (gap: SequenceGap) => void
  readonly onLate?: (event: LateEvent) => void
}

/** The handler returns a promise of its result, or of `undefined` for a dropped event; what is held can be flushed. */
export interface Resequenced<Event> extends Change {
  readonly check: [EventOf<this['handler']>] extends [Event]
    ? unknown
    : 'resequenced needs an event with source and sequence, or the option `place`'
  readonly wrapped: AsyncMaybe<this['handler']> & Flushable & Kept<this['handler']>
  readonly method: AsyncMaybe<this['handler']>
}

/**
 * Starts the handler in the order of `sequence`, for each `source` on its own: events that come early are held until
 * those before them have come (the resequencer of the Enterprise Integration Patterns). It orders the starts; put
 * `limit(1)` inside, `compose(resequenced(), limit(1))`, to let each handler end before the next one starts.
 *
 * - **A gap** that does not fill is passed over once the event behind it has been held for `gapTimeout`; what is there
 *   comes out in order and `onGap` is told. So no event is held longer than `gapTimeout`.
 * - **Late events**, of a place that was passed, are handled at once and `onLate` is told: such an event may be the retry
 *   of one that failed, or come from a source that began again. `late: 'drop'` leaves them out instead.
 * - **Duplicates** of an event that is held (same `id`, or same sequence where ids are missing) share its one call;
 *   another event of the same sequence is held beside it. Those of an event that was released are late events: put
 *   {@link idempotent} inside to leave them out.
 *
 * A handler must see all events of a source, or the others are gaps to it. Events of `@tidings/events` count per source
 * over all types: put one method under several `@on`, subscribe one wrapper to several types, or give each kind of event
 * a source of its own.
 *
 * A held call rejects with a {@link CancelledError} on `cancel()`, or with the reason of its context's signal.
 *
 * @example
 * dispatcher.subscribe(StockMoved, resequenced({ gapTimeout: '10s' })(applyMove))
 */
export function resequenced<Event = Sequenced>(
  options: ResequencedOptions<Event> = {},
): HandlerDecorator<Resequenced<Event>> {
  decoratorOptions(
    options,
    ['place', 'gapTimeout', 'first', 'maxHeld', 'maxSources', 'late', 'onGap', 'onLate'],
    'resequenced',
  )
  const gapTimeout = timerDuration(options.gapTimeout ?? '5s', 'gapTimeout')
  const maxHeld = whole(options.maxHeld ?? 1000, 1, 'maxHeld')
  const maxSources = whole(options.maxSources ?? 10_000, 1, 'maxSources')
  const { place, first = 1, onGap, onLate } = options
  const late = oneOf(options.late, ['handle', 'drop'], 'late')
  hook(place, 'place')
  if (!Number.isSafeInteger(first))
    throw invalidArgument('first', 'a whole number', first, 'Most sources begin with 0 or 1.')
  hook(onGap, 'onGap')
  hook(onLate, 'onLate')
  return decorator({
    name: 'resequenced',
    async: true,
    policy(next, { name }) {
      /** From the source not seen for longest to the latest. */
      const lanes = new Map<string, Lane>()
      let held = 0
      const laneOf = (source: string): Lane => {
        let lane = lanes.get(source)
        if (lane === undefined) {
          lane = new Lane(first, gapTimeout, {
            gap: (from, to, reason) => tell(onGap, 'onGap', { handler: name, source, from, to, reason }),
            left: () => held--,
          })
          forgetIdle(lanes, maxSources - 1)
        }
        lanes.delete(source)
        lanes.set(source, lane)
        return lane
      }
      const holdEvent = (
        lane: Lane,
        sequence: number,
        id: string | undefined,
        self: unknown,
        args: readonly unknown[],
      ) => {
        const twin = lane.find(sequence, id)
        if (twin) return twin.call.result
        const entry: Held = { call: holdCall(next, self, args), id, since: performance.now(), settle: () => {} }
        held++
        lane.hold(sequence, entry)
        entry.settle = leavesOnAbort(entry.call, () => lane.remove(sequence, entry))
        if (held > maxHeld) void lane.passGap('overflow')
        return entry.call.result
      }
      return {
        async call(self, args) {
          const { source, sequence, id } = Object(place ? place(args[0] as Event) : args[0]) as Partial<Sequenced>
          if (sequence === undefined) return await next(self, args)
          checkPlace(source, sequence, name)
          const lane = laneOf(source)
          // The expected place is held only while it is about to be released, further up the stack.
          if (sequence > lane.expected || lane.holds(sequence)) return await holdEvent(lane, sequence, id, self, args)
          if (sequence === lane.expected) {
            const call = holdCall(next, self, args)
            void lane.pass(call)
            return await call.result
          }
          tell(onLate, 'onLate', { handler: name, source, sequence, expected: lane.expected })
          return late === 'handle' ? await next(self, args) : undefined
        },
        async flush() {
          await Promise.all(Array.from(lanes.values(), (lane) => lane.releaseAll('flush')))
        },
        cancel() {
          for (const lane of lanes.values()) lane.cancel(() => new CancelledError(name))
        },
      }
    },
  })
}

/** Forgets sources that hold nothing, those not seen for longest first, until `most` are left. */
function forgetIdle(lanes: Map<string, Lane>, most: number): void {
  if (lanes.size <= most) return
  for (const [source, lane] of lanes) {
    if (lane.size === 0) lanes.delete(source)
    if (lanes.size <= most) return
  }
}

function checkPlace(source: unknown, sequence: unknown, handler: string): asserts source is string {
  const fix = 'Events that are not part of a sequence have no `sequence` at all.'
  if (typeof source !== 'string') {
    throw invalidArgument(`source of an event for resequenced handler ${handler}`, 'a string', source, fix)
  }
  if (!Number.isSafeInteger(sequence)) {
    throw invalidArgument(`sequence of an event for resequenced handler ${handler}`, 'a whole number', sequence, fix)
  }
}
