import type { Duration } from '@tidings/core'
import type { Clock } from '../clock.ts'
import type { HandlerLog } from '../handler/context.ts'
import type { ConnectionState, Transport } from '../transport/transport.ts'

/** What {@link createRelay} takes: which events, and from where to where. */
export type RelayOptions = RelayRoute & (MovedGroups | RelayedTypes)

interface RelayRoute {
  /** The `source` of the buses: the names of its groups begin with it. */
  readonly source: string
  /** Where the events are. Needs a place for dead letters. */
  readonly from: Transport
  /** Where they go. What is durable there must be durable here; it must keep the order that is asked for. */
  readonly to: Transport
  /**
   * `'per-key'`: events of one subject arrive in their order. `'none'`: in any order. Default: for groups as each of them has
   * it, for types `'per-key'`.
   */
  readonly ordering?: 'per-key' | 'none' | undefined
  /** Events of one group on their way at a time. Default 256. */
  readonly prefetch?: number | undefined
  /** Default: the console. `false` for nowhere. */
  readonly log?: HandlerLog | false | undefined
  /** How long it waits for each of the two at the start. Default `'30s'`. */
  readonly connectTimeout?: Duration | undefined
  /** With events on their way and none arrived for so long it counts as stalled. Default `'2m'`. */
  readonly stalledAfter?: Duration | undefined
  readonly clock?: Clock | undefined
}

/** Groups that move, with what is before them. */
export interface MovedGroups {
  /**
   * Their names, without the source; `'all'`: those of this source that there are, but for temporary ones. What is before a
   * group goes to the group of the same name on `to`, which is made where there is none, and to no other; what it has
   * handled does not. Needs `from` to list its groups.
   */
  readonly groups: 'all' | readonly string[]
  readonly types?: undefined
  readonly group?: undefined
  readonly begin?: undefined
}

/** Events for whoever wants them over there. */
export interface RelayedTypes {
  /** Event types and patterns. They go to every group of `to` that asks for them. */
  readonly types: readonly string[]
  /** The group on `from` by which it knows how far it is, without the source. Default `'relay'`. */
  readonly group?: string | undefined
  /** Where that group begins when it is new: with what is published from then on, the default, or with the oldest that is kept. */
  readonly begin?: 'latest' | 'earliest' | undefined
  readonly groups?: undefined
}

/** How a relay, or one group of it, stands. */
export interface RelayProgress {
  /** Due, and not moved yet; undefined where `from` cannot tell. */
  readonly waiting: number | undefined
  /** Published with a delay: they come when they are due. */
  readonly delayed: number | undefined
  /** Failed on `from`, and not due for their next attempt: they come then. */
  readonly retrying: number | undefined
  /**
   * Milliseconds for which the oldest of those has waited that are not moved; undefined when there is none. Where `from`
   * cannot tell, since the oldest of those under way was made.
   */
  readonly age: number | undefined
  /** Moved since the start. */
  readonly moved: number
  /** Made dead letters, since `to` does not take them, since the start. */
  readonly parked: number
  /** When one was last moved, RFC 3339; undefined before the first. */
  readonly lastProgress: string | undefined
}

export interface RelayHealth extends RelayProgress {
  /** `stalled`: events are on their way, and none has arrived for too long. */
  readonly status: 'ok' | 'reconnecting' | 'stalled' | 'closing' | 'closed'
  readonly from: ConnectionState
  readonly to: ConnectionState
  /** By whole name. */
  readonly groups: readonly (RelayProgress & { readonly group: string })[]
}

/** Moves events from one transport to another until it is closed. Made by {@link createRelay}. */
export interface Relay extends AsyncDisposable {
  /** How far it is. */
  health(): Promise<RelayHealth>
  /**
   * Resolves when all has been moved that was due before this call, and what had failed by then: so a publisher that has
   * ended is to be started on the other side without its events overtaking each other. Dead letters that have come since
   * the start move too. Needs `from` to count what waits (`waiting`); where it cannot tell the oldest, it waits until there
   * is nothing at all.
   *
   * @throws RelayBehindError when time is up, or when it is closed before
   */
  caughtUp(options?: { readonly timeout?: Duration | undefined }): Promise<void>
  /**
   * Takes no more, lets what is on its way arrive, and gives back the rest: by a relay that is started again it goes on
   * there. After `timeout`, by default `'10s'`, or at once while `to` is away, what is on its way is given back too, and may
   * arrive twice. Idempotent.
   */
  close(options?: { readonly timeout?: Duration | undefined }): Promise<void>
}
