import type { Clock, PublishOptions } from '@tidings/bus'
import { milliseconds } from '@tidings/core'
import { invalidArgument, knownOptions } from '@tidings/core/tools'
import { type AnyDefinedEvent, causedBy, encodeEvent, isEvent, type TidingsEvent } from '@tidings/events'

/** Makes and checks what a handler publishes, as a bus does, and keeps it. */
export class RecordedEffects {
  readonly published: TidingsEvent[] = []
  readonly replied: TidingsEvent[] = []
  readonly #cause: TidingsEvent | undefined
  readonly #source: string
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #options = new WeakMap<TidingsEvent, PublishOptions>()

  constructor(cause: TidingsEvent | undefined, source: string, clock: Clock, signal: AbortSignal) {
    this.#cause = cause
    this.#source = source
    this.#clock = clock
    this.#signal = signal
  }

  /** Both forms: a definition and its input, or an event made before. */
  async publish(what: unknown, input: unknown, options: PublishOptions = {}): Promise<TidingsEvent> {
    this.#signal.throwIfAborted()
    const given = isEvent(what) ? ((input ?? {}) as PublishOptions) : options
    knownOptions(given, Object.keys(publishOptions), 'publish')
    const { delay, expires, timeout, signal, ...creation } = given
    for (const [option, duration] of Object.entries({ delay, expires, timeout })) {
      if (duration !== undefined) milliseconds(duration, option)
    }
    const event = this.#event(what, input, creation)
    signal?.throwIfAborted()
    this.published.push(event)
    this.#options.set(event, given)
    return event
  }

  async reply(definition: unknown, input: unknown): Promise<void> {
    this.replied.push(this.#event(definition, input, {}))
  }

  /** Takes back what was published with a delay, as far as it is here. */
  cancel(event: TidingsEvent | string): boolean {
    const id = typeof event === 'string' ? event : event.id
    const at = this.published.findIndex((each) => each.id === id && this.optionsOf(each).delay !== undefined)
    if (at >= 0) this.published.splice(at, 1)
    return at >= 0
  }

  optionsOf(event: TidingsEvent): PublishOptions {
    return this.#options.get(event) ?? {}
  }

  #event(what: unknown, input: unknown, creation: object): TidingsEvent {
    const event = isEvent(what) ? what : this.#created(what, input, creation)
    // A bus writes it for its transport at once, and refuses what cannot be written.
    encodeEvent(event)
    return event
  }

  #created(what: unknown, input: unknown, creation: object): TidingsEvent {
    const definition = what as AnyDefinedEvent | null | undefined
    if (typeof definition?.create !== 'function') {
      throw invalidArgument('definition', 'an event definition or an event', what, 'Make one with defineEvent.')
    }
    const stamp = { source: this.#source, time: this.#clock.now() }
    const caused = this.#cause === undefined ? {} : causedBy(this.#cause)
    // What the overloads say of the types, they say to the caller.
    return definition.create(input as never, { ...stamp, ...caused, ...definedOnly(creation) })
  }
}

const publishOptions = {
  delay: true,
  expires: true,
  timeout: true,
  signal: true,
  id: true,
  time: true,
  source: true,
  subject: true,
  sequence: true,
  correlationId: true,
  causationId: true,
  causationDepth: true,
  extensions: true,
  validated: true,
  immediate: true,
} satisfies Record<keyof PublishOptions, true>

/** An option that is undefined leaves its default as it is. */
function definedOnly(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
