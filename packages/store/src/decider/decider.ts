import { functionOption, invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'

/**
 * How commands become events, and events a state: three functions that read and write nothing, so that a test needs no
 * store.
 *
 * @typeParam State - what is true of a stream
 * @typeParam Command - what can be asked of it
 * @typeParam Event - what can have happened in it
 */
export interface Decider<State, Command, Event extends TidingsEvent> {
  /** The state before the first event; called for each reading of a stream. */
  initial(): State
  /** The state behind one more event. It may change the state that it gets, and must not fail: it has happened. */
  evolve(state: State, event: Event): State
  /** What happens by a command: one event, several, or none. Throws where the command is refused. */
  decide(command: Command, state: State): Event | readonly Event[]
  /** Keeps the state of long streams, so that only later events are read. Left out, nothing is kept. */
  readonly snapshot?: SnapshotOptions<State> | undefined
}

/** When a decider's state is kept, and how. */
export interface SnapshotOptions<State> {
  /** What tells its snapshots from those of other deciders on the same streams. */
  readonly name: string
  /** Of the form of the state. Raise it with `evolve`: a snapshot of another schema is as good as none. */
  readonly schema: string | number
  /** Events behind the latest snapshot after which a new one is made. Default 100. */
  readonly every?: number | undefined
  /** The state as a JSON value. Default as it is: then it must be one. */
  readonly encode?: ((state: State) => unknown) | undefined
  /** The state from its JSON value. Default as it is. */
  readonly decode?: ((value: unknown) => State) | undefined
}

/**
 * A decider, typed by its functions.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 *
 * @example
 * const order = defineDecider({
 *   initial: (): Order => ({ status: 'new' }),
 *   evolve: (state, event: OrderPlaced | OrderShipped): Order => …,
 *   decide: (command: Place | Ship, state) => …,
 * })
 */
export function defineDecider<State, Command, Event extends TidingsEvent>(
  decider: Decider<State, Command, Event>,
): Decider<State, Command, Event> {
  knownOptions(decider, ['initial', 'evolve', 'decide', 'snapshot'], 'defineDecider')
  for (const part of ['initial', 'evolve', 'decide'] as const) functionOption(decider[part], part)
  const { snapshot } = decider
  if (snapshot !== undefined) {
    knownOptions(snapshot, ['name', 'schema', 'every', 'encode', 'decode'], 'snapshot')
    if (typeof snapshot.name !== 'string' || snapshot.name === '') {
      throw invalidArgument('snapshot.name', 'a name', snapshot.name, "Name it after the decider: 'order'.")
    }
    if (typeof snapshot.schema !== 'string' && typeof snapshot.schema !== 'number') {
      throw invalidArgument('snapshot.schema', 'a number or a text', snapshot.schema, 'Begin with 1.')
    }
    whole(snapshot.every ?? 100, 1, 'snapshot.every')
  }
  return decider
}
