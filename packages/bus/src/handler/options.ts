import type { Duration } from '@tidings/core'

/** How often and after which waits a failed event is tried again. */
export interface RetryPolicy {
  /** How often the handler is called at most, the first time included, from 1. Default 5. */
  readonly attempts?: number | undefined
  /** The wait before the second attempt. Default `'1s'`. */
  readonly delay?: Duration | undefined
  /** What each further wait is multiplied by, from 1. Default 2. */
  readonly factor?: number | undefined
  /** The longest wait. Default `'1m'`. */
  readonly max?: Duration | undefined
  /** The part of each wait, 0 to 1, that chance may take off. `true` is 0.5. Default `true`. */
  readonly jitter?: boolean | number | undefined
}

/** What {@link handler} takes besides the key and the function: the policy that stands beside the handler. */
export interface HandlerOptions {
  /**
   * The consumer group: every group gets each event, and within a group one member handles it. Default: the name of the
   * function. A group may have several handlers, for different event types. On the broker its name begins with the
   * `source` of the bus.
   */
  readonly group?: string | undefined
  /**
   * `'per-key'` (default): events of one subject are handled one after the other in the order of their publishing, also
   * through retries and across the members of the group. `'none'`: any order. One setting for a whole group.
   */
  readonly ordering?: 'per-key' | 'none' | undefined
  /** Events handled at a time, in this member of the group. Default 10. One setting for a whole group. */
  readonly concurrency?: number | undefined
  /**
   * Deliveries held unsettled at most, running ones included, and those not that wait for their next attempt; for a moment up to twice as many, when the group is joined
   * again for other event types. Default: twice `concurrency`, at least 50.
   */
  readonly prefetch?: number | undefined
  /**
   * The time of one attempt. Then `context.signal` aborts and the attempt has failed. A handler that goes on nevertheless
   * is waited for as long again, 30 s at most; then it is left behind, and counts as `overdue` in `health()` while the
   * next attempt runs beside it. Default `'30s'`; `Infinity` for none.
   */
  readonly timeout?: Duration | undefined
  /** Default: 5 attempts. `false` for one. */
  readonly retry?: RetryPolicy | false | undefined
  /**
   * What becomes of an event that was given up. `'park'` (default) keeps it among the dead letters. `'park-key'` also
   * parks, behind it, all later events of its key until it is replayed or discarded, so that their order survives; it
   * asks for `ordering: 'per-key'`. `'discard'` only counts it and tells the observer.
   */
  readonly deadLetter?: 'park' | 'park-key' | 'discard' | undefined
  /**
   * Leaves out an event that this group has handled before, by its source and id, as the inbox knows: the transport's,
   * or the bus's own. Default false.
   */
  readonly idempotent?: boolean | undefined
  /**
   * The group lives as long as the connection of its bus, and has no other member: for what must leave nothing behind, such
   * as a stream to one browser. One setting for a whole group. Default false.
   */
  readonly temporary?: boolean | undefined
  /** Where the group begins when it is new. Default `'latest'`. One setting for a whole group. */
  readonly from?: 'latest' | 'earliest' | undefined
}

/**
 * How events are gathered for a batch handler. With `ordering: 'per-key'` a batch holds one event of each key at most,
 * since the next one has to wait for its end; an event that has failed is tried again alone.
 */
export interface BatchPolicy {
  /** Events of a batch at most, from 1. */
  readonly size: number
  /** How long the first event of a batch waits for others. Default `'50ms'`. */
  readonly wait?: Duration | undefined
}

/**
 * Says that a handler writes in the commit that settles its event, and in which database: a value that the adapter of a
 * transport with `transactions` exports. `Transaction` is what the handler's work is given.
 */
export interface TransactionsOf<Transaction> {
  /** The `name` of the transport. */
  readonly transport: string
  /** For the types alone. */
  readonly transaction?: Transaction | undefined
}
