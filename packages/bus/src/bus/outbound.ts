import { EventStormError, milliseconds, TidingsError } from '@tidings/core'
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
import { CapabilityMissingError } from '../errors.ts'
import type { PublishOptions } from '../handler/publish-options.ts'
import type { Message } from '../message/message.ts'
import type { KnownEvents } from '../message/read.ts'
import type { Outgoing, Transport } from '../transport/transport.ts'

const noHeaders: Message['headers'] = Object.freeze({})

export interface OutboundOptions {
  readonly source: string
  readonly transport: Transport
  readonly clock: Clock
  readonly events: KnownEvents
  readonly maxDepth: number
  /** Names of the extensions that effects inherit from their cause. */
  readonly carry: readonly string[]
}

/** An event, and the message that it is on its way out. */
export interface Outbound {
  readonly event: TidingsEvent
  readonly outgoing: Outgoing
}

/** Makes what goes out of the arguments of `publish`: created, validated, checked for storms, encoded. */
export class OutboundMaker {
  readonly #options: OutboundOptions

  constructor(options: OutboundOptions) {
    this.#options = options
  }

  /** @throws TidingsError for what is no event, an option that there is not, or an event that does not fit */
  make(what: unknown, input: unknown, options: PublishOptions | undefined, request: PublishRequest): Outbound {
    checkPublished(what)
    if (options !== undefined) knownOptions(options, optionNames, 'publish')
    const event = this.#event(what, input, options, request.cause)
    this.#checkDepth(event)
    const outgoing = this.#outgoing(event, options, request)
    options?.signal?.throwIfAborted()
    return { event, outgoing }
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
