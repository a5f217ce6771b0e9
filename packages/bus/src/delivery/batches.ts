import { invalidArgument, isThenable } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { Clock } from '../clock.ts'
import type { BatchContext, HandlerContext } from '../handler/context.ts'
import type { BatchHandler, Handler } from '../handler/handler.ts'
import type { Job } from './job.ts'
import type { JobContext } from './job-context.ts'
import { type CallTimes, Promised } from './promised.ts'

/** Events for one batch handler, gathered. */
export interface Batch {
  readonly handler: BatchHandler
  readonly jobs: readonly Job[]
}

/** Gathers what is ready for batch handlers, by number and by time. */
export class Batches {
  readonly #clock: Clock
  readonly #full: (batch: Batch) => void
  readonly #open = new Map<BatchHandler, { readonly jobs: Job[]; readonly cancel: () => void }>()

  /** `full` gets each batch that may run. */
  constructor(clock: Clock, full: (batch: Batch) => void) {
    this.#clock = clock
    this.#full = full
  }

  add(handler: BatchHandler, job: Job): void {
    const { size, wait } = handler.policy.batch!
    let open = this.#open.get(handler)
    if (open === undefined) {
      open = { jobs: [], cancel: this.#clock.after(wait, () => this.#close(handler)) }
      this.#open.set(handler, open)
    }
    open.jobs.push(job)
    if (open.jobs.length >= size) this.#close(handler)
  }

  /** Forgets what is gathered and does not run yet. */
  clear(): void {
    for (const { cancel } of this.#open.values()) cancel()
    this.#open.clear()
  }

  #close(handler: BatchHandler): void {
    const open = this.#open.get(handler)
    if (open === undefined) return
    this.#open.delete(handler)
    open.cancel()
    this.#full({ handler, jobs: open.jobs })
  }
}

/** A batch of several took too long: nobody knows which of them was to blame, so for none it is an attempt. */
export class TogetherError extends Error {
  constructor(cause: unknown) {
    super('a batch failed as a whole', { cause })
  }
}

interface Joined {
  readonly event: TidingsEvent
  readonly context: JobContext
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * One call of a batch handler. Every job goes through its own attempt, as any other; in place of the handler each finds
 * its seat, which waits until all that are to come have come, and then calls the batch handler once for all.
 */
export class BatchCall {
  readonly #handler: BatchHandler
  readonly #times: CallTimes
  /** Jobs of which it is not known yet whether they come. */
  #undecided: number
  #joined: Joined[] | undefined = []
  /** Calls for one event that have not ended. */
  #alones = 0
  /** The end of the last call so far. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(handler: BatchHandler, jobs: number, times: CallTimes) {
    this.#handler = handler
    this.#times = times
    this.#undecided = jobs
  }

  /** What one attempt calls as its handler. After `leave` the batch waits for it no more: if it comes, it is alone. */
  seat(): { readonly asHandler: Handler; leave(): void } {
    let decided = false
    const leave = (): void => {
      if (decided) return
      decided = true
      this.#undecided--
      this.#callWhenComplete()
    }
    const handle = (event: TidingsEvent, given: HandlerContext): Promise<void> => {
      const context = given as JobContext
      if (decided) return this.#alone(event, context)
      decided = true
      const { promise, resolve, reject } = deferred()
      this.#joined!.push({ event, context, resolve, reject })
      this.#undecided--
      this.#callWhenComplete()
      return promise
    }
    // The time is that of the call, not of the wait for it.
    const policy = { ...this.#handler.policy, timeout: Infinity }
    return { asHandler: { ...this.#handler, policy, batch: false, handle }, leave }
  }

  /** One after the other, since the batch has one slot. */
  #alone(event: TidingsEvent, context: JobContext): Promise<void> {
    const call = async (): Promise<void> => {
      if (context.isAborted) throw context.abortReason
      const failed = await this.#call([event], [context])
      if (failed.has(event)) throw failed.get(event)
    }
    this.#alones++
    const called = this.#last.then(call, call).finally(() => this.#alones--)
    this.#last = called.catch(() => {})
    return called
  }

  #callWhenComplete(): void {
    const joined = this.#joined
    if (joined === undefined || this.#undecided > 0) return
    this.#joined = undefined
    if (joined.length === 0) return
    // One that waited for its twin may have come before the others.
    this.#last = this.#alones === 0 ? this.#handle(joined) : this.#last.then(() => this.#handle(joined))
  }

  async #handle(all: readonly Joined[]): Promise<void> {
    // What was lost, or told to stop, while it waited for the others is not to be called any more.
    const joined = all.filter(({ context }) => !context.isAborted)
    for (const { context, reject } of all) if (context.isAborted) reject(context.abortReason)
    if (joined.length === 0) return
    try {
      const failed = await this.#call(
        joined.map(({ event }) => event),
        joined.map(({ context }) => context),
      )
      for (const { event, resolve, reject } of joined) {
        if (failed.has(event)) reject(failed.get(event))
        else resolve()
      }
    } catch (error) {
      // Which one is bad, nobody said: each is tried alone, so that the others are not held up by it. Where it was the
      // time that was up, that is for their next attempts.
      const isOver = joined.some(({ context }) => context.isAborted)
      if (joined.length === 1) joined[0]!.reject(error)
      else if (isOver) for (const { reject } of joined) reject(new TogetherError(error))
      else {
        for (const each of joined) {
          each.context.startsOver()
          await this.#handle([each])
        }
      }
    }
  }

  /** Calls the batch handler; resolves to the events that it marked as failed. */
  async #call(
    events: readonly TidingsEvent[],
    contexts: readonly JobContext[],
  ): Promise<ReadonlyMap<TidingsEvent, unknown>> {
    const failed = new Map<TidingsEvent, unknown>()
    const placeOf = (event: TidingsEvent): number => {
      const place = events.indexOf(event)
      if (place >= 0) return place
      throw invalidArgument('event', 'one of this batch', event?.id, 'Pass the object that the handler was given.')
    }
    const [first] = contexts
    const context: BatchContext = {
      group: first!.group,
      log: first!.log,
      // They all began together, so their time is up together.
      signal: first!.signal,
      fail: (event, error) => {
        failed.set(events[placeOf(event)]!, error)
      },
      publish: (cause, definition, input, options) => contexts[placeOf(cause)]!.publish(definition, input, options),
    }
    const result = this.#handler.handle(events, context)
    const ended = async (): Promise<void> => {
      await result
      for (const each of contexts) await each.ready()
    }
    if (isThenable(result) || contexts.some((each) => each.hasEffects)) {
      const { timeout } = this.#handler.policy
      const call = { group: first!.group, type: events[0]!.type, timeout, contexts, times: this.#times }
      await new Promised(call, ended()).ended()
    }
    return failed
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve!: () => void
  let reject!: (error: unknown) => void
  const promise = new Promise<void>((...settle) => {
    ;[resolve, reject] = settle
  })
  return { promise, resolve, reject }
}
