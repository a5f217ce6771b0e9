import type { Message } from '../message/message.ts'

/** Who publishes and joins groups: a connection, as the broker sees it. */
export interface Client {
  /** Told of a message that reached no group. */
  unroutable(message: Message): void
}
