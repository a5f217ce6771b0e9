import type { DeadLetter, DeadLetterReason } from './store.ts'

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
  /** Letters at most. Default: all that the filter finds. */
  readonly limit?: number | undefined
  /** Ends the replay after the letter that is under way. */
  readonly signal?: AbortSignal | undefined
  /**
   * Changes the data before it goes back, a copy that may be changed; `undefined` leaves a letter out. The event keeps
   * its id. What comes out must match the schema, else the letter stays and counts as failed.
   */
  readonly edit?: ((data: unknown, letter: DeadLetter) => unknown) | undefined
  /** Told after each letter. */
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
  /** Left out by `edit`. */
  readonly skipped: number
  /** Could not be sent, or did not match after `edit`: they stay. */
  readonly failed: readonly { readonly letter: DeadLetter; readonly error: unknown }[]
  /** Whether the signal or the limit ended it before all letters were through. */
  readonly ended: 'complete' | 'limit' | 'aborted'
}

/** The dead letters of a bus's transport: to look at, to give back to their group, or to throw away. */
export interface DeadLetters {
  /** Oldest first. Those that come meanwhile may be among them or not. */
  list(filter?: DeadLetterFilter): AsyncIterableIterator<DeadLetter, undefined>
  count(filter?: DeadLetterFilter): Promise<number>
  get(id: string): Promise<DeadLetter | undefined>
  /**
   * Gives letters back to the group that gave them up, and to no other. A letter is removed when the broker has the copy;
   * of a parked key, when the copy is handled, so that what comes meanwhile stays behind it.
   */
  replay(filter: DeadLetterFilter, options?: ReplayOptions): Promise<ReplayResult>
  /** Throws letters away for good; resolves to their number. The filter must not be empty: `{ before: new Date() }` is all. */
  discard(filter: DeadLetterFilter): Promise<number>
}
