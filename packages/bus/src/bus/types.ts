import type { Duration } from '@tidings/core'
import type { DefinedEvent, InputOf, StandardSchema, TidingsEvent } from '@tidings/events'
import type { DeadLetters } from '../dead-letter/dead-letters.ts'
import type { EventFor, HandlerKey } from '../handler/handler.ts'
import type { HandlerContext, TransactionContext } from '../handler/context.ts'
import type { HandlerOptions, TransactionsOf } from '../handler/options.ts'
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
   * Writes and publishes in one commit, outside of handlers: the outbox. `run` publishes and hands over what it writes,
   * as a handler with the option `transaction` does; all of it is there when it has ended, or nothing. Many of them share a
   * commit, each is undone alone. Resolves to what `run` returns once it is committed.
   *
   * Nothing is held while `run` is under way, so it may wait for whatever it needs; a transaction within it is one of its own.
   * Rejects with what `run`, a publish or a write throws, awaited or not, and then nothing was written or published.
   *
   * @example
   * const order = await bus.transaction(sqliteTransaction, async ({ publish, transaction }) => {
   *   transaction((tx) => void tx.run('INSERT INTO orders VALUES (?, ?)', id, item))
   *   return publish(OrderPlaced, { id, item })
   * })
   *
   * @throws CapabilityMissingError where the transport is not the one of `of`, or has no `transactions`
   * @throws InvalidEventError, MessageTooLargeError, EventStormError, as `publish`, before anything is written
   * @throws EffectTooLateError for what comes when `run` has ended
   */
  transaction<Transaction, Result>(
    of: TransactionsOf<Transaction>,
    run: (context: OutboxContext<Transaction>) => Result | Promise<Result>,
  ): Promise<Result>

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

/** What the function of {@link Bus.transaction} is given. */
export interface OutboxContext<Transaction> {
  /**
   * As `bus.publish`, but held back: the event is created, validated, sized and taken through the middleware at once, and goes
   * out with the commit, in the order of the calls. The promise resolves when it is prepared. At most 10,000 events and
   * 64 MiB. With `immediate: true` it leaves at once, whatever becomes of the transaction.
   */
  readonly publish: Publish
  /**
   * Hands over what is written in the commit, in the order of the calls; it runs once, when the function has ended. Where the
   * database is synchronous it must not return a promise. Within it nothing else of the bus can be asked for.
   */
  readonly transaction: TransactionContext<Transaction>['transaction']
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
