import type { TidingsEvent } from '@tidings/events'
import type { Recorder, RecordWrite } from '../recorder/recorder.ts'
import { type Projection, ProjectionError } from './projection.ts'

/** An event as a projection sees it. */
export interface ProjectedEvent {
  readonly event: TidingsEvent
  readonly stream: string
}

/** The states of one build of a projection, as records. */
export class States<State> {
  readonly projection: Projection<State>
  readonly #recorder: Recorder
  /** What the keys of its records begin with. */
  readonly prefix: string

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
        const held = states.get(key) ?? (await this.#read(key))
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

  async #read(key: string): Promise<{ state: State; readonly revision: number }> {
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
