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
import type { Projection } from './projection.ts'

/** What is done where a projection throws. */
export interface BuildPolicy {
  readonly onFailure: 'stop' | 'skip'
  failed(failure: Failure): void
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
    let rest = events
    while (rest.length > 0) {
      const failedAt = await this.#countAll(rest, through)
      if (failedAt === undefined) break
      rest = rest.slice(failedAt + 1)
    }
    // What does not fit is not worth a write each time that it passes.
    if (rest.length === 0 && (events.length > 0 || through - this.#checkpoint.position >= 1000)) {
      await this.#checkpoint.keep(through)
    }
    this.progress.advance(through, !more)
  }

  /** Counts all of these; where one fails, those before it, and answers its index unless it is to stop there. */
  async #countAll(events: readonly LoggedEvent[], through: Position): Promise<number | undefined> {
    let read: ProjectedEvent[] = []
    try {
      read = this.#decoded(events)
      await this.#checkpoint.keep(through, await this.states.fold(read))
      return undefined
    } catch (error) {
      if (!(error instanceof FoldError)) throw error
      const { index, error: failure } = error
      const before = events.slice(0, index)
      const last = before.at(-1)
      if (last !== undefined) await this.#checkpoint.keep(last.position, await this.states.fold(this.#decoded(before)))
      const { onFailure } = this.#policy
      const { stream, version, position } = events[index]!
      const { name } = this.states.projection
      this.#policy.failed({
        follower: name,
        error: failure,
        attempt: 1,
        next: onFailure,
        stream,
        version,
        position,
        recorded: undefined,
      })
      if (onFailure === 'stop') throw new ToldError(failure)
      return index
    }
  }

  #decoded(events: readonly LoggedEvent[]): ProjectedEvent[] {
    return events.map((logged) => recordedOf<TidingsEvent>(logged, this.#store.events))
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
