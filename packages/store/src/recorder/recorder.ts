import type { EncodedEvent } from '@tidings/events'
import type { ExpectedVersion } from '../expected-version.ts'
import type { Position } from '../position.ts'

/**
 * What an adapter implements: one log of encoded events in one order, streams as an index on it, and a few records by
 * key beside it. All that is written is one {@link Commit}. It knows no schemas: what a store promises besides
 * (validation, upcasting, subscriptions, deciders, projections) stands above it, once for all adapters.
 *
 * Every method may be called at the same time as every other one, also from several processes on one log. What `commit`
 * has resolved survives what the log is meant to survive; one that rejects with an error that is not in its list may
 * have written all of the commit or nothing, never a part.
 */
export interface Recorder {
  /** For errors and reports: `memory`, `sqlite`, … */
  readonly name: string

  /**
   * Writes all of a commit or nothing. What `checkAppends` says of its appends, within the commit, decides: a commit whose
   * events are there already is not done again, its cuts and records included. One of nothing tells where the log ends.
   *
   * Positions grow in the order in which commits can be seen: once a reader has been given a position, nothing is ever
   * written below it. A position is never used again, also when what stood there is removed.
   *
   * @throws ConcurrencyError, StreamTombstonedError, EventExistsError as `checkAppends`
   * @throws RecordConflictError when a record has another revision than the one expected
   */
  commit(commit: Commit): Promise<Committed>

  /**
   * Events of one stream, and what is known of it, of one moment. All that is left when fewer than `limit` are given.
   * A stream that there is not has version 0 and no events.
   */
  readStream(query: StreamQuery): Promise<StreamPage>

  /** Events of the log behind `after`, in order. */
  readLog(query: LogQuery): Promise<LogPage>

  /** A record; `undefined` where there is none. */
  readRecord(key: string): Promise<LogRecord | undefined>

  /** Records whose keys begin with `prefix`, in the order of their keys as code points have it, behind `after`. */
  listRecords(query: RecordQuery): Promise<readonly LogRecord[]>

  /**
   * Calls `wake` after commits that add events, its own and, where it can tell, those of other processes; perhaps once for
   * several, perhaps for none. It only saves waiting: who waits looks again in any case. The function returned ends it.
   */
  watch(wake: () => void): () => void

  /** Lets go of what it holds. Idempotent. */
  close(): Promise<void>
}

/** All that is written at once. */
export interface Commit {
  /** No stream twice. */
  readonly appends?: readonly StreamAppend[] | undefined
  readonly cuts?: readonly StreamCut[] | undefined
  readonly records?: readonly RecordWrite[] | undefined
}

/** Events for the end of one stream. */
export interface StreamAppend {
  readonly stream: string
  readonly expected: ExpectedVersion
  /** May be empty: then only `expected` is checked. */
  readonly events: readonly EncodedEvent[]
  /** Of events that come from another log: their versions go on from this one, and their times are kept. */
  readonly restored?: Restored | undefined
}

/** What is kept of events from another log. */
export interface Restored {
  /** The version of the first one, greater than that of the stream. */
  readonly firstVersion: number
  /** Milliseconds since 1970, one for each event. */
  readonly recordedAt: readonly number[]
}

/** What is removed of a stream. */
export interface StreamCut {
  readonly stream: string
  /** Events below this version go. Without effect below what is gone already. */
  readonly before: number
  /** The stream ends for ever, with all its events. */
  readonly tombstone: boolean
  /** Of a stream from another log, whose events are removed there: the version that it had. */
  readonly restoredVersion?: number | undefined
}

/** A text by key: a checkpoint, a snapshot, the state of a projection. */
export interface RecordWrite {
  readonly key: string
  /** `undefined` removes it. */
  readonly value: string | undefined
  /** The revision that it must have; 0 for a record that there is not. Left out, whatever it has. */
  readonly expected?: number | undefined
}

/** A record as it is kept. */
export interface LogRecord {
  readonly key: string
  readonly value: string
  /** From 1, one more with each write. A record that was removed begins anew. */
  readonly revision: number
  /** Where the log ended behind the commit that wrote it. */
  readonly position: Position
}

/** What a commit came to. */
export interface Committed {
  /** In the order of the appends. */
  readonly appends: readonly StreamAppended[]
  /** Where the log ends. */
  readonly position: Position
  /** For each record of the commit its revision, in their order; 0 for one that was removed. None where it was repeated. */
  readonly revisions: readonly number[]
}

/** What one append came to. */
export interface StreamAppended {
  /** The version of the first event; of an empty append, the version that the next event will have. */
  readonly firstVersion: number
  /** The version of the last event, of an empty append that of the stream. */
  readonly lastVersion: number
  /** Of the last event; of an empty append, the end of the log. */
  readonly position: Position
  /** The same events were there already: nothing was written. */
  readonly repeated: boolean
}

/** An event as the log has it. */
export interface LoggedEvent {
  readonly stream: string
  /** Its place in the stream, from 1. */
  readonly version: number
  readonly position: Position
  /** When it was written, milliseconds since 1970. Never less than that of an earlier one that was not restored. */
  readonly recordedAt: number
  readonly event: EncodedEvent
}

/** What is known of a stream. */
export interface StreamState {
  /** Of its latest event, also when that is removed; 0 before the first one. */
  readonly version: number
  /** Events below this version are removed; 1 where none are. */
  readonly truncatedBefore: number
  readonly tombstoned: boolean
}

/** The past that a reader sees: what is behind either is left out. */
export interface Until {
  readonly position?: Position | undefined
  /** By `recordedAt`, milliseconds since 1970. */
  readonly time?: number | undefined
}

/** Which events of a stream: those from `from` to `to`, both included, at most `limit`. */
export interface StreamQuery {
  readonly stream: string
  readonly from: number
  readonly to: number
  readonly limit: number
  /** Begins at `to`. */
  readonly backward: boolean
  readonly until?: Until | undefined
}

export interface StreamPage {
  readonly state: StreamState
  readonly events: readonly LoggedEvent[]
}

/** Which events of the log: those behind `after` that fit all that is given, at most `limit`. */
export interface LogQuery {
  readonly after: Position
  readonly limit: number
  readonly types?: readonly string[] | undefined
  /** The streams of this category, see `categoryOf`. */
  readonly category?: string | undefined
  readonly until?: Until | undefined
}

export interface LogPage {
  readonly events: readonly LoggedEvent[]
  /** Up to here everything that fits has been given: where to go on behind. */
  readonly through: Position
  /** Whether there was something behind `through`. */
  readonly more: boolean
}

/** Which records. */
export interface RecordQuery {
  readonly prefix: string
  readonly after?: string | undefined
  readonly limit: number
}
