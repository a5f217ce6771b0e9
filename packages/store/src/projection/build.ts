import { backoff } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { Position } from '../position.ts'
import type { LoggedEvent, LogPage, Recorder, RecordWrite } from '../recorder/recorder.ts'
import { recordedOf } from '../store/recorded.ts'
import type { EventStore } from '../store/event-store.ts'
import { Checkpoint } from '../subscription/checkpoint.ts'
import { type Failure, nowhere } from '../subscription/failure.ts'
import { follow, ToldError } from '../subscription/follow.ts'
import { Progress } from '../subscription/progress.ts'
import { FoldError, type ProjectedEvent, States } from './fold.ts'
import { buildPrefix, isIn, type ProjectionPart } from './part.ts'
import { type Projection, ProjectionError } from './projection.ts'

/** What is done where a projection throws. */
export interface BuildPolicy {
  readonly onFailure: 'stop' | 'skip'
  readonly failed: (failure: Failure) => void
  /** Only the events of these streams. */
  readonly part: ProjectionPart | undefined
}

/**
 * Events that are counted in one commit at most. States that come again in them are written once: on SQLite, 1,000 keys by
 * turns, an event takes 22 µs of CPU with 256, 15 µs with 1,000; of these decoding takes 9, and keeps the loop that long.
 */
const batch = 500

/** Behind a failure of the log. */
const wait = backoff({ delay: 100, max: 10_000, jitter: true })

/** One computation of a projection from the first event on, at work: states and checkpoint are written in one commit. */
export class Build<State> {
  readonly number: number
  readonly states: States<State>
  readonly progress: Progress
  readonly #store: EventStore
  #checkpoint: Checkpoint
  readonly #policy: BuildPolicy
  readonly #stopping = new AbortController()

  private constructor(
    store: EventStore,
    states: States<State>,
    number: number,
    checkpoint: Checkpoint,
    policy: BuildPolicy,
  ) {
    this.#store = store
    this.states = states
    this.number = number
    this.#checkpoint = checkpoint
    this.#policy = policy
    this.progress = new Progress(checkpoint.position)
  }

  /** Goes on where the build of this number has come to, or begins it. */
  static async start<State>(
    store: EventStore,
    projection: Projection<State>,
    number: number,
    policy: BuildPolicy,
  ): Promise<Build<State>> {
    const prefix = buildPrefix(projection, policy.part, number)
    const open = (): Promise<Checkpoint> => Checkpoint.open(store.recorder, `${prefix}/checkpoint`)
    const build = new Build(store, new States(store.recorder, projection, prefix), number, await open(), policy)
    void build.#follow(open).then(
      () => build.progress.end(),
      (error: unknown) => build.progress.end({ error }),
    )
    return build
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.progress.ended.catch(() => undefined)
  }

  #follow(open: () => Promise<Checkpoint>): Promise<void> {
    const { name, on } = this.states.projection
    return follow({
      recorder: this.#store.recorder,
      query: { types: on.map(({ type }) => type), limit: batch },
      signal: this.#stopping.signal,
      attempts: 5,
      wait,
      open: async () => {
        this.states.forget()
        return (this.#checkpoint = await open()).position
      },
      handle: (page) => this.#count(page),
      failed: (error, attempt, next) =>
        this.#policy.failed({ ...nowhere, follower: name, error, attempt, next, position: this.progress.position }),
    })
  }

  async #count({ events: all, through, more }: LogPage): Promise<void> {
    const { part } = this.#policy
    // Before they are decoded, which is the greater part of the work.
    const events = part === undefined ? all : all.filter(({ stream }) => isIn(part, stream))
    await this.#countAll(events, through)
    // What does not fit is not worth a write each time that it passes.
    if (events.length > 0 || through - this.#checkpoint.position >= 1000) await this.#checkpoint.keep(through)
    this.progress.advance(through, !more)
  }

  /** Counts these; where one fails, those before it, and then those behind it unless it is to stop there. */
  async #countAll(events: readonly LoggedEvent[], through: Position): Promise<void> {
    for (let rest = events; rest.length > 0;) {
      const failure = await this.#tryAll(rest, through)
      if (failure === undefined) return
      const { index, error } = failure
      if (index > 0) await this.#countAll(rest.slice(0, index), rest[index - 1]!.position)
      this.#tell(rest[index]!, error)
      rest = rest.slice(index + 1)
    }
  }

  /** Writes what all of them come to, or nothing, where it answers which one fails. */
  async #tryAll(events: readonly LoggedEvent[], through: Position): Promise<FoldError | undefined> {
    try {
      const records = await this.states.fold(this.#decoded(events))
      await this.#checkpoint.keep(through, records)
      this.states.written(records)
      return undefined
    } catch (error) {
      if (error instanceof FoldError) return error
      throw error
    }
  }

  #tell({ stream, version, position }: LoggedEvent, error: ProjectionError): void {
    const { onFailure: next, failed } = this.#policy
    const follower = this.states.projection.name
    failed({ follower, error, attempt: 1, next, stream, version, position, recorded: undefined })
    if (next === 'stop') throw new ToldError(error)
  }

  #decoded(events: readonly LoggedEvent[]): ProjectedEvent[] {
    return events.map((logged, index) => {
      try {
        return recordedOf<TidingsEvent>(logged, this.#store.events)
      } catch (error) {
        const { id, type } = logged.event.attributes
        const event = { id: String(id), type: String(type) }
        throw new FoldError(index, new ProjectionError(this.states.projection.name, event, logged.stream, error))
      }
    })
  }
}

/** Removes all records of a build. */
export async function dropBuild(
  recorder: Recorder,
  projection: Projection,
  part: ProjectionPart | undefined,
  build: number,
): Promise<void> {
  const prefix = `${buildPrefix(projection, part, build)}/`
  while (true) {
    const records = await recorder.listRecords({ prefix, limit: 500 })
    if (records.length === 0) return
    await recorder.commit({ records: records.map(({ key }): RecordWrite => ({ key, value: undefined })) })
  }
}
