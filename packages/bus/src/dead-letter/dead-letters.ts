import type { Duration } from '@tidings/core'
import type { DeadLetter, DeadLetterReason } from '../stores/dead-letters.ts'

/** Which dead letters; all conditions together. Left out: all. */
export interface DeadLetterFilter {
  readonly ids?: readonly string[] | undefined
  /** With or without the source of the bus before it. */
  readonly group?: string | undefined
  readonly type?: string | undefined
  readonly key?: string | undefined
  readonly reason?: DeadLetterReason | undefined
  /** Given up before this time. */
  readonly before?: Date | string | undefined
}

export interface ReplayOptions {
  /** Letters a second at most. Default 100. */
  readonly rate?: number | undefined
  /** Letters at most, those not counted that are on their way already. Default: all that the filter finds. */
  readonly limit?: number | undefined
  /** Ends the replay after the letter that is under way; so does closing the bus. */
  readonly signal?: AbortSignal | undefined
  /**
   * Changes the data before it goes back, a copy that may be changed, as a handler would see it; `undefined` leaves a letter
   * out. May be asynchronous. What comes out goes through the `publish` middleware; the event keeps its id. What comes out must match the schema, else the letter stays and counts as failed; so does one whose body is
   * no JSON.
   */
  readonly edit?: ((data: unknown, letter: DeadLetter) => unknown) | undefined
  /**
   * Sends letters whose copy was sent so long ago and is not handled yet, as one that was lost would be. Younger ones are
   * skipped, unless the filter names them by `ids`; and so is what another replay of this bus is at work on. Default
   * `'10m'`.
   */
  readonly again?: Duration | undefined
  /**
   * Replays what has expired too, without its `expirytime`, which would keep it from its handler. Default `false`: such a
   * letter stays and counts as failed.
   */
  readonly expired?: boolean | undefined
  /** Told after each letter, and not waited for. */
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined
}

export interface ReplayProgress {
  readonly replayed: number
  readonly skipped: number
  readonly failed: number
  readonly letter: DeadLetter
}

/** What a replay did. */
export interface ReplayResult {
  readonly replayed: number
  /** Left out by `edit`, on their way already (see `again`), or gone meanwhile. */
  readonly skipped: number
  /** Could not be sent, have expired, or did not match after `edit`: they stay. */
  readonly failed: readonly { readonly letter: DeadLetter; readonly error: unknown }[]
  /** Whether the signal or the limit ended it before all letters were through. */
  readonly ended: 'complete' | 'limit' | 'aborted'
}

/** The dead letters of a bus's transport: to look at, to give back to their group, or to throw away. */
export interface DeadLetters {
  /**
   * Oldest first, each with its message as a handler would see it, through the `receive` middleware. Those that come
   * meanwhile may be among them or not.
   */
  list(filter?: DeadLetterFilter): AsyncIterableIterator<DeadLetter, undefined>
  count(filter?: DeadLetterFilter): Promise<number>
  get(id: string): Promise<DeadLetter | undefined>
  /**
   * Sends copies of letters to the group that gave them up, and to no other. A letter is marked `replayedAt` before its
   * copy is sent, and stays until that is handled, so that none is lost on the way: what is replayed goes from here when
   * it is handled, not when this resolves. The letters of a parked key are replayed in their order, those included that
   * come meanwhile; what is behind a letter that the filter does not mean stays parked, and counts as failed. Replays of
   * one bus keep out of each other's way; those of several do where the store answers at once.
   */
  replay(filter: DeadLetterFilter, options?: ReplayOptions): Promise<ReplayResult>
  /**
   * Throws letters away for good, but no copy that is on its way; resolves to their number. The filter must not be empty:
   * `{ before: new Date() }` is all.
   */
  discard(filter: DeadLetterFilter): Promise<number>
}
