import { backoff } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { Position } from '../position.ts'
import type { LoggedEvent, LogPage, Recorder, RecordWrite } from '../recorder/recorder.ts'
import { pageSize } from '../store/pages.ts'
import { recordedOf } from '../store/recorded.ts'
import type { EventStore } from '../store/event-store.ts'
import { Checkpoint } from '../subscription/checkpoint.ts'
import { type Failure, nowhere } from '../subscription/failure.ts'
import { follow, ToldError } from '../subscription/follow.ts'
import { Progress } from '../subscription/progress.ts'
import { FoldError, type ProjectedEvent, States } from './fold.ts'
import { type Projection, ProjectionError } from './projection.ts'

/** What is done where a projection throws. */
export interface BuildPolicy {
  readonly onFailure: 'stop' | 'skip'
  readonly failed: (failure: Failure) => void
}

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
    const prefix = prefixOf(projection, number)
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
      query: { types: on.map(({ type }) => type), limit: pageSize },
      signal: this.#stopping.signal,
      attempts: 5,
      wait,
      open: async () => (this.#checkpoint = await open()).position,
      handle: (page) => this.#count(page),
      failed: (error, attempt, next) =>
        this.#policy.failed({ ...nowhere, follower: name, error, attempt, next, position: this.progress.position }),
    })
  }

  async #count({ events, through, more }: LogPage): Promise<void> {
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
      await this.#checkpoint.keep(through, await this.states.fold(this.#decoded(events)))
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

/** What the keys of all records of a build begin with. */
function prefixOf({ name, version = 1 }: Projection, build: number): string {
  return `projection/${JSON.stringify(name)}/${version}/${build}`
}

/** Removes all records of a build. */
export async function dropBuild(recorder: Recorder, projection: Projection, build: number): Promise<void> {
  const prefix = `${prefixOf(projection, build)}/`
  while (true) {
    const records = await recorder.listRecords({ prefix, limit: 500 })
    if (records.length === 0) return
    await recorder.commit({ records: records.map(({ key }): RecordWrite => ({ key, value: undefined })) })
  }
}
