import { milliseconds } from '@tidings/core'
import { backoff, type Clock, functionOption, hook, knownOptions, oneOf, systemClock, whole } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { LoadOptions } from '../decider/load.ts'
import type { Position } from '../position.ts'
import type { EventStore } from '../store/event-store.ts'
import { onAbort } from '../subscription/follow.ts'
import type { FollowState } from '../subscription/progress.ts'
import type { SubscriptionRetry } from '../subscription/run-subscription.ts'
import { startOf } from '../subscription/start.ts'
import type { Follower } from '../subscription/wait-for.ts'
import type { Process } from './process.ts'
import { type ProcessFailure, tellProcessFailure } from './process-failure.ts'
import { Runner } from './runner.ts'

/** What {@link runProcess} takes; all of it may be left out. */
export interface ProcessOptions<Event extends TidingsEvent = TidingsEvent> extends Pick<
  LoadOptions,
  'snapshots' | 'onSnapshotError'
> {
  /** Where one begins that has never run: with the first event, behind the last, or behind a position. */
  readonly start?: 'beginning' | 'end' | Position | undefined
  /** Events and timeouts that are reacted to in one commit at most. Default 100. */
  readonly batch?: number | undefined
  readonly retry?: SubscriptionRetry | undefined
  /**
   * What is done with an event or a timeout whose attempts are used up: the process stops before it, or leaves it out.
   * Default `'stop'`.
   */
  readonly onFailure?: 'stop' | 'skip' | undefined
  /** Told each attempt that failed, and what follows. Default writes to `console.error` what is left out or ends it. */
  readonly failed?: ((failure: ProcessFailure<Event>) => void) | undefined
  /** What tells timeouts the time. Default the time of the machine; of a test, one that it moves. */
  readonly clock?: Clock | undefined
  /** So many events may lead to one, each caused by the one before; one more is a storm, and fails. Default 64. */
  readonly maxDepth?: number | undefined
  /** Stops it. */
  readonly signal?: AbortSignal | undefined
}

/** An instance of a process, as it was written last. */
export interface ProcessInstance<State> {
  readonly state: State
  /** By name, when each is due. */
  readonly timeouts: Readonly<Record<string, Date>>
}

/** A process manager at work. */
export interface RunningProcess<State> extends Follower, AsyncDisposable {
  /** `catching-up`, `live` once it was at the end of the log, `stopped`, or `failed`. */
  readonly state: FollowState
  /** Resolves when it is stopped; rejects with what made it fail. */
  readonly ended: Promise<void>
  /** The instance of a key; `undefined` where there is none, or it has ended. */
  instance(key: string): Promise<ProcessInstance<State> | undefined>
  /** All that have not ended, by key in the order of code points. */
  instances(): AsyncIterable<readonly [key: string, instance: ProcessInstance<State>]>
  /** Writes what it is at. Timeouts wait until it runs again. Idempotent. */
  stop(): Promise<void>
}

/**
 * Lets the instances of a process manager react to the log and to their timeouts. What a reaction brings about (the events
 * of its commands and its own, the state of the instance, its timeouts) is written in one commit with the mark that it
 * was reacted to: so each event and each timeout has its reaction exactly once, whatever crashes. Resolves when it has
 * begun. New events carry the correlation of the event reacted to on; those of a timeout that of the event it was set at.
 *
 * All comes in the order of time: a timeout is due before what was recorded after its time, and behind what was recorded
 * up to it, also where nobody ran meanwhile. A timeout that is due fires soon, never early, and once.
 *
 * Where somebody else appends to a stream meanwhile, the command is decided anew, as often as it takes. A command that its
 * decider refuses goes to `refused` of the process. What throws is tried again; when its attempts are used up, or the
 * error says `retryable: false`, `onFailure` decides. It never stops without being told.
 *
 * Two at work on one process find out at the next commit, of which only one is written: the other fails with
 * `RecordConflictError`, and has done nothing.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 *
 * @example
 * const running = await runProcess(store, fulfilment)
 */
export async function runProcess<State, Event extends TidingsEvent>(
  store: EventStore<Event>,
  process: Process<State>,
  options: ProcessOptions<Event> = {},
): Promise<RunningProcess<State>> {
  knownOptions(options, known, 'runProcess')
  const { retry = {}, clock = systemClock, snapshots, onSnapshotError } = options
  knownOptions(retry, ['attempts', 'delay'], 'retry')
  for (const part of ['now', 'after'] as const) functionOption(clock[part], `clock.${part}`)
  const runner = await Runner.start(store, process, {
    batch: whole(options.batch ?? 100, 1, 'batch'),
    attempts: whole(retry.attempts ?? 5, 1, 'retry.attempts'),
    wait: backoff({ delay: milliseconds(retry.delay ?? '100ms', 'retry.delay'), max: 10_000, jitter: true }),
    policy: oneOf(options.onFailure, ['stop', 'skip'], 'onFailure'),
    failed: (hook(options.failed, 'failed') as ((failure: ProcessFailure) => void) | undefined) ?? tellProcessFailure,
    clock,
    maxDepth: whole(options.maxDepth ?? 64, 1, 'maxDepth', true),
    load: { snapshots, onSnapshotError },
    start: await startOf(store, options.start),
  })
  onAbort(options.signal, runner.ended, () => void runner.stop())
  return runner
}

const known = [
  'start',
  'batch',
  'retry',
  'onFailure',
  'failed',
  'snapshots',
  'onSnapshotError',
  'clock',
  'maxDepth',
  'signal',
]
