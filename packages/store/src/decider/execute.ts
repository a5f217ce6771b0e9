import { backoff, knownOptions, whole } from '@tidings/core/tools'
import type { Extensions, TidingsEvent } from '@tidings/events'
import { ConcurrencyError } from '../errors.ts'
import type { Position } from '../position.ts'
import { expectedVersion as checkedVersion } from '../store/checks.ts'
import type { EventStore } from '../store/event-store.ts'
import type { Decider } from './decider.ts'
import { load, type LoadOptions } from './load.ts'
import { eventsOf, stamped } from './stamped.ts'

/** What {@link execute} takes besides the command; all of it may be left out. */
export interface ExecuteOptions extends Omit<LoadOptions, 'asOf'> {
  /** How often it begins anew when somebody else appended meanwhile. Default 3. */
  readonly retries?: number | undefined
  /**
   * The version that whoever gives the command has seen: where the stream is at another one, it is refused, and not tried
   * again.
   */
  readonly expectedVersion?: number | undefined
  /** The event that led to the command: the new ones carry its correlation on, unless they have a cause of their own. */
  readonly cause?: Pick<TidingsEvent, 'id' | 'correlationId' | 'causationDepth'> | undefined
  /** Attributes for each new event that does not have them itself: `tenant`, `traceparent`. */
  readonly extensions?: Extensions | undefined
}

/** What a command came to. */
export interface Executed<State, Event extends TidingsEvent> {
  /** What happened; none where nothing was to be done. */
  readonly events: readonly Event[]
  /** The state behind it. */
  readonly state: State
  /** The version of the stream that the state is of. */
  readonly version: number
  /** Where the events are; where there are none, the end of the log. A reader that got there has seen them. */
  readonly position: Position
}

/** The first conflict is tried again at once; whoever loses again leaves the others some room. */
const wait = backoff({ delay: 5, factor: 2, max: 500, jitter: true })

/**
 * Reads a stream, decides, and appends what happened, if nobody else has appended meanwhile; if somebody has, begins
 * anew. `decide` may so be called several times, and each time sees the state that its events go on from.
 *
 * @throws ConcurrencyError when all retries are used up, or the stream is not at `expectedVersion`
 * @throws what `decide` throws; nothing was written then
 * @throws as `store.append` and `store.read`
 *
 * @example
 * const { events, state } = await execute(store, order, 'order-42', { type: 'ship', carrier: 'Mail' })
 */
export async function execute<State, Command, Event extends TidingsEvent>(
  store: EventStore<Event>,
  decider: Decider<State, Command, Event>,
  stream: string,
  command: Command,
  options: ExecuteOptions = {},
): Promise<Executed<State, Event>> {
  const known = ['retries', 'expectedVersion', 'cause', 'extensions', 'snapshots', 'onSnapshotError']
  knownOptions(options, known, 'execute')
  const { expectedVersion } = options
  const retries = whole(options.retries ?? 3, 0, 'retries')
  if (expectedVersion !== undefined) checkedVersion(expectedVersion)
  for (let attempt = 0; ; attempt++) {
    const { state, version } = await load(store, decider, stream, loadOptions(options))
    if (expectedVersion !== undefined && expectedVersion !== version) {
      throw new ConcurrencyError(stream, expectedVersion, version)
    }
    const decided = decider.decide(command, state)
    const events = eventsOf(decided).map((event) => stamped(store.events, event, options))
    try {
      const { nextVersion, position } = await store.append(stream, events, { expectedVersion: version })
      return {
        events,
        state: events.reduce((last, event) => decider.evolve(last, event), state),
        version: nextVersion,
        position,
      }
    } catch (error) {
      const isConflict = error instanceof ConcurrencyError && error.stream === stream
      if (!isConflict || attempt >= retries || expectedVersion !== undefined) throw error
    }
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, wait(attempt)))
  }
}

function loadOptions({ snapshots, onSnapshotError }: ExecuteOptions): LoadOptions {
  return { snapshots, onSnapshotError }
}
