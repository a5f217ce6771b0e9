import type { TidingsEvent } from '@tidings/events'
import type { Recorder, RecordWrite } from '../recorder/recorder.ts'
import { type Projection, ProjectionError } from './projection.ts'

/** An event as a projection sees it. */
export interface ProjectedEvent {
  readonly event: TidingsEvent
  readonly stream: string
}

/** Characters of states that are held in memory, so that they need not be read again. */
const mostHeld = 10_000_000

/** The states of one build of a projection, as records. */
export class States<State> {
  readonly projection: Projection<State>
  readonly #recorder: Recorder
  /** What the keys of its records begin with. */
  readonly prefix: string
  /** What was written last, by its key, as long as nobody else can have written: see {@link written}. */
  readonly #held = new Map<string, string>()
  #size = 0

  constructor(recorder: Recorder, projection: Projection<State>, prefix: string) {
    this.#recorder = recorder
    this.projection = projection
    this.prefix = `${prefix}/state/`
  }

  async get(key: string): Promise<State | undefined> {
    const record = await this.#recorder.readRecord(this.prefix + key)
    return record && (JSON.parse(record.value) as State)
  }

  /**
   * What is to be written when these events are counted. With `guarded`, each write expects the state that was read, for
   * when nothing else keeps others from writing meanwhile.
   *
   * @throws ProjectionError when the projection throws; its `index` is that of the event
   */
  async fold(events: readonly ProjectedEvent[], guarded = false): Promise<RecordWrite[]> {
    const { projection } = this
    const states = new Map<string, { state: State; readonly revision: number }>()
    for (const [index, { event, stream }] of events.entries()) {
      try {
        const key = projection.key === undefined ? '' : projection.key(event, { stream })
        if (key === undefined) continue
        const held = states.get(key) ?? (await this.#read(key, guarded))
        states.set(key, held)
        held.state = projection.evolve(held.state, event, { stream })
      } catch (error) {
        throw new FoldError(index, new ProjectionError(projection.name, event, stream, error))
      }
    }
    return [...states].map(([key, { state, revision }]) => {
      const write = { key: this.prefix + key, value: JSON.stringify(state) }
      return guarded ? { ...write, expected: revision } : write
    })
  }

  /** To be told what was written where nobody else writes, so that it needs not be read again. */
  written(records: readonly RecordWrite[]): void {
    for (const { key, value = '' } of records) {
      this.#size += value.length - (this.#held.get(key)?.length ?? 0)
      // Behind the others: what was not written for long goes first.
      this.#held.delete(key)
      this.#held.set(key, value)
    }
    for (const [key, value] of this.#held) {
      if (this.#size <= mostHeld) break
      this.#held.delete(key)
      this.#size -= value.length
    }
  }

  /** To be told where it is not known what was written. */
  forget(): void {
    this.#held.clear()
    this.#size = 0
  }

  async #read(key: string, guarded: boolean): Promise<{ state: State; readonly revision: number }> {
    const held = guarded ? undefined : this.#held.get(this.prefix + key)
    // From its text, as it is behind a restart.
    if (held !== undefined) return { state: JSON.parse(held) as State, revision: 0 }
    const record = await this.#recorder.readRecord(this.prefix + key)
    if (record === undefined) return { state: this.projection.initial(), revision: 0 }
    return { state: JSON.parse(record.value) as State, revision: record.revision }
  }
}

/** Which of the events could not be counted, and why. */
export class FoldError extends Error {
  readonly index: number
  readonly error: ProjectionError

  constructor(index: number, error: ProjectionError) {
    super(error.message, { cause: error })
    this.index = index
    this.error = error
  }
}
