import type { Message } from '../message/message.ts'
import type { UnreadableReason } from '../message/read.ts'
import type { RecordedError } from '../dead-letter/recorded-error.ts'

/** Why an event was given up. */
export type DeadLetterReason =
  /** Every attempt failed. */
  | 'attempts-exhausted'
  /** The handler threw a `PermanentError`, or another error that says `retryable: false`, itself or by its cause. */
  | 'permanent-error'
  /** It was handed out again and again without an answer: it may end the process. */
  | 'unsettled'
  | UnreadableReason
  /** It is the effect of too many events, each of which caused the next. */
  | 'event-storm'
  /** An earlier event of its key is parked, and the group keeps the order. */
  | 'key-parked'
  /** A relay could not send it on, since it is too large there. */
  | 'not-relayed'

/** An event that a group could not handle, as it was received, with what is known of why. */
export interface DeadLetter {
  /**
   * Unique; the same for the same event in the same group. At most 200 characters, all of which stand in a URL as they
   * are.
   */
  readonly id: string
  /** The whole name of the group. */
  readonly group: string
  /** The message as it arrived, bytes and all. */
  readonly message: Message
  readonly reason: DeadLetterReason
  readonly error: RecordedError | undefined
  /** Whether later events of its key are parked behind it, by `deadLetter: 'park-key'`. */
  readonly parksKey: boolean
  /** Attempts made; 0 when the handler never saw it. */
  readonly attempts: number
  /** RFC 3339; the same as `lastFailedAt` when there was one attempt or none. */
  readonly firstFailedAt: string
  readonly lastFailedAt: string
  /**
   * When a copy was last sent back to the group, RFC 3339. The letter goes once that copy is handled; given up again, it
   * is replaced by one without this time.
   */
  readonly replayedAt?: string | undefined
}

/** Keeps dead letters. Part of a transport, or a store of its own. */
export interface DeadLetterStore {
  /**
   * Keeps a letter, behind all others; one of the same id is replaced in its place. Throws or rejects when it cannot:
   * the event then stays unsettled with its group.
   */
  add(letter: DeadLetter): void | Promise<void>
  get(id: string): DeadLetter | undefined | Promise<DeadLetter | undefined>
  /**
   * Up to `limit` letters in the order of arrival, of one group where it is given, behind the one with the id `after`. It
   * may begin anew when that one is gone: who removes letters while listing asks for the next page before.
   */
  list(query: {
    readonly group?: string | undefined
    readonly after?: string | undefined
    readonly limit: number
  }): readonly DeadLetter[] | Promise<readonly DeadLetter[]>
  /** Whether there was one to remove. */
  remove(id: string): boolean | Promise<boolean>
  /** The oldest letter of the group with this key (see `keyOf`). Asked before each event of a group that parks keys. */
  firstOfKey(group: string, key: string): DeadLetter | undefined | Promise<DeadLetter | undefined>
}
