import type { Message } from './message/message.ts'

/** A message that came in, for one group. */
export interface Incoming {
  readonly message: Message
  /** The whole name of the group. */
  readonly group: string
  readonly attempt: number
  /**
   * Why it is read: to be handled, or only to be looked at, as a dead letter that is listed or edited is. A middleware that
   * counts or traces leaves the latter out.
   */
  readonly purpose: 'handle' | 'look'
}

/**
 * Code around everything that goes out or comes in: tracing, compression, encryption, metrics. It sees messages as they
 * are on the wire. The first middleware of a bus is the outermost in both directions.
 */
export interface Middleware {
  /** For `describe()` and errors. */
  readonly name: string
  /**
   * Around the hand-over of an event to the transport. What it passes on is what is sent; what a handler publishes goes out
   * with the settlement of its event, and `next` resolves when it is ready to. Copies of what was received,
   * retries and replays, do not come here again: they are sent as they came.
   */
  publish?(message: Message, next: (message: Message) => Promise<void>): Promise<void>
  /**
   * Around reading the event and calling its handler. `next` rejects with what the handler threw. What this function
   * does decides: resolved, the event is handled; rejected, the attempt has failed.
   */
  receive?(incoming: Incoming, next: (message: Message) => Promise<void>): Promise<void>
}
