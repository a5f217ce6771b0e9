import type { Duration } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import type { AnyDefinedEvent, EventOf, TidingsEvent } from '@tidings/events'
import type { Decider } from '../decider/decider.ts'
import { nameOf } from '../store/checks.ts'
import type { Recorded } from '../store/event-store.ts'

/**
 * A process manager: what follows from events, from time that passes and from commands that are refused. It has an
 * instance for each key, with a state of its own. Its functions read and write nothing; what they bring about is data.
 *
 * @typeParam State - a JSON value: it is kept as JSON text
 */
export interface Process<State = unknown, Definitions extends readonly AnyDefinedEvent[] = readonly AnyDefinedEvent[]> {
  readonly name: string
  /** Of the form of the state. Raise it with a change, and give `upgrade`. Default 1. */
  readonly version?: number | undefined
  /** The events that it reacts to; the others it does not see. */
  readonly on: Definitions
  /**
   * Those of them that begin an instance where the key has none, never had one, or had one that ended; the others are
   * passed over then. Default all.
   */
  readonly begins?: readonly Definitions[number][] | undefined
  /** Whose an event is: the name of the instance; `undefined` for none. */
  key(event: EventOf<Definitions[number]>, place: Pick<Recorded, 'stream'>): string | undefined
  /** The state of a new instance. */
  initial(): State
  /** What follows from an event. `undefined` where nothing does. It may change the state that it gets. */
  react(state: State, event: EventOf<Definitions[number]>, context: EventContext): Reaction<State> | undefined
  /** What follows when a timeout is due. Must be there if timeouts are set. */
  timedOut?(state: State, timeout: string, context: ProcessContext): Reaction<State> | undefined
  /**
   * What follows when the decider of a command has thrown, or its stream was ended; the state has what the reaction
   * before made of it. Throws what is no refusal: then the whole reaction fails. Left out, every refusal is a failure.
   */
  refused?(state: State, refusal: Refusal, context: ProcessContext): Reaction<State> | undefined
  /** The state from one that was kept by an earlier version. */
  upgrade?(state: unknown, version: number): State
}

/** Where and when an instance reacts. */
export interface ProcessContext {
  /** Of the instance. */
  readonly key: string
  /** When it reacts. The process may be behind; see `recordedAt` for when an event was. */
  readonly now: Date
}

/** The place of the event that an instance reacts to. */
export interface EventContext extends ProcessContext, Omit<Recorded, 'event'> {}

/** What an instance brings about. All of it is written at once, with its state, or nothing. */
export interface Reaction<State = unknown> {
  /** The state from now on. Left out, the one that was given, with what was changed in it. */
  readonly state?: State | undefined
  /** Decided one after the other, in this order. Make each with {@link commandTo}. */
  readonly commands?: readonly CommandTo[] | undefined
  /** Appended to their streams whatever version these have, behind what the commands come to. */
  readonly events?: readonly EventsFor[] | undefined
  /**
   * By name: how long from now (milliseconds, or `'15m'`), or when. It takes the place of the one of this name that the
   * instance has. One that is due already fires as soon as the reaction is written.
   */
  readonly timeouts?: Readonly<Record<string, Duration | Date>> | undefined
  /** Names of timeouts that are taken back. Those that are not set are none of a problem. */
  readonly cancel?: readonly string[] | undefined
  /** The instance is over: its state and its timeouts are removed. */
  readonly ends?: boolean | undefined
}

/** A command, who decides it, and the stream that it is for. */
export interface CommandTo {
  readonly decider: Decider<unknown, unknown, TidingsEvent>
  readonly stream: string
  readonly command: unknown
}

/** Events for a stream. */
export interface EventsFor {
  readonly stream: string
  readonly events: readonly TidingsEvent[]
}

/** A command that was not accepted. Nothing of it was written. */
export interface Refusal extends CommandTo {
  /** What `decide` threw, or a `StreamTombstonedError`. */
  readonly error: unknown
}

/**
 * A command for a reaction, checked against its decider.
 *
 * @example
 * commandTo(order, 'order-42', { type: 'cancel', reason: 'not paid' })
 */
export function commandTo<State, Command, Event extends TidingsEvent>(
  decider: Decider<State, Command, Event>,
  stream: string,
  command: Command,
): CommandTo {
  // Only whoever made it gives it its own states and commands: those of others never meet it.
  return { decider: decider as unknown as CommandTo['decider'], stream, command }
}

/**
 * A process manager, typed by its events.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 *
 * @example
 * const fulfilment = defineProcess('fulfilment', {
 *   on: [OrderPlaced, PaymentTaken],
 *   begins: [OrderPlaced],
 *   key: ({ data }) => data.orderId,
 *   initial: () => ({}),
 *   react: (_, event, { key }) =>
 *     event.type === OrderPlaced.type
 *       ? { timeouts: { payment: '15m' } }
 *       : { commands: [commandTo(order, `order-${key}`, { type: 'ship' })], ends: true },
 *   timedOut: (_, timeout, { key }) => ({
 *     commands: [commandTo(order, `order-${key}`, { type: 'cancel', reason: 'not paid' })],
 *     ends: true,
 *   }),
 * })
 */
export function defineProcess<State, const Definitions extends readonly AnyDefinedEvent[]>(
  name: string,
  process: Omit<Process<State, Definitions>, 'name'>,
): Process<State, Definitions> {
  knownOptions(process, known, 'defineProcess')
  const { version = 1, on, begins, timedOut, refused, upgrade } = process
  for (const part of ['key', 'initial', 'react'] as const) functionOption(process[part], part)
  for (const [part, value] of Object.entries({ timedOut, refused, upgrade })) {
    if (value !== undefined) functionOption(value, part)
  }
  if (!isDefinitions(on)) {
    throw invalidArgument('on', 'an array of definitions', on, 'Name the events that it reacts to: on: [OrderPlaced].')
  }
  const types = new Set(on.map(({ type }) => type))
  if (begins !== undefined && !(isDefinitions(begins) && begins.every(({ type }) => types.has(type)))) {
    throw invalidArgument('begins', 'an array of definitions that `on` has too', begins, 'Add them to `on`.')
  }
  return { ...process, name: nameOf(name, 'name'), version: whole(version, 1, 'version') }
}

const known = ['version', 'on', 'begins', 'key', 'initial', 'react', 'timedOut', 'refused', 'upgrade']

function isDefinitions(value: unknown): value is readonly AnyDefinedEvent[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each?.type === 'string')
}
