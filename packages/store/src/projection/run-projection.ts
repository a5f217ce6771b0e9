import { hook, knownOptions, oneOf } from '@tidings/core/tools'
import type { Position } from '../position.ts'
import type { EventStore } from '../store/event-store.ts'
import { type Failure, tellFailure } from '../subscription/failure.ts'
import { onAbort } from '../subscription/follow.ts'
import type { FollowState } from '../subscription/progress.ts'
import type { Follower } from '../subscription/wait-for.ts'
import { Build, type BuildPolicy, dropBuild } from './build.ts'
import { type Builds, buildsKey, checkedPart, type ProjectionPart } from './part.ts'
import type { Projection } from './projection.ts'

/** What {@link runProjection} takes; all of it may be left out. */
export interface ProjectionOptions {
  /** What is done with an event at which it throws: it stops before it, or leaves it out. Default `'stop'`. */
  readonly onFailure?: 'stop' | 'skip' | undefined
  /**
   * Told each event at which it throws, and each failure of the log. Default writes to `console.error` what is left out
   * or ends it.
   */
  readonly failed?: ((failure: Failure) => void) | undefined
  /**
   * Computes only this part of it, from the events of its streams: the others are for whoever runs them, in this process or
   * in another one. Each part goes on, is rebuilt and served by itself, with states of its own; {@link readProjection} reads
   * them as one. Default all of it.
   */
  readonly part?: ProjectionPart | undefined
  /** Stops it. */
  readonly signal?: AbortSignal | undefined
}

/** A projection at work. */
export interface RunningProjection<State> extends Follower, AsyncDisposable {
  readonly version: number
  /** Resolves when a whole computation is served: at once, unless this version is new. Rejects when it fails before. */
  readonly ready: Promise<void>
  /** Resolves when it is stopped; rejects with what made it fail. */
  readonly ended: Promise<void>
  /**
   * The state of a key; that of a projection without keys where it is left out. `initial` where nothing was counted. Waits
   * for {@link ready}.
   */
  get(key?: string): Promise<State>
  /** All states, by key in the order of code points. Waits for {@link ready}. */
  entries(): AsyncIterable<readonly [key: string, state: State]>
  /** Computes all of it anew beside what is served, which goes on; resolves when the new one is served instead. */
  rebuild(): Promise<void>
  /** Keeps the checkpoint. Idempotent. */
  stop(): Promise<void>
}

/**
 * Computes a projection from the log, goes on with what comes, and keeps it beside the log: each event counts once,
 * whatever crashes, since states and checkpoint are written in one commit. Resolves when it has begun.
 *
 * A new version is computed beside the old one, in records of its own, and served when it has come to the end of the log;
 * a process with the old version goes on with that. Two at work on one version find out: one fails with
 * `RecordConflictError`.
 *
 * @example
 * const sold = await runProjection(store, soldItems)
 * await waitFor(sold, position)
 * await sold.get('Book')
 */
export async function runProjection<State>(
  store: EventStore,
  projection: Projection<State>,
  options: ProjectionOptions = {},
): Promise<RunningProjection<State>> {
  knownOptions(options, ['onFailure', 'failed', 'part', 'signal'], 'runProjection')
  const policy: BuildPolicy = {
    onFailure: oneOf(options.onFailure, ['stop', 'skip'], 'onFailure'),
    failed: hook(options.failed, 'failed') ?? tellFailure,
    part: options.part && checkedPart(options.part),
  }
  const running = await Running.start(store, projection, policy)
  onAbort(options.signal, running.ended, () => void running.stop())
  return running
}

class Running<State> implements RunningProjection<State> {
  readonly name: string
  readonly version: number
  readonly ready: Promise<void>
  readonly #store: EventStore
  readonly #projection: Projection<State>
  readonly #policy: BuildPolicy
  readonly #key: string
  readonly ended: Promise<void>
  #end!: { resolve(): void; reject(error: unknown): void }
  #rebuilding: Promise<void> | undefined
  #revision: number
  #serving: Build<State> | undefined
  #next: { readonly build: Build<State>; readonly served: Promise<void> } | undefined

  private constructor(
    store: EventStore,
    projection: Projection<State>,
    policy: BuildPolicy,
    revision: number,
    serving: Build<State> | undefined,
    next: Build<State> | undefined,
  ) {
    const { name, version = 1 } = projection
    this.name = name
    this.version = version
    this.#store = store
    this.#projection = projection
    this.#policy = policy
    this.#key = buildsKey(projection, policy.part)
    this.#revision = revision
    this.#serving = serving
    this.ended = new Promise((resolve, reject) => (this.#end = { resolve, reject }))
    // Whoever looks at it is told; the failure is told in another way besides, and must not end the process.
    void this.ended.catch(() => undefined)
    if (serving !== undefined) this.#watch(serving)
    if (next !== undefined) this.#begin(next)
    this.ready = serving === undefined ? this.#next!.served : Promise.resolve()
  }

  static async start<State>(
    store: EventStore,
    projection: Projection<State>,
    policy: BuildPolicy,
  ): Promise<Running<State>> {
    const key = buildsKey(projection, policy.part)
    const record = await store.recorder.readRecord(key)
    let builds = record === undefined ? undefined : (JSON.parse(record.value) as Builds)
    let revision = record?.revision ?? 0
    if (builds === undefined) {
      builds = { serving: undefined, building: 1 }
      const write = { key, value: JSON.stringify(builds), expected: 0 }
      revision = (await store.recorder.commit({ records: [write] })).revisions[0]!
    }
    const start = async (number: number | undefined): Promise<Build<State> | undefined> =>
      number === undefined ? undefined : Build.start(store, projection, number, policy)
    return new Running(store, projection, policy, revision, await start(builds.serving), await start(builds.building))
  }

  get position(): Position {
    return this.#current.progress.position
  }

  get state(): FollowState {
    return this.#current.progress.state
  }

  async reached(position: Position, signal?: AbortSignal): Promise<void> {
    const build = this.#current
    try {
      await build.progress.until(() => this.position >= position, signal)
    } catch (error) {
      if (build === this.#current || signal?.aborted === true) throw error
      // The next build is served meanwhile, which has come at least as far.
      return this.reached(position, signal)
    }
    if (this.#serving === undefined) await this.ready
  }

  async get(key = ''): Promise<State> {
    await this.ready
    while (true) {
      const { states } = this.#serving!
      const state = await states.get(key)
      // Records of a build that was replaced meanwhile may be gone already.
      if (states === this.#serving!.states) return state ?? this.#projection.initial()
    }
  }

  async *entries(): AsyncGenerator<readonly [key: string, state: State], void, void> {
    await this.ready
    for (let last: string | undefined; ;) {
      const { states } = this.#serving!
      const { prefix } = states
      const after = last === undefined ? undefined : prefix + last
      const records = await this.#store.recorder.listRecords({ prefix, after, limit: 256 })
      // Goes on in the build that is served meanwhile, behind the same key.
      if (states !== this.#serving!.states) continue
      for (const { key, value } of records) yield [key.slice(prefix.length), JSON.parse(value) as State]
      last = records.at(-1)?.key.slice(prefix.length)
      if (last === undefined) return
    }
  }

  rebuild(): Promise<void> {
    return (this.#rebuilding ??= this.#rebuild().finally(() => (this.#rebuilding = undefined)))
  }

  async stop(): Promise<void> {
    await Promise.all([this.#serving?.stop(), this.#next?.build.stop()])
    this.#end.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #rebuild(): Promise<void> {
    await this.ready
    if (this.#next === undefined) {
      const building = this.#serving!.number + 1
      await dropBuild(this.#store.recorder, this.#projection, this.#policy.part, building)
      await this.#keep({ serving: this.#serving!.number, building })
      this.#begin(await Build.start(this.#store, this.#projection, building, this.#policy))
    }
    await this.#next!.served
  }

  get #current(): Build<State> {
    return this.#serving ?? this.#next!.build
  }

  #begin(build: Build<State>): void {
    if (this.#serving === undefined) this.#watch(build)
    this.#next = { build, served: this.#serveWhenDone(build) }
    void this.#next.served.catch(() => undefined)
  }

  /** What ends the build that is served ends the projection; one that is replaced is stopped, and ends nothing. */
  #watch(build: Build<State>): void {
    void build.progress.ended.catch((error: unknown) => {
      if (build === this.#current) this.#end.reject(error)
    })
  }

  /** When it has come to the end of the log, and as far as what is served, it is served instead. */
  async #serveWhenDone(build: Build<State>): Promise<void> {
    const { progress } = build
    const former = this.#serving
    const isDone = (): boolean => progress.state === 'live' && progress.position >= (former?.progress.position ?? 0)
    try {
      await progress.until(isDone)
      await this.#keep({ serving: build.number, building: undefined })
    } catch (error) {
      await build.stop()
      if (former === undefined) this.#end.reject(error)
      else this.#next = undefined
      throw error
    }
    if (former !== undefined) this.#watch(build)
    this.#serving = build
    this.#next = undefined
    if (former === undefined) return
    await former.stop()
    await dropBuild(this.#store.recorder, this.#projection, this.#policy.part, former.number)
  }

  async #keep(builds: Builds): Promise<void> {
    const write = { key: this.#key, value: JSON.stringify(builds), expected: this.#revision }
    this.#revision = (await this.#store.recorder.commit({ records: [write] })).revisions[0]!
  }
}
