import { type Clock, isFinal } from '@tidings/core/tools'
import type { LoadOptions } from '../decider/load.ts'
import { SealError, SubjectForgottenError } from '../encryption/errors.ts'
import { ConcurrencyError, EventExistsError, StreamTombstonedError } from '../errors.ts'
import type { Position } from '../position.ts'
import { ProjectionError } from '../projection/projection.ts'
import type { LoggedEvent, LogPage } from '../recorder/recorder.ts'
import type { EventStore, Recorded } from '../store/event-store.ts'
import { pageSize } from '../store/pages.ts'
import { recordedOf } from '../store/recorded.ts'
import { Checkpoint } from '../subscription/checkpoint.ts'
import { nowhere } from '../subscription/failure.ts'
import { follow, pause, ToldError } from '../subscription/follow.ts'
import { type FollowState, Progress } from '../subscription/progress.ts'
import type { Due } from './due-times.ts'
import { Instances, type KeptInstance, prefixOf } from './instance.ts'
import type { Process } from './process.ts'
import { ProcessError } from './process-error.ts'
import type { ProcessFailure } from './process-failure.ts'
import type { ProcessInstance, RunningProcess } from './run-process.ts'
import { LogFailure, Turn } from './turn.ts'

/** How a process runs. */
export interface RunnerSettings {
  readonly batch: number
  readonly attempts: number
  wait(attempt: number): number
  readonly policy: 'stop' | 'skip'
  failed(failure: ProcessFailure): void
  readonly clock: Clock
  readonly maxDepth: number
  readonly load: LoadOptions
  readonly start: Position
}

/** What a turn is made of next. */
type Input = { readonly event: LoggedEvent } | { readonly due: Due }

/** A turn, how many inputs and events are in it, and which one has failed. */
interface Taken<State> {
  readonly turn: Turn<State>
  readonly inputs: readonly Input[]
  readonly events: number
  readonly failure?: { readonly input: Input; readonly error: unknown } | undefined
}

/** A process at work: takes events and timeouts in the order of time, and writes what they come to turn by turn. */
export class Runner<State> implements RunningProcess<State> {
  readonly name: string
  readonly #store: EventStore
  readonly #process: Process<State>
  readonly #settings: RunnerSettings
  readonly #progress: Progress
  readonly #stopping = new AbortController()
  #checkpoint: Checkpoint
  /** Made anew with the checkpoint: what they hold in memory is what was written under it. */
  #instances: Instances<State>
  /** Before the log was looked at last. */
  #looked = 0
  /** Inputs of a turn at most: fewer where turns have failed. */
  #most: number
  #conflicts = 0
  #attempt = 0

  private constructor(store: EventStore, process: Process<State>, settings: RunnerSettings, checkpoint: Checkpoint) {
    this.name = process.name
    this.#store = store
    this.#process = process
    this.#settings = settings
    this.#checkpoint = checkpoint
    this.#progress = new Progress(checkpoint.position)
    this.#instances = new Instances(store.recorder, process)
    this.#most = settings.batch
  }

  static async start<State>(
    store: EventStore,
    process: Process<State>,
    settings: RunnerSettings,
  ): Promise<Runner<State>> {
    const open = (): Promise<Checkpoint> =>
      Checkpoint.begin(store.recorder, `${prefixOf(process)}/checkpoint`, settings.start)
    const runner = new Runner(store, process, settings, await open())
    void runner.#follow(open).then(
      () => runner.#progress.end(),
      (error: unknown) => runner.#progress.end({ error }),
    )
    return runner
  }

  get position(): Position {
    return this.#progress.position
  }

  get state(): FollowState {
    return this.#progress.state
  }

  get ended(): Promise<void> {
    return this.#progress.ended
  }

  reached(position: Position, signal?: AbortSignal): Promise<void> {
    return this.#progress.until(() => this.position >= position, signal)
  }

  async instance(key: string): Promise<ProcessInstance<State> | undefined> {
    const kept = await this.#instances.read(key)
    return kept && this.#shown(kept)
  }

  async *instances(): AsyncGenerator<readonly [key: string, instance: ProcessInstance<State>], void, void> {
    for await (const [key, kept] of this.#instances.entries()) yield [key, this.#shown(kept)]
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.ended.catch(() => undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #shown(kept: KeptInstance): ProcessInstance<State> {
    const timeouts = Object.fromEntries(kept.timeouts.map(({ name, due }) => [name, new Date(due)]))
    return { state: this.#instances.stateOf(kept), timeouts }
  }

  #follow(open: () => Promise<Checkpoint>): Promise<void> {
    const { attempts, clock } = this.#settings
    return follow({
      recorder: this.#store.recorder,
      query: { types: this.#process.on.map(({ type }) => type), limit: pageSize },
      signal: this.#stopping.signal,
      attempts,
      wait: (attempt) => this.#settings.wait(attempt),
      open: async () => {
        this.#checkpoint = await open()
        this.#instances = new Instances(this.#store.recorder, this.#process)
        return this.#checkpoint.position
      },
      alarm: {
        looking: () => (this.#looked = clock.now()),
        set: (ring) => {
          const due = this.#instances.dueTimes.first()
          return due === undefined ? () => {} : clock.after(Math.max(0, due.at - clock.now()), ring)
        },
      },
      handle: (page) => this.#handle(page),
      failed: (error, attempt, next) => this.#tell(undefined, error, attempt, next),
    })
  }

  async #handle({ events, through, more }: LogPage): Promise<void> {
    // Behind the page there may be events that come before what is due.
    const until = more ? -Infinity : Infinity
    let rest = events
    while (!this.#stopping.signal.aborted) {
      const taken = await this.#take(rest, until, this.#most)
      if (taken === undefined) continue
      if (taken.inputs.length === 0 && taken.failure === undefined) break
      const left = rest.slice(taken.events)
      const position = left.length === 0 ? through : (rest[taken.events - 1]?.position ?? this.#checkpoint.position)
      if (await this.#write(taken, position)) rest = left
    }
    // What does not fit is not worth a write each time that it passes.
    if (rest.length === 0 && through - this.#checkpoint.position >= 1000) await this.#checkpoint.keep(through)
    if (rest.length === 0) this.#progress.advance(through, !more)
  }

  /** What the next inputs come to, up to the first one that fails; `undefined` where somebody was quicker. */
  async #take(events: readonly LoggedEvent[], until: number, most: number): Promise<Taken<State> | undefined> {
    const { dueTimes } = this.#instances
    const { clock, load, maxDepth, batch } = this.#settings
    // One more than a turn can change, so that the first one that it does not change is held.
    await dueTimes.hold(batch + 1)
    const scope = { store: this.#store, process: this.#process, load, maxDepth, now: () => clock.now() }
    const turn = new Turn(scope)
    const inputs: Input[] = []
    let count = 0
    while (inputs.length < most) {
      const event = events[count]
      const due = turn.due(dueTimes)
      // Never early, also where the clock of whoever appended is ahead.
      const last = Math.min(this.#looked, event === undefined ? until : event.recordedAt - 1)
      const isDue = due !== undefined && due.at <= last
      const input = isDue ? { due } : event && { event }
      if (input === undefined) break
      try {
        if ('due' in input) await turn.timeout(input.due)
        else await turn.event(input.event)
      } catch (error) {
        if (error instanceof LogFailure) throw error.cause
        if (error instanceof ConcurrencyError) return this.#again(error, inputs.length)
        // Those before it are written first; what it has left in this turn is thrown away with it.
        if (inputs.length > 0) return this.#take(events, until, inputs.length)
        return { turn, inputs: [input], events: 'due' in input ? 0 : 1, failure: { input, error } }
      }
      inputs.push(input)
      if (!isDue) count++
    }
    return { turn, inputs, events: count }
  }

  /** Whether it was written; where it was not, the turn is to be taken again. */
  async #write({ turn, inputs, events, failure }: Taken<State>, position: Position): Promise<boolean> {
    if (failure !== undefined) return this.#fail(failure.input, failure.error, position)
    const { appends } = turn
    try {
      await this.#checkpoint.commit(position, { appends, records: turn.records })
    } catch (error) {
      const isDecided = error instanceof StreamTombstonedError && turn.isDecided(error.stream)
      if (error instanceof ConcurrencyError || isDecided) await this.#again(error, inputs.length)
      else if (!isRefused(error)) throw error
      else if (inputs.length === 1) return this.#fail(inputs[0]!, error, position)
      else this.#most = inputs.length >> 1
      return false
    }
    this.#written(turn, events > 0 ? position : undefined)
    return true
  }

  #written(turn: Turn<State>, position: Position | undefined): void {
    for (const [from, to] of turn.moves) this.#instances.dueTimes.moved(from, to)
    if (position !== undefined) this.#progress.advance(position, false)
    this.#most = Math.min(this.#settings.batch, this.#most * 2)
    this.#conflicts = 0
    this.#attempt = 0
  }

  /** Somebody appended to a stream that commands were decided for: with fewer of them, and behind a while. */
  async #again(error: unknown, inputs: number): Promise<undefined> {
    // Where it is another one at work on this process, that is all there is to tell.
    await this.#checkpoint.confirm()
    this.#conflicts++
    this.#most = Math.max(1, inputs >> 1)
    if (this.#conflicts > 3) this.#tell(undefined, error, this.#conflicts, 'retry')
    // The first one is tried again at once; whoever loses again leaves the others some room.
    if (this.#conflicts > 1) await pause(Math.random() * Math.min(500, 2 ** this.#conflicts), this.#stopping.signal)
  }

  /** Whether the input is left out; else it is tried again, or the process stops. */
  async #fail(input: Input, error: unknown, position: Position): Promise<boolean> {
    const { attempts, policy, clock, load, maxDepth } = this.#settings
    // The same here: then the other one has done it already.
    await this.#checkpoint.confirm()
    const attempt = ++this.#attempt
    const isLast = attempt >= attempts || isFinal(error)
    this.#tell(input, error, attempt, isLast ? policy : 'retry')
    if (!isLast) {
      await pause(this.#settings.wait(attempt), this.#stopping.signal)
      return false
    }
    if (policy === 'stop') throw new ToldError(error)
    const turn = new Turn({ store: this.#store, process: this.#process, load, maxDepth, now: () => clock.now() })
    if ('due' in input) await turn.drop(input.due)
    await this.#checkpoint.commit(position, { records: turn.records })
    this.#written(turn, position)
    return true
  }

  #tell(input: Input | undefined, error: unknown, attempt: number, next: ProcessFailure['next']): void {
    const about = { follower: this.name, error, attempt, next }
    const key = error instanceof ProcessError ? error.key : undefined
    if (input === undefined) {
      this.#settings.failed({ ...nowhere, ...about, position: this.position, key, due: undefined })
    } else if ('due' in input) {
      const { at, key: due } = input.due
      this.#settings.failed({ ...nowhere, ...about, position: this.position, key: due, due: new Date(at) })
    } else {
      const { stream, version, position } = input.event
      const recorded = this.#readable(input.event)
      this.#settings.failed({ ...about, stream, version, position, recorded, key, due: undefined })
    }
  }

  #readable(event: LoggedEvent): Recorded | undefined {
    try {
      return recordedOf(event, this.#store.events)
    } catch {
      // That it cannot be read is what is told.
      return undefined
    }
  }
}

const refusals = [StreamTombstonedError, EventExistsError, ProjectionError, SealError, SubjectForgottenError]

/** What is refused for what it is, and will be again. */
function isRefused(error: unknown): boolean {
  return refusals.some((refusal) => error instanceof refusal)
}
