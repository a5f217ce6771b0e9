import { milliseconds } from '@tidings/core'
import { type Inbox, invalidArgument, knownOptions } from '@tidings/core/tools'
import {
  type AnyDefinedEvent,
  type DefinedEvent,
  type InputOf,
  type StandardSchema,
  type TidingsEvent,
} from '@tidings/events'
import type { Clock } from '../clock.ts'
import { KeptDeadLetters } from '../replay/kept-dead-letters.ts'
import type { DeadLetters } from '../replay/dead-letters.ts'
import { Claims } from '../dead-letter/claims.ts'
import type { DeadLetterStore } from '../dead-letter/store.ts'
import type { Runtime } from '../delivery/runtime.ts'
import { BusClosedError, CapabilityMissingError } from '../errors.ts'
import type { HandlerContext, HandlerLog } from '../handler/context.ts'
import { type AnyHandler, type EventFor, handler, type HandlerKey } from '../handler/handler.ts'
import { KnownEvents } from '../message/read.ts'
import type { Middleware } from '../middleware.ts'
import { type Observer, Telling } from '../observer.ts'
import type { Capabilities } from '../transport/capabilities.ts'
import { replyGroupName } from '../transport/group-name.ts'
import type { ConnectOptions, Transport } from '../transport/transport.ts'
import { BusConnection } from './bus-connection.ts'
import { describe } from './describe.ts'
import type { PublishOptions } from '../handler/publish-options.ts'
import { Publisher } from './publisher.ts'
import { pull } from './pull-stream.ts'
import { Requests } from './requests.ts'
import { safeLog } from './safe-log.ts'
import { checkCapabilities } from './start-up.ts'
import { Subscriptions } from './subscriptions.ts'
import type {
  Bus,
  BusSubscription,
  CloseOptions,
  Description,
  Health,
  HealthStatus,
  PullOptions,
  RequestOptions,
  SubscribeOptions,
} from './types.ts'

/** The options of a bus with their defaults; durations in milliseconds. */
export interface BusSettings {
  readonly source: string
  readonly transport: Transport
  readonly clock: Clock
  readonly random: () => number
  readonly log: HandlerLog
  readonly observers: readonly Observer[]
  readonly middleware: readonly Middleware[]
  readonly inbox: Inbox | undefined
  readonly deadLetters: DeadLetterStore | undefined
  readonly definitions: readonly AnyDefinedEvent[]
  readonly maxDepth: number
  readonly connectTimeout: number
  readonly publishTimeout: number
  readonly stalledAfter: number
}

/** The one implementation of a bus: wires what goes out, what comes in, and the end. */
export class RunningBus implements Bus {
  readonly source: string
  readonly capabilities: Capabilities
  readonly deadLetters: DeadLetters
  readonly #settings: BusSettings
  readonly #runtime: Runtime
  readonly #log: HandlerLog
  readonly #telling: Telling
  readonly #publisher: Publisher
  readonly #letters: KeptDeadLetters
  readonly #requests: Requests
  readonly #events = new KnownEvents()
  readonly #subscriptions: Subscriptions
  readonly #streams = new Set<{ finish(): void }>()
  readonly #connection: BusConnection
  #status: HealthStatus = 'starting'
  #closing: Promise<void> | undefined

  constructor(settings: BusSettings) {
    const { source, transport, clock, random, observers, middleware, maxDepth, publishTimeout } = settings
    const log = safeLog(settings.log)
    this.#log = log
    this.#settings = settings
    this.#telling = new Telling(observers, log)
    this.source = source
    this.capabilities = transport.capabilities
    for (const definition of settings.definitions) this.#events.add(definition)
    const onState: ConnectOptions['onState'] = (state, error) => this.#telling.connection(state, error)
    const onUnroutable: ConnectOptions['onUnroutable'] = (message) => this.#telling.unroutable(message)
    this.#connection = new BusConnection(transport, { name: source, clock, onState, onUnroutable }, log)
    this.#publisher = new Publisher({
      source,
      transport,
      clock,
      events: this.#events,
      maxDepth,
      timeout: publishTimeout,
      middleware,
      telling: this.#telling,
    })
    const deadLetters = (): DeadLetterStore | undefined => settings.deadLetters ?? this.#connection.current?.deadLetters
    const inbox = (): Inbox | undefined => settings.inbox ?? this.#connection.current?.inbox
    this.#runtime = {
      clock,
      random,
      log,
      events: this.#events,
      maxDepth,
      claims: new Claims(),
      capabilities: transport.capabilities,
      get deadLetters() {
        return deadLetters()
      },
      get inbox() {
        return inbox()
      },
      receivers: middleware.flatMap((each) => (each.receive ? [each.receive.bind(each)] : [])),
      telling: this.#telling,
      send: (outgoing) => this.#connection.current!.publish(outgoing),
      publish: (cause, what, input, options, headers, group) =>
        this.#publisher.publish(what, input, options, { cause, headers, group }),
    }
    this.#subscriptions = new Subscriptions(source, this.#runtime)
    this.#requests = new Requests(this.#runtime, replyGroupName(source))
    this.deadLetters = this.#letters = new KeptDeadLetters(this.#runtime, source, transport.name, (letter) =>
      this.#subscriptions.definitionOf(letter),
    )
  }

  async start(handlers: readonly AnyHandler[]): Promise<void> {
    for (const each of handlers) this.#subscriptions.add(each)
    await this.#connection.open(this.#settings.connectTimeout, async (connection, signal) => {
      this.#publisher.connection = connection
      this.#subscriptions.connection = connection
      await this.#subscriptions.join(signal)
    })
    this.#status = 'ok'
  }

  publish(what: unknown, input?: unknown, options?: PublishOptions): Promise<never> {
    const hasInput = typeof (what as { create?: unknown } | null)?.create === 'function'
    const published = this.#publisher.publish(
      what,
      hasInput ? input : undefined,
      hasInput ? options : (input as PublishOptions | undefined),
    )
    // What `Publish` says of the event, the publisher cannot.
    return published as Promise<never>
  }

  request<Type extends string, Schema extends StandardSchema, Reply extends TidingsEvent = TidingsEvent>(
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
    options: RequestOptions<Reply> = {},
  ): Promise<Reply> {
    if (typeof (definition as Partial<typeof definition> | undefined)?.create !== 'function') {
      const fix = 'Make one with defineEvent: each request is an event of its own.'
      return Promise.reject(invalidArgument('definition', 'an event definition', definition, fix))
    }
    if (this.#closing) return Promise.reject(new BusClosedError(`the request "${definition.type}"`))
    if (!this.capabilities.temporaryGroups) {
      const wantedBy = `the request "${definition.type}"`
      return Promise.reject(this.#cannot('temporaryGroups', wantedBy))
    }
    return this.#requests.ask(this.#connection.current!, definition, input, options)
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
    options: PullOptions,
  ): AsyncIterableIterator<EventFor<Key>, undefined> {
    return pull(key, options, this.#streams, (bound, signal) => this.#bind(bound, signal, true))
  }

  async cancel(event: TidingsEvent | string): Promise<boolean> {
    const connection = this.#connection.current!
    if (!this.capabilities.cancel || !connection.cancel) throw this.#cannot('cancel', 'bus.cancel')
    return connection.cancel(typeof event === 'string' ? event : event.id)
  }

  async health(): Promise<Health> {
    const overall =
      this.#status === 'ok' && this.#connection.state !== 'connected' ? this.#connection.state : this.#status
    const groups = await Promise.all(
      this.#subscriptions.groups.map((group) => group.health(this.#settings.stalledAfter, overall)),
    )
    const status = groups.find((group) => group.status !== 'ok')?.status ?? overall
    return { status, connection: this.#connection.state, groups }
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
    await Promise.race([drained().catch((error: unknown) => this.#warn('the bus could not drain', error)), deadline])
    cancel?.()
    this.#requests.close()
    this.#subscriptions.abandon()
    await this.#connection.close()
    this.#status = 'closed'
  }

  #bind(bound: AnyHandler, signal: AbortSignal | undefined, isPulled?: boolean): BusSubscription {
    if (this.#closing) throw new BusClosedError(`subscribing ${bound.name}`)
    checkCapabilities(this.#settings, [bound], isPulled)
    return this.#subscriptions.bind(bound, signal, isPulled)
  }

  #cannot(capability: string, wantedBy: string): CapabilityMissingError {
    return new CapabilityMissingError(this.#settings.transport.name, [{ capability, wantedBy }])
  }

  #warn(message: string, error: unknown): void {
    this.#log.warn(message, { error })
  }
}
