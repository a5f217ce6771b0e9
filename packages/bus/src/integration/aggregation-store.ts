import type { EventJson } from '@tidings/events'

/**
 * Where an {@link aggregator} keeps what it has gathered. The events in it are acknowledged: what the store loses is
 * lost. So its promises are those of a database: every method is atomic, also among several processes, and what it has
 * answered survives what the store is meant to survive.
 *
 * An aggregation is `open` while it takes events, `sealed` when its events are final but what comes of them is not yet
 * done, then `closed`.
 */
export interface AggregationStore {
  /**
   * Adds an event to the latest aggregation of a key, opening one where there is none, or where it is no longer open and
   * `reopen` says so. An event whose `identity` an aggregation of the key has already, also a closed one, is not added.
   */
  add(entry: AggregationEntry): Added | Promise<Added>
  /** Undefined when the store does not know it, or not any more. */
  read(aggregation: string): Aggregation | undefined | Promise<Aggregation | undefined>
  /** Ends the adding. Of several calls the first counts; without effect for one that is not open. */
  seal(aggregation: string, reason: 'complete' | 'timeout'): void | Promise<void>
  /** All is done: the events may be forgotten. Their identities are kept as long as a duplicate may come. */
  close(aggregation: string): void | Promise<void>
}

/** What {@link AggregationStore} is asked to add. */
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
