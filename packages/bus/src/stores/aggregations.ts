import type { EventJson } from '@tidings/events'

/**
 * Where an `aggregator` keeps what it has gathered. The events in it are acknowledged: what the store loses is lost. All
 * processes with members of the group share it. Every method is atomic, also among processes, and may be asynchronous.
 * What one has resolved or returned survives what the store is meant to survive; one that throws or rejects may have
 * done its work or not, and is called again when the event is tried again.
 *
 * An aggregation is `open` while it takes events, `sealed` when its events are final but what comes of them is not yet
 * done, then `closed`.
 */
export interface AggregationStore {
  /**
   * Adds an event to the latest aggregation of a key, opening one where there is none, or where it is no longer open and
   * `reopen` says so. An event whose `identity` an aggregation of the key has already, also a closed one, is not added.
   *
   * Atomic: of several calls with one identity one is `added`, and of several that would open an aggregation one does.
   * Throws where there is no room, or where it cannot write: that is a failed attempt.
   */
  add(entry: AggregationEntry): Added | Promise<Added>
  /**
   * What is gathered; undefined when it is not there, or not any more.
   *
   * Atomic: state and events of one moment. Throws where it cannot tell: that is a failed attempt.
   */
  read(aggregation: string): Aggregation | undefined | Promise<Aggregation | undefined>
  /**
   * Ends the adding. Without effect for an aggregation that is not open, or not there.
   *
   * Atomic: of several calls the first counts, and what was `added` before it is in it, and nothing later. Throws where it
   * cannot write: that is a failed attempt.
   */
  seal(aggregation: string, reason: 'complete' | 'timeout'): void | Promise<void>
  /**
   * All is done: the events may be forgotten. Their identities are kept as long as a duplicate may come. Without effect
   * for an aggregation that is closed, or not there.
   *
   * Atomic: the state and the events go together. Throws where it cannot write: that is a failed attempt, and what comes
   * of the events is done again.
   */
  close(aggregation: string): void | Promise<void>
}

/** What an {@link AggregationStore} is asked to add. */
export interface AggregationEntry {
  readonly key: string
  /** The id of the aggregation that the event opens, if it opens one. */
  readonly aggregation: string
  /** What makes two events the same one, among those of the key. */
  readonly identity: string
  readonly event: EventJson
  readonly reopen: boolean
  /** Events of an aggregation at most. */
  readonly max: number
}

/** What became of an event: `known` is a duplicate, `late` came when its aggregation took no more, `full` found no room. */
export interface Added {
  readonly outcome: 'added' | 'known' | 'late' | 'full'
  /** The aggregation that has it, or that took it no more. */
  readonly aggregation: string
  readonly state: Aggregation['state']
  /** Events of the aggregation, this one included if it has it. */
  readonly size: number
  /** Whether the event is the one that opened the aggregation. */
  readonly opener: boolean
}

/** Events gathered. */
export interface Aggregation {
  readonly state: 'open' | 'sealed' | 'closed'
  /** Why it was sealed. */
  readonly reason: 'complete' | 'timeout' | undefined
  /** In the order of adding; empty once it is closed. */
  readonly events: readonly EventJson[]
}
