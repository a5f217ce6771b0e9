import type { Clock } from '../clock.ts'
import { HeldJobs } from './held-jobs.ts'
import type { Job } from './job.ts'
import type { KeptMembership } from './kept-membership.ts'
import { Lanes } from './lanes.ts'

/** What waits for its next attempt here, where the transport cannot keep it, as a multiple of the prefetch. */
export const heldRetries = 10

interface JobQueueOptions {
  readonly clock: Clock
  readonly membership: KeptMembership
  /** Whether what waits for its next attempt waits here. */
  readonly keepsRetries: boolean
  readonly prefetch: () => number
  /** Told when the turn of a job has come, as far as the order goes. */
  readonly ready: (job: Job) => void
  /** Told what goes with a connection or a partition; it forgets these. */
  readonly lost: (jobs: readonly Job[], reason: unknown) => void
}

/** What a member holds: whose turn it is, what waits for its next attempt, and how much more may come. */
export class JobQueue {
  readonly held: HeldJobs
  readonly #options: JobQueueOptions
  readonly #lanes = new Lanes()
  /** How many the transport is at the settlement of. */
  #leaving = 0

  constructor(options: JobQueueOptions) {
    this.#options = options
    this.held = new HeldJobs(options.clock, options.lost)
  }

  /** Deliveries that the transport is asked for: what waits here has room of its own. */
  get wanted(): number {
    const { prefetch, keepsRetries } = this.#options
    return keepsRetries ? prefetch() * (1 + heldRetries) : prefetch()
  }

  /** Room for twice as much: a member that joins again may be handed more before it can pause. */
  get isFull(): boolean {
    return this.held.size - this.#exempt >= this.wanted + this.#options.prefetch()
  }

  add(job: Job): void {
    this.held.add(job)
    if (this.#lanes.enter(job)) this.#options.ready(job)
    // Last, since most handlers have ended by then.
    this.#limit()
  }

  /** Its settlement is on its way: a transport that keeps to the prefetch by itself may hand out others meanwhile. */
  leaves(job: Job): void {
    job.isLeaving = true
    this.#leaving++
    this.#limit()
  }

  /** It waits here so many milliseconds for its next attempt. */
  waits(job: Job, delay: number): void {
    this.#stays(job)
    const cancel = this.#options.clock.after(Math.max(0, delay), () => {
      this.held.wakes(job)
      // In its state first, since that decides whether those behind it count.
      if (!this.#lanes.hasTurn(job)) job.queues()
      else this.#options.ready(job)
      this.#lanes.changes(job)
      this.#limit()
    })
    job.waits(cancel)
    this.held.waits(job)
    this.#lanes.changes(job)
    this.#limit()
  }

  /** It is held no more. Its key keeps its turn until {@link passOn}. */
  forget(job: Job): void {
    this.#stays(job)
    this.held.delete(job)
    this.#limit()
  }

  /** The turn of its key goes to the next one. */
  passOn(job: Job): void {
    if (job.state === 'left') job.ends()
    this.held.isDoneWith(job)
    const next = this.#lanes.leave(job)
    // What stands behind one that waits has no place in the prefetch any more.
    if (next?.state === 'waiting') this.#limit()
    if (next !== undefined && next.state !== 'waiting' && !this.#options.membership.isStopped) this.#options.ready(next)
  }

  /** Drops from the lanes what is ours no more. */
  forgetGone(): void {
    this.#lanes.forgetGone()
    this.#limit()
  }

  #stays(job: Job): void {
    if (!job.isLeaving) return
    job.isLeaving = false
    this.#leaving--
  }

  /** What does not count for the prefetch, where the transport is the one that keeps to it. */
  get #exempt(): number {
    return this.#options.keepsRetries ? 0 : this.#leaving
  }

  /** Keeps to the prefetch, in which what waits for its next attempt has no place, nor what stands behind it. */
  #limit(): void {
    const active = this.held.size - this.held.waiting - this.#lanes.blocked
    this.held.areActive(active)
    const most = active - this.#exempt
    const { membership, keepsRetries, prefetch } = this.#options
    // The transport keeps to the prefetch by itself, unless it was asked for more for what waits here.
    membership.pause(keepsRetries ? most >= prefetch() : most > prefetch())
  }
}
