import { EventStormError, isTidingsError, milliseconds, TidingsError } from '@tidings/core'
import { invalidArgument, knownOptions, shown } from '@tidings/core/tools'
import {
  type AnyDefinedEvent,
  causedBy,
  type CreateOptions,
  encodeEvent,
  isEvent,
  type TidingsEvent,
} from '@tidings/events'
import { type Clock, systemClock } from '../clock.ts'
import type { PublishRequest } from '../delivery/runtime.ts'
import {
  BusClosedError,
  CapabilityMissingError,
  MessageTooLargeError,
  NoRoomError,
  OutcomeUnknownError,
  PublishTimeoutError,
} from '../errors.ts'
import type { Message } from '../message/message.ts'
import type { KnownEvents } from '../message/read.ts'
import type { Middleware } from '../middleware.ts'
import type { Telling } from '../observer.ts'
import { oversize } from '../transport/message-size.ts'
import type { Outgoing, Transport } from '../transport/transport.ts'
import type { PublishOptions } from '../handler/publish-options.ts'
import type { BusConnection } from './bus-connection.ts'
import { Patience } from './patience.ts'

const noHeaders: Message['headers'] = Object.freeze({})

interface PublisherOptions {
  readonly source: string
  readonly transport: Transport
  readonly connection: BusConnection
  readonly clock: Clock
  readonly events: KnownEvents
  readonly maxDepth: number
  readonly timeout: number
  readonly middleware: readonly Middleware[]
  readonly telling: Telling
  /** Names of the extensions that effects inherit from their cause. */
  readonly carry: readonly string[]
}

/** The way out: event, envelope, middleware, transport. */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #senders: readonly NonNullable<Middleware['publish']>[]
  #underWay = 0
  /** Publishes that nobody's handler waits for. */
  readonly #waiting = new Set<Patience>()
  #whenSettled: (() => void)[] = []
  #closed = false

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#senders = options.middleware.flatMap((each) => (each.publish ? [each.publish.bind(each)] : []))
  }

  /** No async function: what one keeps for its awaits takes as much memory, at each event, as the event itself. */
  publish(
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    request: PublishRequest = {},
  ): Promise<TidingsEvent> {
    try {
      checkPublished(what)
      if (options !== undefined) knownOptions(options, optionNames, 'publish')
      const event = this.#event(what, input, options, request.cause)
      if (this.#closed && request.cause === undefined) throw new BusClosedError(`publishing "${event.type}"`)
      this.#checkDepth(event)
      const outgoing = this.#outgoing(event, options, request)
      options?.signal?.throwIfAborted()
      return this.#confirmed(event, outgoing, options, request.cause !== undefined)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Makes what goes out with a settlement: created, validated, encoded, and through the middleware. Resolves when it has
   * been handed to `collect`.
   */
  effect(
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    request: PublishRequest,
    collect: (event: TidingsEvent, outgoing: Outgoing) => void,
  ): Promise<TidingsEvent> {
    try {
      checkPublished(what)
      if (options !== undefined) knownOptions(options, optionNames, 'publish')
      const event = this.#event(what, input, options, request.cause)
      this.#checkDepth(event)
      const outgoing = this.#outgoing(event, options, request)
      options?.signal?.throwIfAborted()
      const prepared = this.#through(outgoing, (message) => {
        this.#checkSize(event, message)
        collect(event, message === outgoing.message ? outgoing : { ...outgoing, message })
      })
      return prepared === undefined ? Promise.resolve(event) : prepared.then(() => event)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A message as the middleware makes it, which is not sent. */
  async wrap(message: Message): Promise<Message> {
    let last = message
    await this.#through({ message }, (made) => {
      last = made
    })
    return last
  }

  /** From now on only effects of handlers that still run are published; what waits for room is refused at once. */
  close(): void {
    this.#closed = true
    for (const patience of this.#waiting) patience.giveUp(new BusClosedError('a publish that waits for the broker'))
  }

  /** Hands a message through the middleware to `last`. */
  #through(outgoing: Outgoing, last: (message: Message) => void | Promise<void>): void | Promise<void> {
    if (this.#senders.length === 0) return last(outgoing.message)
    const pass = async (at: number, message: Message): Promise<void> => {
      const sender = this.#senders[at]
      if (sender) await sender(message, (next) => pass(at + 1, next))
      else await last(message)
    }
    return pass(0, outgoing.message)
  }

  /** Found out here rather than when the attempt is settled, so that its handler is told. */
  #checkSize({ type }: TidingsEvent, message: Message): void {
    const { maxMessageSize } = this.#options.transport.capabilities
    const size = oversize(message, maxMessageSize)
    if (size !== undefined) throw new MessageTooLargeError(type, size, maxMessageSize)
  }

  get isSettled(): boolean {
    return this.#underWay === 0
  }

  /** Resolves when no publish is under way. */
  settled(): Promise<void> {
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenSettled.push(resolve))
  }

  #event(
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    cause: TidingsEvent | undefined,
  ): TidingsEvent {
    if (isEvent(what)) return what
    // What else it may be has been refused.
    const definition = what as AnyDefinedEvent
    this.#options.events.add(definition)
    const { source, clock } = this.#options
    // Only where the time is not the machine's: reading it costs a little each time.
    const stamp = clock === systemClock ? { source } : { source, time: clock.now() }
    const chosen = cause === undefined ? stamp : { ...stamp, ...causedBy(cause) }
    const given = options === undefined ? chosen : { ...chosen, ...definedOnly(options) }
    return definition.create(input as never, cause === undefined ? given : this.#carrying(cause, given))
  }

  /** With the extensions that effects inherit, under those that they are given. */
  #carrying(cause: TidingsEvent, options: CreateOptions): CreateOptions {
    const { carry } = this.#options
    const { extensions } = cause
    if (carry.length === 0 || extensions === undefined) return options
    const carried = carry.flatMap((name) => (extensions[name] === undefined ? [] : [[name, extensions[name]] as const]))
    if (carried.length === 0) return options
    return { ...options, extensions: { ...Object.fromEntries(carried), ...options.extensions } }
  }

  #checkDepth({ type, causationDepth }: TidingsEvent): void {
    const { maxDepth } = this.#options
    if (causationDepth <= maxDepth) return
    throw new EventStormError(
      `an event "${type}" is refused: ${causationDepth} events led to it, each caused by the one before\n` +
        'Find the cycle by their correlation id, or raise `maxDepth` of createBus.',
      [type],
    )
  }

  #due(event: TidingsEvent, delay: NonNullable<PublishOptions['delay']>): number {
    const { transport, clock } = this.#options
    if (!transport.capabilities.delay) {
      throw new CapabilityMissingError(transport.name, [
        { capability: 'delay', wantedBy: `publishing "${event.type}" with a delay` },
      ])
    }
    return after(clock, delay, 'delay')
  }

  #outgoing(event: TidingsEvent, options: PublishOptions | undefined, request: PublishRequest): Outgoing {
    const { clock } = this.#options
    const { attributes, contentType, body } = encodeEvent(event)
    return {
      message: {
        attributes:
          options?.expires === undefined
            ? attributes
            : { ...attributes, expirytime: new Date(after(clock, options.expires, 'expires')).toISOString() },
        contentType,
        body,
        headers: request.headers ?? noHeaders,
      },
      group: request.group,
      notBefore: options?.delay === undefined ? undefined : this.#due(event, options.delay),
    }
  }

  /** Hands it to the broker, and waits for it no longer than the options say. */
  #confirmed(
    event: TidingsEvent,
    outgoing: Outgoing,
    options: PublishOptions | undefined,
    isEffect: boolean,
  ): Promise<TidingsEvent> {
    const { clock, timeout: usual } = this.#options
    const timeout = options?.timeout === undefined ? usual : milliseconds(options.timeout, 'timeout')
    const patience = new Patience(clock, timeout, options?.signal)
    try {
      const connection = this.#options.connection.open
      const sending =
        this.#senders.length === 0
          ? connection.publish(outgoing, patience)
          : this.#through(outgoing, (message) => connection.publish({ ...outgoing, message }, patience))
      if (sending !== undefined) return this.#awaited(sending, event, outgoing, patience, isEffect)
      this.#succeeded(event, patience)
    } catch (error) {
      this.#failed(error, event, outgoing, patience)
    }
    return Promise.resolve(event)
  }

  async #awaited(
    sending: Promise<void>,
    event: TidingsEvent,
    outgoing: Outgoing,
    patience: Patience,
    isEffect: boolean,
  ): Promise<TidingsEvent> {
    this.#underWay++
    if (!isEffect) this.#waiting.add(patience)
    try {
      await sending
      this.#succeeded(event, patience)
    } catch (error) {
      this.#failed(error, event, outgoing, patience)
    } finally {
      this.#waiting.delete(patience)
      if (--this.#underWay === 0) for (const resolve of this.#whenSettled.splice(0)) resolve()
    }
    return event
  }

  #succeeded(event: TidingsEvent, patience: Patience): void {
    patience.end()
    this.#options.telling.published(event)
  }

  /** Throws, but for a reply whose requester is gone: it concerns nobody any more, least of all the handler that gives it. */
  #failed(error: unknown, event: TidingsEvent, { message, group }: Outgoing, patience: Patience): void {
    patience.end()
    if (error instanceof OutcomeUnknownError) error.event = event
    const noRoom = isTidingsError(error, 'NO_ROOM') ? (error as NoRoomError) : undefined
    const reason = noRoom === undefined ? error : noRoom.cause
    if (patience.isOver(reason)) throw new PublishTimeoutError(event.type, patience.timeout, noRoom)
    // Its own signal, or the end of the bus: what the caller said counts, not what it waited for.
    if (noRoom !== undefined) throw reason
    if (group === undefined || !isTidingsError(error, 'UNKNOWN_GROUP')) throw error
    this.#options.telling.unroutable(message)
  }
}

/** Before its options are looked at: for what is no event the last argument may be its data. */
function checkPublished(what: unknown): void {
  if (isEvent(what) || typeof (what as Partial<AnyDefinedEvent> | undefined)?.create === 'function') return
  throw new TidingsError(
    'INVALID_ARGUMENT',
    `publish takes an event definition or an event, received ${shown(what)}\nMake one with defineEvent: a bus needs a schema to send by.`,
  )
}

const ours = new Set(['delay', 'expires', 'timeout', 'signal', 'immediate'])
/** What `publish` takes. */
export const optionNames: readonly string[] = [
  ...ours,
  'id',
  'time',
  'source',
  'subject',
  'sequence',
  'correlationId',
  'causationId',
  'causationDepth',
  'extensions',
  'validated',
]
/** The last moment that a `Date` can tell. */
const endOfTime = 8.64e15

/** The options that are the event's, without those that are undefined: these leave a default as it is. */
function definedOnly(options: PublishOptions): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => !ours.has(name) && value !== undefined))
}

/** Milliseconds since 1970. */
function after(clock: Clock, duration: NonNullable<PublishOptions['delay']>, option: string): number {
  const moment = clock.now() + milliseconds(duration, option)
  if (moment <= endOfTime) return moment
  throw invalidArgument(option, 'a time that ends', duration, 'Leave it out for none, or give at most some years.')
}
