import { milliseconds } from '@tidings/core'
import { knownOptions } from '@tidings/core/tools'
import type { DefinedEvent, InputOf, StandardSchema, TidingsEvent } from '@tidings/events'
import { KeptDeadLetters } from '../dead-letter/kept-dead-letters.ts'
import type { DeadLetters } from '../dead-letter/dead-letters.ts'
import { Locks } from '../dead-letter/locks.ts'
import type { DeadLetterStore } from '../stores/dead-letters.ts'
import { healthOf } from '../delivery/group-health.ts'
import type { Runtime } from '../delivery/runtime.ts'
import { BusClosedError, CapabilityMissingError } from '../errors.ts'
import type { HandlerContext, HandlerLog } from '../handler/context.ts'
import { type AnyHandler, type EventFor, handler, type HandlerKey } from '../handler/handler.ts'
import type { TransactionsOf } from '../handler/options.ts'
import { KnownEvents } from '../message/read.ts'
import { Telling } from '../observer.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import { replyGroupName } from '../transport/group-name.ts'
import type { DeadLetterSink } from '../transport/dead-letter-sink.ts'
import type { Connection, ConnectOptions } from '../transport/transport.ts'
import { BusConnection } from './bus-connection.ts'
import { CurrentEvent } from './current-event.ts'
import { describe } from './describe.ts'
import type { Description } from './description.ts'
import { GroupsOfBroker } from './groups.ts'
import { type Health, healthOfBus, type HealthStatus } from './health.ts'
import { untilIdle } from './idle.ts'
import { LeftBehind } from './left-behind.ts'
import type { PublishOptions, RequestOptions } from '../handler/publish-options.ts'
import { checkTransaction } from './open-transaction.ts'
import { Publisher } from './publisher.ts'
import { pull } from './pull-stream.ts'
import { Requests } from './requests.ts'
import { safeLog } from './safe-log.ts'
import type { BusSettings } from './settings.ts'
import { checkCapabilities } from './start-up.ts'
import { Subscriptions } from './subscriptions.ts'
import type {
  Bus,
  BusSubscription,
  CloseOptions,
  IdleOptions,
  OutboxContext,
  PullOptions,
  SubscribeOptions,
} from './types.ts'

/** The one implementation of a bus: wires what goes out, what comes in, and the end. */
export class RunningBus implements Bus {
  readonly source: string
  readonly capabilities: Capabilities
  readonly deadLetters: DeadLetters
  readonly groups: GroupsOfBroker
  readonly #settings: BusSettings
  readonly #runtime: Runtime
  readonly #log: HandlerLog
  readonly #telling: Telling
  readonly #publisher: Publisher
  readonly #letters: KeptDeadLetters
  readonly #requests: Requests
  readonly #events = new KnownEvents()
  readonly #current: CurrentEvent
  readonly #subscriptions: Subscriptions
  readonly #streams = new Set<{ finish(): void }>()
  readonly #connection: BusConnection
  #status: HealthStatus = 'starting'
  readonly #ended = new AbortController()
  readonly #leftBehind: LeftBehind
  #closing: Promise<void> | undefined

  constructor(settings: BusSettings) {
    const { source, transport, clock, random, observers, middleware, maxDepth, publishTimeout } = settings
    const log = safeLog(settings.log)
    this.#log = log
    this.#settings = settings
    this.#current = new CurrentEvent(settings.asyncContext)
    this.#telling = new Telling(observers, log)
    this.source = source
    this.capabilities = transport.capabilities
    for (const definition of settings.definitions) this.#events.add(definition)
    const onState: ConnectOptions['onState'] = (state, error) => this.#telling.connection(state, error)
    const onUnroutable: ConnectOptions['onUnroutable'] = (message) => {
      this.#requests.unroutable(message)
      this.#telling.unroutable(message)
    }
    this.#connection = new BusConnection(transport, { name: source, clock, onState, onUnroutable }, log)
    this.#leftBehind = new LeftBehind(log, transport, this.#connection)
    this.#publisher = new Publisher({
      source,
      transport,
      connection: this.#connection,
      clock,
      events: this.#events,
      maxDepth,
      timeout: publishTimeout,
      middleware,
      telling: this.#telling,
      carry: settings.carry,
    })
    const deadLetters = (): DeadLetterStore | undefined => settings.deadLetters ?? this.#connection.current?.deadLetters
    const sink = (): DeadLetterSink | undefined => this.#connection.current?.deadLetterSink
    this.#runtime = {
      clock,
      random,
      log,
      events: this.#events,
      maxDepth,
      locks: new Locks(),
      capabilities: transport.capabilities,
      get deadLetters() {
        return deadLetters()
      },
      get deadLetterSink() {
        return sink()
      },
      inbox: settings.inbox,
      ownDeadLetters: settings.deadLetters !== undefined,
      receivers: middleware.flatMap((each) => (each.receive ? [each.receive.bind(each)] : [])),
      telling: this.#telling,
      send: (outgoing) => this.#connection.open.publish(outgoing),
      wrap: (message) => this.#publisher.wrap(message),
      publish: (what, input, options, request) => this.#publisher.publish(what, input, options, request),
      effect: (what, input, options, request, collect) =>
        this.#publisher.effect(what, input, options, request, collect),
      request: (cause, definition, input, options) => this.#ask(definition, input, options, cause),
      cancel: (event) => this.cancel(event),
    }
    this.#subscriptions = new Subscriptions(source, this.#connection, this.#runtime)
    this.#requests = new Requests(this.#runtime, replyGroupName(source))
    this.groups = new GroupsOfBroker(source, transport.name, this.#connection, deadLetters)
    this.deadLetters = this.#letters = new KeptDeadLetters(this.#runtime, source, transport.name, (letter) =>
      this.#subscriptions.definitionOf(letter),
    )
  }

  async start(handlers: readonly AnyHandler[]): Promise<void> {
    for (const each of handlers) this.#subscriptions.add(this.#current.around(each))
    await this.#connection.begin(this.#settings.connectTimeout, async (signal) => {
      await this.#subscriptions.join(signal)
    })
    this.#status = 'ok'
    this.#leftBehind.watch()
  }

  publish(what: unknown, input?: unknown, options?: PublishOptions): Promise<never> {
    const hasInput = typeof (what as { create?: unknown } | null)?.create === 'function'
    const published = this.#publisher.publish(
      what,
      hasInput ? input : undefined,
      hasInput ? options : (input as PublishOptions | undefined),
      { cause: this.#current.event },
    )
    // What `Publish` says of the event, the publisher cannot.
    return published as Promise<never>
  }

  async transaction<Transaction, Result>(
    of: TransactionsOf<Transaction>,
    run: (context: OutboxContext<Transaction>) => Result | Promise<Result>,
  ): Promise<Result> {
    checkTransaction(of, run, this.#settings.transport)
    return this.#publisher.transact(run, this.#current.event)
  }

  request<Type extends string, Schema extends StandardSchema, Reply extends TidingsEvent = TidingsEvent>(
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
    options: RequestOptions<Reply> = {},
  ): Promise<Reply> {
    // What an answer must be says `options.reply`, and so does its type.
    return this.#ask(definition, input, options, this.#current.event) as Promise<Reply>
  }

  subscribe<const Key extends HandlerKey>(
    key: Key,
    handle: (event: EventFor<Key>, context: HandlerContext) => unknown,
    options: SubscribeOptions = {},
  ): BusSubscription {
    const { name, signal, ...policy } = options
    const group = policy.group ?? name?.replace(/[^\w-]+/g, '-')
    const bound = handler(key, group === undefined ? policy : { ...policy, group }, handle)
    return this.#bind(name === undefined ? bound : { ...bound, name }, signal)
  }

  ready(): Promise<void> {
    return this.#subscriptions.joined()
  }

  events<const Key extends HandlerKey>(
    key: Key,
    options: PullOptions = {},
  ): AsyncIterableIterator<EventFor<Key>, undefined> {
    return pull(key, options, this.#streams, (bound, signal) => this.#bind(bound, signal, true))
  }

  async cancel(event: TidingsEvent | string): Promise<boolean> {
    const connection = this.#connection.open
    if (!this.capabilities.cancel || !connection.cancel) throw this.#cannot('cancel', 'bus.cancel')
    return connection.cancel(typeof event === 'string' ? event : event.id)
  }

  async health(): Promise<Health> {
    const overall =
      this.#status === 'ok' && this.#connection.state !== 'connected' ? this.#connection.state : this.#status
    const { clock, stalledAfter } = this.#settings
    return healthOfBus(overall, this.#connection.state, this.groups, (status) =>
      this.#subscriptions.groups.map((group) => healthOf(group, clock.now(), stalledAfter, status)),
    )
  }

  async idle(options: IdleOptions = {}): Promise<void> {
    knownOptions(options, ['timeout'], 'idle')
    const { timeout } = options
    if (!this.capabilities.waiting) throw this.#cannot('waiting', 'bus.idle')
    const watched = {
      clock: this.#settings.clock,
      closing: this.#ended.signal,
      groups: () => this.#subscriptions.all,
      isSettled: () => this.#publisher.isSettled,
    }
    await untilIdle(watched, timeout === undefined ? Infinity : milliseconds(timeout, 'timeout'))
  }

  describe(): Description {
    const { transport, middleware } = this.#settings
    return describe({
      source: this.source,
      transport,
      middleware,
      known: this.#events.types(),
      groups: this.#subscriptions.groups,
      status: this.#status,
      full: this.groups.fullNow(),
    })
  }

  close(options: CloseOptions = {}): Promise<void> {
    try {
      knownOptions(options, ['timeout'], 'close')
      return (this.#closing ??= this.#close(milliseconds(options.timeout ?? '30s', 'timeout')))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(timeout: number): Promise<void> {
    this.#status = 'closing'
    this.#leftBehind.unwatch()
    this.#publisher.close()
    this.#letters.close()
    for (const stream of this.#streams) stream.finish()
    let cancel: (() => void) | undefined
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#settings.clock.after(timeout, resolve)
    })
    const drained = async (): Promise<void> => {
      await this.#subscriptions.drain()
      await this.#publisher.settled()
    }
    const failed = (error: unknown): void => this.#log.warn('the bus could not drain', { error })
    await Promise.race([drained().catch(failed), deadline])
    cancel?.()
    this.#requests.close()
    this.#subscriptions.abandon()
    this.#leftBehind.say(this.#subscriptions.all)
    await this.#connection.close()
    this.#status = 'closed'
    this.#ended.abort(new BusClosedError('waiting until it is idle'))
  }

  #ask(definition: unknown, input: unknown, options: object, cause?: TidingsEvent): Promise<TidingsEvent> {
    const open = (request: string): Connection => {
      if (this.#closing && cause === undefined) throw new BusClosedError(request)
      if (!this.capabilities.temporaryGroups) throw this.#cannot('temporaryGroups', request)
      return this.#connection.open
    }
    return this.#requests.ask(open, definition, input, options, cause)
  }

  #bind(bound: AnyHandler, signal: AbortSignal | undefined, isPulled?: boolean): BusSubscription {
    if (this.#closing) throw new BusClosedError(`subscribing ${bound.name}`)
    checkCapabilities(this.#settings, [bound], isPulled)
    return this.#subscriptions.bind(this.#current.around(bound), signal, isPulled)
  }

  #cannot(capability: string, wantedBy: string): CapabilityMissingError {
    return new CapabilityMissingError(this.#settings.transport.name, [{ capability, wantedBy }])
  }
}
