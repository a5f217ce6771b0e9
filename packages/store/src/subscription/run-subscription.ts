import { type Duration, milliseconds } from '@tidings/core'
import { backoff, functionOption, hook, isFinal, knownOptions, oneOf, whole } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { Position } from '../position.ts'
import type { LoggedEvent, LogPage, LogQuery } from '../recorder/recorder.ts'
import { nameOf } from '../store/checks.ts'
import type { EventStore, Recorded } from '../store/event-store.ts'
import { recordedOf } from '../store/recorded.ts'
import { Checkpoint } from './checkpoint.ts'
import { follow, onAbort, pause, ToldError } from './follow.ts'
import { laneOf } from './lanes.ts'
import { type FollowState, Progress } from './progress.ts'
import { type Failure, nowhere, tellFailure } from './failure.ts'
import { startOf } from './start.ts'
import type { Follower } from './wait-for.ts'

/** How a failed event is tried again; see {@link SubscriptionOptions}. */
export interface SubscriptionRetry {
  /** Attempts in all, at an event and where the log cannot be read or the checkpoint not be written. Default 5. */
  readonly attempts?: number | undefined
  /** The first wait, default `'100ms'`; each further one is twice as long, `'10s'` at most, half of it by chance. */
  readonly delay?: Duration | undefined
}

/** What {@link runSubscription} takes; all of it may be left out. */
export interface SubscriptionOptions<Event extends TidingsEvent = TidingsEvent> {
  /** Only events of these types. Default all. */
  readonly types?: readonly Event['type'][] | undefined
  /** Only streams of this category. Default all. */
  readonly category?: string | undefined
  /** Where one begins that has no checkpoint yet: with the first event, behind the last, or behind a position. */
  readonly start?: 'beginning' | 'end' | Position | undefined
  /** Handlers that run at once. Those of one stream never do: its events come in order. Default 1. */
  readonly concurrency?: number | undefined
  /** Events between two checkpoints at most: what a crash hands to the handler again. Default 100. */
  readonly batch?: number | undefined
  readonly retry?: SubscriptionRetry | undefined
  /**
   * What is done with an event whose attempts are used up: the subscription stops before it, or leaves it out. Default
   * `'stop'`.
   */
  readonly onFailure?: 'stop' | 'skip' | undefined
  /** Told each attempt that failed, and what follows. Default writes to `console.error` what is left out or ends it. */
  readonly failed?: ((failure: Failure<Event>) => void) | undefined
  /** Stops it. */
  readonly signal?: AbortSignal | undefined
}

/** A subscription at work. */
export interface RunningSubscription extends Follower, AsyncDisposable {
  /** `catching-up`, `live` once it was at the end of the log, `stopped`, or `failed`. */
  readonly state: FollowState
  /** Resolves when it is stopped; rejects with what made it fail. */
  readonly ended: Promise<void>
  /** Lets handlers end, keeps the checkpoint. Idempotent. */
  stop(): Promise<void>
}

/**
 * Hands every event of the log to a handler, at least once and in the order of each stream, and keeps how far it has come
 * beside the log: under the same name it goes on there, also after a restart. Resolves when it has begun.
 *
 * A handler that throws is called again after a while. When its attempts are used up, or the error says `retryable:
 * false`, `onFailure` decides. Where the log or the checkpoint fails, it begins anew behind the checkpoint as often. It
 * never stops without being told. Two at work under one name find out at the next checkpoint: one of them fails with
 * `RecordConflictError`.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 *
 * @example
 * const mails = await runSubscription(store, 'mails', { types: [OrderShipped.type] }, ({ event }) => send(event.data))
 */
export async function runSubscription<Event extends TidingsEvent>(
  store: EventStore<Event>,
  name: string,
  options: SubscriptionOptions<Event>,
  handler: (recorded: Recorded<Event>, context: { readonly attempt: number; readonly signal: AbortSignal }) => unknown,
): Promise<RunningSubscription> {
  knownOptions(options, known, 'runSubscription')
  const { types, category, start, retry = {} } = options
  knownOptions(retry, ['attempts', 'delay'], 'retry')
  const settings = {
    concurrency: whole(options.concurrency ?? 1, 1, 'concurrency'),
    batch: whole(options.batch ?? 100, 1, 'batch'),
    attempts: whole(retry.attempts ?? 5, 1, 'retry.attempts'),
    wait: backoff({ delay: milliseconds(retry.delay ?? '100ms', 'retry.delay'), max: 10_000, jitter: true }),
    policy: oneOf(options.onFailure, ['stop', 'skip'], 'onFailure'),
    failed: hook(options.failed, 'failed') ?? tellFailure,
    handler: functionOption(handler, 'handler'),
  }
  const key = `subscription/${nameOf(name, 'name')}`
  const begin = await startOf(store, start)
  const open = (): Promise<Checkpoint> => Checkpoint.open(store.recorder, key, begin)
  const running = new Running<Event>(store, name, settings, await open())
  running.run({ types, category, limit: settings.batch }, open)
  onAbort(options.signal, running.ended, () => void running.stop())
  return running
}

const known = ['types', 'category', 'start', 'concurrency', 'batch', 'retry', 'onFailure', 'failed', 'signal']

interface Settings<Event extends TidingsEvent> {
  readonly concurrency: number
  readonly attempts: number
  wait(attempt: number): number
  readonly policy: 'stop' | 'skip'
  failed(failure: Failure<Event>): void
  handler(recorded: Recorded<Event>, context: { readonly attempt: number; readonly signal: AbortSignal }): unknown
}

class Running<Event extends TidingsEvent> implements RunningSubscription {
  readonly name: string
  readonly #store: EventStore<Event>
  readonly #settings: Settings<Event>
  #checkpoint: Checkpoint
  readonly #progress: Progress
  readonly #stopping = new AbortController()

  constructor(store: EventStore<Event>, name: string, settings: Settings<Event>, checkpoint: Checkpoint) {
    this.name = name
    this.#store = store
    this.#settings = settings
    this.#checkpoint = checkpoint
    this.#progress = new Progress(checkpoint.position)
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

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.ended.catch(() => undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  run(query: Omit<LogQuery, 'after'>, open: () => Promise<Checkpoint>): void {
    const { attempts } = this.#settings
    const following = follow({
      recorder: this.#store.recorder,
      query,
      signal: this.#stopping.signal,
      attempts,
      wait: (attempt) => this.#settings.wait(attempt),
      open: async () => (this.#checkpoint = await open()).position,
      handle: (page) => this.#handle(page),
      failed: (error, attempt, next) =>
        this.#settings.failed({ ...nowhere, follower: this.name, error, attempt, next, position: this.position }),
    })
    void following.then(
      () => this.#progress.end(),
      (error: unknown) => this.#progress.end({ error }),
    )
  }

  /** All events of a page; then the checkpoint, which is behind the last one of them that has all before it done. */
  async #handle({ events, through, more }: LogPage): Promise<void> {
    const done = new Set<LoggedEvent>()
    const failures: unknown[] = []
    const lanes: LoggedEvent[][] = Array.from({ length: this.#settings.concurrency }, () => [])
    for (const event of events) lanes[laneOf(event.stream, lanes.length)]!.push(event)
    const runLane = async (lane: readonly LoggedEvent[]): Promise<void> => {
      for (const event of lane) {
        if (failures.length > 0 || this.#stopping.signal.aborted) return
        if (!(await this.#deliver(event))) return
        done.add(event)
      }
    }
    await Promise.all(lanes.map((lane) => runLane(lane).catch((error: unknown) => void failures.push(error))))
    const undone = events.findIndex((event) => !done.has(event))
    const reached = undone === -1 ? through : (events[undone - 1]?.position ?? this.position)
    // What does not fit is not worth a write each time that it passes.
    const isFar = reached - this.#checkpoint.position >= 1000
    if (events.length > 0 || isFar) await this.#checkpoint.keep(reached)
    this.#progress.advance(reached, undone === -1 && !more)
    if (failures.length > 0) throw failures[0]
  }

  /** Whether it is done with the event; it is not when it was stopped meanwhile. */
  async #deliver(logged: LoggedEvent): Promise<boolean> {
    const settings = this.#settings
    const { attempts, policy } = settings
    const { signal } = this.#stopping
    for (let attempt = 1; ; attempt++) {
      let recorded: Recorded<Event> | undefined
      try {
        recorded = recordedOf<Event>(logged, this.#store.events)
        await settings.handler(recorded, { attempt, signal })
        return true
      } catch (error) {
        // What cannot be read now cannot be read later.
        const isLast = attempt >= attempts || recorded === undefined || isFinal(error)
        const { stream, version, position } = logged
        const next = isLast ? policy : 'retry'
        settings.failed({ follower: this.name, error, attempt, next, stream, version, position, recorded })
        if (isLast && policy === 'skip') return true
        if (isLast) throw new ToldError(error)
      }
      await pause(settings.wait(attempt), signal)
      if (signal.aborted) return false
    }
  }
}
