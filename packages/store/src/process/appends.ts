import type { TidingsEvent } from '@tidings/events'
import type { Decider } from '../decider/decider.ts'
import { type LoadOptions, loadStream } from '../decider/load.ts'
import { eventsOf, stamped } from '../decider/stamped.ts'
import { ConcurrencyError, StreamTombstonedError } from '../errors.ts'
import type { StreamAppend } from '../recorder/recorder.ts'
import { encodedEvents, nameOf } from '../store/checks.ts'
import type { EventStore } from '../store/event-store.ts'
import type { Cause } from './instance.ts'
import type { CommandTo, EventsFor, Refusal } from './process.ts'

/** A stream that events are gathered for. */
interface Gathered {
  /** The version that was read; `undefined` where nobody had to. */
  version: number | undefined
  readonly events: TidingsEvent[]
  readonly encoded: StreamAppend['events'][number][]
  /** The states behind these events. */
  readonly states: Map<CommandTo['decider'], unknown>
}

/** What commands and events come to: one append for each stream, whoever they are of. */
export class Appends {
  readonly #store: EventStore
  readonly #load: LoadOptions
  readonly #streams = new Map<string, Gathered>()
  readonly #seen = new Set<string>()

  constructor(store: EventStore, load: LoadOptions) {
    this.#store = store
    this.#load = load
  }

  /** In the order in which the streams were first needed. */
  get all(): StreamAppend[] {
    return [...this.#streams].map(([stream, { version, encoded }]) => {
      return { stream, expected: version ?? 'any', events: encoded }
    })
  }

  /** Whether a command was decided against what the stream had. */
  isRead(stream: string): boolean {
    return this.#streams.get(stream)?.version !== undefined
  }

  add({ stream, events }: EventsFor, cause: Cause): void {
    this.#gather(this.#at(stream), events, cause)
  }

  /**
   * Decides a command behind all that was gathered for its stream before. Answers why, where it is refused.
   *
   * @throws ConcurrencyError where somebody appended to the stream since another decider has read it
   */
  async decide(command: CommandTo, cause: Cause): Promise<Refusal | undefined> {
    const { decider, stream } = command
    const gathered = this.#streams.get(stream)
    let state = gathered?.states.get(decider)
    if (gathered?.states.has(decider) !== true) {
      const loaded = await loadStream(
        this.#store,
        decider as Decider<unknown, never, TidingsEvent>,
        nameOf(stream, 'stream'),
        this.#load,
      )
      if (loaded.tombstoned) return { ...command, error: new StreamTombstonedError(stream, loaded.version) }
      const version = gathered?.version ?? loaded.version
      if (loaded.version !== version) throw new ConcurrencyError(stream, version, loaded.version)
      state = (gathered?.events ?? []).reduce((last, event) => decider.evolve(last, event), loaded.state)
      const target = this.#at(stream)
      target.version = version
      target.states.set(decider, state)
    }
    let decided: readonly TidingsEvent[]
    try {
      decided = eventsOf(decider.decide(command.command, state))
    } catch (error) {
      return { ...command, error }
    }
    this.#gather(this.#at(stream), decided, cause)
    return undefined
  }

  #gather(target: Gathered, events: readonly TidingsEvent[], cause: Cause): void {
    const { events: catalog } = this.#store
    const made = events.map((event) => stamped(catalog, event, { cause }))
    target.encoded.push(...encodedEvents(made, catalog, this.#seen))
    target.events.push(...made)
    for (const [decider, state] of target.states) {
      target.states.set(
        decider,
        made.reduce((last, event) => decider.evolve(last, event), state),
      )
    }
  }

  #at(stream: string): Gathered {
    let gathered = this.#streams.get(nameOf(stream, 'stream'))
    if (gathered === undefined) {
      gathered = { version: undefined, events: [], encoded: [], states: new Map() }
      this.#streams.set(stream, gathered)
    }
    return gathered
  }
}
