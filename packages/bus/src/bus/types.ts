import type { Duration } from '@tidings/core'
import type { DefinedEvent, InputOf, StandardSchema, TidingsEvent } from '@tidings/events'
import type { DeadLetters } from '../dead-letter/dead-letters.ts'
import type { EventFor, HandlerKey } from '../handler/handler.ts'
import type { HandlerContext } from '../handler/context.ts'
import type { HandlerOptions } from '../handler/options.ts'
import type { RequestOptions } from '../handler/publish-options.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import type { Description } from './description.ts'
import type { BusGroups } from './groups.ts'
import type { Health } from './health.ts'
import type { Publish } from '../handler/publish.ts'

/** Delivers events to the handlers of all groups, over whatever transport, and loses none. Made by {@link createBus}. */
export interface Bus extends AsyncDisposable {
  readonly source: string
  /** What the transport can do. */
  readonly capabilities: Capabilities

  /**
   * Creates an event, and so validates it, and hands it to the broker; or an event made before, as it is. Resolves to
   * the event when the broker has confirmed it, not when it is handled. Waits while the broker has no room.
   *
   * @throws InvalidEventError when the data does not fit; nothing is sent
   * @throws PublishTimeoutError, or the reason of the signal, when nothing was sent in time
   * @throws OutcomeUnknownError when it may have been sent; publish `error.event` again
   * @throws MessageTooLargeError, BusClosedError, EventStormError (too many events, each caused by the one before)
   */
  readonly publish: Publish

  /**
   * Publishes an event and waits for the first answer, which a handler gives by `context.reply`.
   *
   * @throws RequestTimeoutError when nobody answers in time, wherever it got stuck; RequestFailedError when the handler
   * gave up, with its reason as data, when no group wants the request, or when the bus is closed meanwhile; all else that
   * `publish` throws
   */
  request<Type extends string, Schema extends StandardSchema, Reply extends TidingsEvent = TidingsEvent>(
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
    options?: RequestOptions<Reply>,
  ): Promise<Reply>

  /**
   * Binds a handler while the bus runs, as `register` of `@tidings/decorators` and modules of an application do. The
   * group is that of the options, else the name of the function.
   */
  subscribe<const Key extends HandlerKey>(
    key: Key,
    handle: (event: EventFor<Key>, context: HandlerContext) => unknown,
    options?: SubscribeOptions,
  ): BusSubscription

  /** Resolves once all subscriptions made so far get what is published from then on; rejects when one is refused. */
  ready(): Promise<void>

  /**
   * The events of a key, to be pulled. An event counts as handled when the next one is asked for; the last one when the
   * iteration ends after it was asked for, so leaving the loop early gives it back. Ends with the signal or the bus;
   * `next` rejects once when the transport refuses the group. Without a `group` it has one of its own, which goes with it.
   */
  events<const Key extends HandlerKey>(key: Key, options?: PullOptions): AsyncIterableIterator<EventFor<Key>, undefined>

  /** Takes back a delayed event by its id; false when it is gone already. Needs a transport with `cancel`. */
  cancel(event: TidingsEvent | string): Promise<boolean>

  /** What was given up. */
  readonly deadLetters: DeadLetters

  /** The groups of the broker. */
  readonly groups: BusGroups

  /**
   * Resolves when nothing waits for the groups of this bus, runs, or is due for a retry, and no publish of it is under way:
   * for scripts and tests. What was published with a delay is not waited for. Needs a transport with `waiting`.
   *
   * @throws IdleTimeoutError when there is still something to do; it says what
   */
  idle(options?: IdleOptions): Promise<void>

  /** Whether events make progress. */
  health(): Promise<Health>
  /** What is bound to what, and why something is not. */
  describe(): Description

  /**
   * Takes no more events, lets the running handlers end and gives back what has not begun. After `timeout` the signals
   * of the handlers abort, and what they have not settled is given back, which the log says in one line. Publishes that
   * wait for room are refused at once. Idempotent; rejects for options that make no sense, and for nothing else.
   */
  close(options?: CloseOptions): Promise<void>
}

/** What `subscribe` takes; as {@link handler}, and `name` and `signal` as on a dispatcher. */
export interface SubscribeOptions extends HandlerOptions {
  /** For logs; default the function's name. It names the group too where `group` is left out. */
  readonly name?: string | undefined
  /** Unsubscribes when it aborts. */
  readonly signal?: AbortSignal | undefined
}

export interface BusSubscription extends Disposable {
  readonly group: string
  readonly name: string
  readonly active: boolean
  /** Resolves once events published from then on reach the handler; rejects when the transport refuses the group. */
  readonly ready: Promise<void>
  /** From now on the handler is not called. What is running ends; its group goes on waiting on the broker. Idempotent. */
  unsubscribe(): void
}

export interface PullOptions extends Pick<
  HandlerOptions,
  'group' | 'ordering' | 'prefetch' | 'from' | 'temporary' | 'deadLetter'
> {
  /** Default: a group of its own, which is `temporary`. */
  readonly group?: string | undefined
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined
}

export interface CloseOptions {
  /** How long running handlers have to end. Default `'30s'`. */
  readonly timeout?: Duration | undefined
}

export interface IdleOptions {
  /** How long to wait. Default: for ever. */
  readonly timeout?: Duration | undefined
}
