import { TidingsError } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import type { AnyDefinedEvent, EventOf } from '@tidings/events'
import { nameOf } from '../store/checks.ts'

/** Where an event stands, for a projection. */
export interface ProjectedPlace {
  readonly stream: string
}

/**
 * A state that is computed from the log, or several by key.
 *
 * @typeParam State - a JSON value: it is kept as JSON text
 */
export interface Projection<
  State = unknown,
  Definitions extends readonly AnyDefinedEvent[] = readonly AnyDefinedEvent[],
> {
  readonly name: string
  /** Of what it computes and of the form of its state. A new one is built beside the old one. Default 1. */
  readonly version?: number | undefined
  /** The events that it is made of; the others it does not see. */
  readonly on: Definitions
  /** The state before the first event. */
  initial(): State
  /**
   * The state behind one more event. It may change the state that it gets. It reads and writes nothing else: so each event
   * counts once, whatever crashes.
   */
  evolve(state: State, event: EventOf<Definitions[number]>, place: ProjectedPlace): State
  /** Which of its states an event belongs to; `undefined` for none. Left out, it has one state. */
  key?(event: EventOf<Definitions[number]>, place: ProjectedPlace): string | undefined
  /**
   * The state of what two parts of the streams come to, for a projection that is computed in parts and has keys with events
   * of several streams. Left out, a key is in one part, or is refused when it is read.
   */
  merge?(left: State, right: State): State
}

/**
 * A projection, typed by its events.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 *
 * @example
 * const sold = defineProjection('sold', {
 *   on: [OrderPlaced],
 *   key: ({ data }) => data.item,
 *   initial: () => 0,
 *   evolve: (count, { data }) => count + data.quantity,
 * })
 */
export function defineProjection<State, const Definitions extends readonly AnyDefinedEvent[]>(
  name: string,
  projection: Omit<Projection<State, Definitions>, 'name'>,
): Projection<State, Definitions> {
  knownOptions(projection, ['version', 'on', 'initial', 'evolve', 'key', 'merge'], 'defineProjection')
  const { version = 1, on } = projection
  for (const part of ['initial', 'evolve'] as const) functionOption(projection[part], part)
  for (const part of ['key', 'merge'] as const) {
    if (projection[part] !== undefined) functionOption(projection[part], part)
  }
  if (!Array.isArray(on) || on.length === 0 || on.some((definition) => typeof definition?.type !== 'string')) {
    throw invalidArgument('on', 'an array of definitions', on, 'Name the events that it is made of: on: [OrderPlaced].')
  }
  return { ...projection, name: nameOf(name, 'name'), version: whole(version, 1, 'version') }
}

/** `evolve` or `key` of a projection threw. Its error is the `cause`. */
export class ProjectionError extends TidingsError<'PROJECTION_FAILED'> {
  override readonly name = 'ProjectionError'
  readonly projection: string

  constructor(
    projection: string,
    event: { readonly id: string; readonly type: string },
    stream: string,
    cause: unknown,
  ) {
    super(
      'PROJECTION_FAILED',
      `projection "${projection}" failed at event ${event.id} ("${event.type}") of stream "${stream}"\nMend it and start it again; or leave the event out with onFailure: 'skip'.`,
      { cause, details: { projection, id: event.id, type: event.type, stream } },
    )
    this.projection = projection
  }
}
