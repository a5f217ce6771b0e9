import type { Catalog, TidingsEvent } from '@tidings/events'
import type { ExpectedVersion } from '../expected-version.ts'
import type { Position } from '../position.ts'
import type { Projection } from '../projection/projection.ts'
import type { Recorder } from '../recorder/recorder.ts'

/**
 * Streams of events, and one log of all of them. Who appends says which version it has seen, so that of two who decide
 * at the same time one is told.
 *
 * @typeParam Event - the events that it holds: what its catalog reads
 */
export interface EventStore<Event extends TidingsEvent = TidingsEvent> extends AsyncDisposable {
  /** That of its recorder. */
  readonly name: string
  /** What it reads with. */
  readonly events: Catalog
  /** What it is made on: for what stands beside a store, such as projections. */
  readonly recorder: Recorder

  /**
   * Adds events to the end of a stream, all or none of them, in their order. Resolves when they cannot be lost any more,
   * as far as the recorder goes. No events change nothing, but the expected version is checked.
   *
   * Appending the same events again gives the result of the first time, whatever version is expected: so an append whose
   * outcome is unknown is simply made again. An event is known by its `source` and `id`, as long as it is in the log.
   *
   * @throws ConcurrencyError when the stream is not at the expected version
   * @throws ProjectionError when an inline projection throws
   * @throws EventExistsError when an event is in the log already, but not in this place with these contents
   * @throws StreamTombstonedError when the stream was ended
   * @throws UnknownEventTypeError, UnknownEventVersionError for an event that this store could not read
   * @throws InvalidEventError for what is no event
   * @throws SealError, SubjectForgottenError where its sensitive values are to be sealed and cannot be
   * @throws TidingsError `INVALID_ARGUMENT` for a name or a version that cannot be one
   */
  append(stream: string, events: readonly Event[], options?: AppendOptions): Promise<Appended>

  /**
   * Appends to several streams, to all or to none. Results in the order of what was asked; a stream may be there once.
   * Where all of it was appended before, the results are those of then; where only some was, it is refused.
   *
   * @throws as `append`, for the first of them that is refused
   */
  appendAll(appends: readonly AppendRequest<Event>[]): Promise<readonly Appended[]>

  /**
   * The events of a stream, by default all from the first one on. None for a stream that there is not: `info` tells.
   * Read in pages, anew each time that it is iterated: what is appended meanwhile may be among them.
   *
   * @throws TidingsError `INVALID_ARGUMENT` at once
   * @throws UnknownEventTypeError, UnknownEventVersionError, UpcastError, InvalidEventError when it comes to an event
   * that the catalog does not read
   */
  read(stream: string, options?: ReadOptions): AsyncIterable<Recorded<Event>>

  /**
   * The events of the whole log, in its order. Ends where the log ends; `subscribe` goes on.
   *
   * @throws as `read`
   */
  readAll(options?: ReadAllOptions<Event>): AsyncIterable<Recorded<Event>>

  /**
   * The events of the log, those to come included: it never ends by itself. Nothing is left out and nothing comes twice,
   * also where what was there goes over into what is new. Aborting the signal ends it, without an error.
   *
   * @throws as `read`; StoreClosedError when the store is closed
   */
  subscribe(options?: SubscribeOptions<Event>): AsyncIterable<Recorded<Event>>

  /**
   * The state of a projection that is `inline` in this store, for its key: with every event that is appended.
   *
   * @throws TidingsError `INVALID_ARGUMENT` for another projection
   */
  state<State>(projection: Projection<State>, key?: string): Promise<State>

  /** What is known of a stream. */
  info(stream: string): Promise<StreamInfo>

  /** Where the log ends: every event that could be read before this call stands there or before it. */
  end(): Promise<Position>

  /**
   * Removes the events of a stream below a version, for good. Its versions go on as before, no position is used again,
   * and who reads begins behind the cut. Without effect where they are gone already. A reader of the log that was behind
   * does not see them any more.
   *
   * @throws ConcurrencyError when `before` is beyond the version that the next event will have
   */
  truncate(stream: string, cut: { readonly before: number }): Promise<void>

  /**
   * Ends a stream for ever and removes its events. Idempotent.
   *
   * @throws ConcurrencyError when it is not at the expected version; default `'exists'`
   */
  tombstone(stream: string, options?: AppendOptions): Promise<void>

  /**
   * Deletes the key of a subject for ever. From then on its events are read without their sensitive values: with what
   * stands for them, which fits their schemas, so that all that reads goes on. What was computed from them before (states
   * of projections and processes, snapshots) is not touched: rebuild it. Idempotent.
   *
   * @throws TidingsError `INVALID_ARGUMENT` for a store without `encryption`
   */
  forget(subject: string): Promise<void>

  /** Closes the recorder; subscriptions end with `StoreClosedError`. Idempotent. */
  close(): Promise<void>
}

export interface AppendOptions {
  /** Default `'any'`. */
  readonly expectedVersion?: ExpectedVersion | undefined
}

/** One part of an `appendAll`. */
export interface AppendRequest<Event extends TidingsEvent = TidingsEvent> extends AppendOptions {
  readonly stream: string
  readonly events: readonly Event[]
}

/** What an append came to. */
export interface Appended {
  readonly stream: string
  /** The version of the first event; of an empty append, the version that the next event will have. */
  readonly firstVersion: number
  /** The version of the last event, which the next append expects; of an empty append, that of the stream. */
  readonly nextVersion: number
  /** That of the last event; of an empty append, the end of the log. */
  readonly position: Position
  /** The same events were there already: nothing was written. */
  readonly repeated: boolean
}

/** An event with its place. */
export interface Recorded<Event extends TidingsEvent = TidingsEvent> {
  readonly event: Event
  readonly stream: string
  /** Its number in the stream, from 1. */
  readonly version: number
  /** Its place in the log. */
  readonly position: Position
  /** When the store took it, RFC 3339 in UTC with milliseconds; `event.time` is when it was made. */
  readonly recordedAt: string
}

/** What is known of a stream. */
export interface StreamInfo {
  readonly stream: string
  /** Whether it takes events and has had some, those included that are removed. */
  readonly exists: boolean
  /** That of its latest event, also when that is removed; 0 before the first one. */
  readonly version: number
  /** The events below this version are removed; 1 where none are. */
  readonly truncatedBefore: number
  readonly tombstoned: boolean
}

/** The past to read: up to a position, or what the store had taken by a moment (a `Date`, or a text of RFC 3339). */
export type AsOf = Position | Date | string

export interface ReadOptions {
  /** The lowest version that is given. Default 1. */
  readonly from?: number | undefined
  /** The highest version that is given. Default the latest. */
  readonly to?: number | undefined
  /** Events at most. Default all. */
  readonly limit?: number | undefined
  /** `'backward'` begins with the latest. Default `'forward'`. */
  readonly direction?: 'forward' | 'backward' | undefined
  readonly asOf?: AsOf | undefined
}

/** Which events of the log. */
export interface LogFilter<Event extends TidingsEvent = TidingsEvent> {
  /** Begins behind this position. Default with the first event. */
  readonly after?: Position | undefined
  /** Only events of these types. Default all. */
  readonly types?: readonly Event['type'][] | undefined
  /** Only streams of this category: those whose name up to its first `-` it is. Default all. */
  readonly category?: string | undefined
}

export interface ReadAllOptions<Event extends TidingsEvent = TidingsEvent> extends LogFilter<Event> {
  /** Events at most. Default all. */
  readonly limit?: number | undefined
  readonly asOf?: AsOf | undefined
}

export interface SubscribeOptions<Event extends TidingsEvent = TidingsEvent> extends LogFilter<Event> {
  readonly signal?: AbortSignal | undefined
}
