import type { Inbox } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { PublishOptions } from '../handler/publish-options.ts'
import type { Clock } from '../clock.ts'
import type { Claims } from '../dead-letter/claims.ts'
import type { DeadLetterStore } from '../dead-letter/store.ts'
import type { HandlerLog } from '../handler/context.ts'
import type { KnownEvents } from '../message/read.ts'
import type { Incoming, Middleware } from '../middleware.ts'
import type { Telling } from '../observer.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Outgoing } from '../transport/transport.ts'

/** What the groups of a bus share. */
export interface Runtime {
  readonly clock: Clock
  readonly random: () => number
  readonly log: HandlerLog
  readonly telling: Telling
  readonly events: KnownEvents
  /** There when a handler is idempotent. */
  readonly inbox: Inbox | undefined
  readonly maxDepth: number
  readonly capabilities: Capabilities
  readonly deadLetters: DeadLetterStore | undefined
  /** Of dead letters. */
  readonly claims: Claims
  readonly receivers: readonly NonNullable<Middleware['receive']>[]
  /** Hands a message to the transport as it is: a copy of what was received has been through the middleware before. */
  send(outgoing: Outgoing): void | Promise<void>
  /** Publishes on behalf of a handler: also while the bus closes. */
  publish(
    cause: TidingsEvent | undefined,
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    headers?: Readonly<Record<string, string>>,
    group?: string,
  ): Promise<TidingsEvent>
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
