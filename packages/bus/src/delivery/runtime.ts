import type { Inbox } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { PublishOptions } from '../handler/publish-options.ts'
import type { Clock } from '../clock.ts'
import type { Locks } from '../dead-letter/locks.ts'
import type { DeadLetterStore } from '../stores/dead-letters.ts'
import type { HandlerLog } from '../handler/context.ts'
import type { Message } from '../message/message.ts'
import type { KnownEvents } from '../message/read.ts'
import type { Incoming, Middleware } from '../middleware.ts'
import type { Telling } from '../observer.ts'
import type { DeadLetterSink } from '../transport/dead-letter-sink.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Outgoing } from '../transport/transport.ts'

/** What a publish is beside its event: who caused it, and where it goes when not to everybody. */
export interface PublishRequest {
  readonly cause?: TidingsEvent | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly group?: string | undefined
}

/** What the groups of a bus share. */
export interface Runtime {
  readonly clock: Clock
  readonly random: () => number
  readonly log: HandlerLog
  readonly telling: Telling
  readonly events: KnownEvents
  readonly maxDepth: number
  readonly capabilities: Capabilities
  /** The application's own inbox, in place of the transport's. */
  readonly inbox: Inbox | undefined
  /** Where letters are looked up: the application's own store, else the transport's. */
  readonly deadLetters: DeadLetterStore | undefined
  /** The transport's sink, where there is no store. */
  readonly deadLetterSink: DeadLetterSink | undefined
  /** Whether that store is the application's own, so that the transport's settlement does not reach it. */
  readonly ownDeadLetters: boolean
  /** Of dead letters. */
  readonly locks: Locks
  readonly receivers: readonly NonNullable<Middleware['receive']>[]
  /** Hands a message to the transport as it is: a copy of what was received has been through the middleware before. */
  send(outgoing: Outgoing): void | Promise<void>
  /** A message as the `publish` middleware makes it, which is not sent. */
  wrap(message: Message): Promise<Message>
  /** Publishes at once, also while the bus closes where it is on behalf of a handler. */
  publish(
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    request: PublishRequest,
  ): Promise<TidingsEvent>
  /** Makes what a settlement sends, and hands it to `collect` once it has been through the middleware. */
  effect(
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    request: PublishRequest,
    collect: (event: TidingsEvent, outgoing: Outgoing) => void,
  ): Promise<TidingsEvent>
  /** Asks on behalf of a handler. */
  request(cause: TidingsEvent, definition: unknown, input: unknown, options: object): Promise<TidingsEvent>
  /** Takes back a delayed event. */
  cancel(event: TidingsEvent | string): Promise<boolean>
}

/** Runs the `receive` middleware around `last`, the first one outermost. */
export function throughReceivers(
  runtime: Runtime,
  incoming: Incoming,
  last: (incoming: Incoming) => Promise<void>,
): Promise<void> {
  const call = (at: number, now: Incoming): Promise<void> => {
    const receive = runtime.receivers[at]
    return receive === undefined ? last(now) : receive(now, (message) => call(at + 1, { ...now, message }))
  }
  return call(0, incoming)
}
