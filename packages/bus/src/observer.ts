import type { TidingsEvent } from '@tidings/events'
import type { DeadLetter, DeadLetterReason } from './dead-letter/store.ts'
import type { Message } from './message/message.ts'
import type { ConnectionState } from './transport/transport.ts'

/** A delivery as an observer sees it. */
export interface Delivered {
  readonly message: Message
  readonly group: string
  readonly attempt: number
}

/** Told what a bus does. Every hook is optional, and must not throw: what it throws is logged and dropped. */
export interface Observer {
  /** Confirmed by the transport. */
  published?(event: TidingsEvent): void
  /** No group wants it, where the transport can tell. */
  unroutable?(message: Message): void
  handled?(delivery: Delivered & { readonly duration: number }): void
  /** An attempt failed. `retryIn` are the milliseconds to the next one; undefined when there is none. */
  failed?(delivery: Delivered & { readonly error: unknown; readonly retryIn: number | undefined }): void
  /** Left out, since the group has handled the event before. */
  duplicate?(delivery: Delivered): void
  /** Left out, since its `expirytime` has passed. */
  expired?(delivery: Delivered): void
  deadLettered?(letter: DeadLetter): void
  /** Given up by `deadLetter: 'discard'`. */
  discarded?(delivery: Delivered & { readonly reason: DeadLetterReason; readonly error: unknown }): void
  connection?(state: ConnectionState, error?: unknown): void
}
