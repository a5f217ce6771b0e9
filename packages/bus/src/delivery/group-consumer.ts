import type { GroupHealth, HealthStatus } from '../bus/types.ts'
import type { AnyHandler, Handler } from '../handler/handler.ts'
import { keyOf } from '../message/message.ts'
import type { Connection, Delivery, GroupRequest } from '../transport/transport.ts'
import { Attempts } from './attempts.ts'
import { type Batch, BatchCall, Batches } from './batches.ts'
import { GroupHandlers } from './group-handlers.ts'
import { HeldJobs } from './held-jobs.ts'
import { Job } from './job.ts'
import { KeptMembership } from './kept-membership.ts'
import { Lanes } from './lanes.ts'
import type { Failed, Outcome } from './outcome.ts'
import type { Runtime } from './runtime.ts'
import { Settlement } from './settlement.ts'
import { Slots } from './slots.ts'
import { soon } from './soon.ts'
import { verdictOn } from './verdict.ts'

/**
 * One member of one group: takes deliveries in, keeps the order of their keys, runs as many handlers as it may, and sees
 * to it that every delivery is settled. What it holds is bounded by the prefetch.
 */
export class GroupConsumer {
  /** The whole name. */
  readonly group: string
  readonly handlers: GroupHandlers = new GroupHandlers()
  readonly #runtime: Runtime
  readonly #settlement: Settlement
  readonly #batches: Batches
  readonly #attempts: Attempts
  readonly #lanes = new Lanes()
  readonly #held: HeldJobs
  readonly #slots: Slots<Job | Batch>
  readonly #membership: KeptMembership
  #settled = 0
  #lastProgress: number | undefined
  /** Since when there has been something to settle. */
  #heldSince = 0

  constructor(group: string, runtime: Runtime) {
    this.group = group
    this.#runtime = runtime
    this.#settlement = new Settlement(runtime, group)
    this.#batches = new Batches(runtime, (batch) => this.#slots.add(batch))
    this.#attempts = new Attempts(runtime, group, (job, step) => this.#settlement.persist(job, step))
    this.#membership = new KeptMembership(runtime.log, group, (delivery) => this.#take(delivery))
    this.#held = new HeldJobs((jobs, reason) => this.#lose(jobs, reason))
    this.#slots = new Slots(
      () => this.handlers.policy.concurrency,
      (unit, ended) => this.#run(unit, ended),
    )
  }

  get isMember(): boolean {
    return this.#membership.isHeld
  }

  /** Joins the group on the broker; again, when its handlers want other event types. */
  join(connection: Connection, signal?: AbortSignal): Promise<void> {
    const request = (): GroupRequest => {
      const { types, policy } = this.handlers
      const { prefetch, from, ordering } = policy
      return { group: this.group, types, prefetch, ordered: ordering === 'per-key', from, temporary: false }
    }
    return this.#membership.join(connection, request, signal)
  }

  /** Resolves when no join is under way; rejects when one that was is refused. */
  joined(): Promise<void> {
    return this.#membership.joined()
  }

  /** Takes no more deliveries and gives back what has not begun. Resolves when the broker knows. */
  async leave(): Promise<void> {
    if (this.#membership.isStopped) return
    const leaving = this.#membership.stop()
    this.#batches.clear()
    this.#slots.close()
    // In the order of arrival, so that a broker which puts them back one by one keeps it.
    for (const job of this.#held.resting()) this.#giveBack(job)
    await leaving
  }

  /** Resolves when nothing is held any more. */
  idle(): Promise<void> {
    return this.#held.empty()
  }

  /** Tells the handlers that still run to stop, gives their deliveries back, and waits for them no longer. */
  abandon(): void {
    this.#settlement.close()
    const reason = new DOMException('the bus was closed before the handler ended', 'AbortError')
    const left = this.#held.all()
    for (const job of left) this.#giveBack(job)
    for (const job of left) job.context?.leave(reason)
    this.#held.close()
  }

  async health(stalledAfter: number, overall: HealthStatus): Promise<GroupHealth> {
    const since = Math.max(this.#lastProgress ?? 0, this.#heldSince)
    const stalled = this.#held.size > 0 && this.#runtime.clock.now() - since > stalledAfter
    const waiting = await soon(async () => this.#membership.waiting())
    return {
      group: this.group,
      status: overall === 'ok' ? (!this.isMember ? 'starting' : stalled ? 'stalled' : 'ok') : overall,
      running: this.#held.size - this.#held.resting().length,
      held: this.#held.resting().length,
      overdue: this.#attempts.overdue,
      waiting,
      settled: this.#settled,
      lastProgress: this.#lastProgress === undefined ? undefined : new Date(this.#lastProgress).toISOString(),
    }
  }

  #take(delivery: Delivery): void {
    if (delivery.lost.aborted) return
    // Twice as much only where a member that joins again is handed more before it can pause.
    if (this.#membership.isStopped || this.#held.size >= 2 * this.handlers.policy.prefetch) {
      delivery.nack({ begun: false })
      return
    }
    if (this.#held.size === 0) this.#heldSince = this.#runtime.clock.now()
    const job = new Job(delivery, this.handlers.policy.ordering === 'per-key' ? keyOf(delivery.message) : undefined)
    this.#held.add(job)
    this.#limit()
    this.#lanes.enter(job)
    if (job.hasTurn) this.#makeReady(job)
  }

  /** Keeps to the prefetch where a member that has joined again still holds what it was handed before. */
  #limit(): void {
    this.#membership.pause(this.#held.size > this.handlers.policy.prefetch)
  }

  /** Its turn has come, as far as the order goes. */
  #makeReady(job: Job): void {
    const handler = this.#handlerOf(job)
    // What has failed once is tried again alone: it may have been what made its batch fail.
    if (!handler?.batch) this.#slots.add(job)
    else if (job.alone || job.failures > 0) this.#slots.add({ handler, jobs: [job] })
    else this.#batches.add(handler, job)
  }

  #run(unit: Job | Batch, ended: () => void): void {
    const failed = (error: unknown): void => {
      ended()
      const jobs = unit instanceof Job ? [unit] : unit.jobs
      for (const job of jobs) if (this.#held.has(job)) this.#giveBack(job, { isRunning: false })
      this.#runtime.log.error('a delivery failed, and is given back', { group: this.group, error })
    }
    try {
      const run = unit instanceof Job ? this.#runOne(unit, ended) : this.#runBatch(unit, ended)
      run?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** `ended` is called as soon as the handler has ended: what comes then, answers of the broker, needs no slot. */
  #runOne(job: Job, ended: () => void): void | Promise<void> {
    if (job.gone) return ended()
    const handler = this.#handlerOf(job)
    this.#begin(job)
    const outcome = this.#attempts.make(job, handler as Handler | undefined)
    const conclude = (is: Outcome): void | Promise<void> => {
      ended()
      return this.#conclude(job, handler, is)
    }
    return outcome instanceof Promise ? outcome.then(conclude) : conclude(outcome)
  }

  async #runBatch(batch: Batch, ended: () => void): Promise<void> {
    const jobs = batch.jobs.filter((job) => !job.gone)
    if (jobs.length === 0) return ended()
    const call = new BatchCall(this.#runtime, batch.handler, jobs.length, this.#attempts)
    let open = jobs.length
    for (const job of jobs) this.#begin(job)
    await Promise.all(
      jobs.map(async (job) => {
        const seat = call.seat()
        const leave = (): void => seat.leave()
        const outcome = await this.#attempts.make(job, seat.asHandler, leave)
        leave()
        if (--open === 0) ended()
        await this.#conclude(job, batch.handler, outcome)
      }),
    )
  }

  #begin(job: Job): void {
    const { telling, clock } = this.#runtime
    job.running = true
    if (telling.hearsHandled) job.begun = clock.now()
  }

  /** Settles a delivery by what became of its attempt, or arranges the next one. A promise where that takes time. */
  #conclude(job: Job, handler: AnyHandler | undefined, outcome: Outcome): void | Promise<void> {
    if (job.gone) return this.#passOn(job)
    if (outcome === 'given-back') return this.#giveBack(job, { isRunning: false, begun: false })
    if (typeof outcome !== 'string') return this.#surely(job, this.#failed(job, handler, outcome))
    if (job.replayOf === undefined) return this.#done(job, outcome)
    const stays = outcome === 'superseded'
    const noted = stays
      ? this.#settlement.letterStays(job, job.replayOf)
      : this.#settlement.letterDone(job, job.replayOf)
    return this.#surely(
      job,
      noted.then(() => this.#done(job, outcome)),
    )
  }

  #done(job: Job, outcome: Exclude<Outcome, Failed | 'given-back'>): void {
    this.#ack(job)
    const { telling, clock } = this.#runtime
    if (outcome === 'superseded' || (outcome === 'handled' && !telling.hearsHandled)) return
    const delivered = { message: job.delivery.message, group: this.group, attempt: job.attempt }
    if (outcome !== 'handled') return telling[outcome](delivered)
    const now = clock.now()
    telling.handled(delivered, now - (job.begun ?? now))
  }

  /** Whatever goes wrong, a delivery is settled or given back. */
  async #surely(job: Job, concluding: Promise<void>): Promise<void> {
    try {
      await concluding
    } catch (error) {
      this.#runtime.log.warn('a delivery could not be settled, and is given back', { group: this.group, error })
      if (job.gone) this.#passOn(job)
      else this.#giveBack(job, { isRunning: false })
    }
  }

  async #failed(job: Job, handler: AnyHandler | undefined, failed: Failed): Promise<void> {
    const runtime = this.#runtime
    const { error } = failed
    const delivered = { message: job.delivery.message, group: this.group, attempt: job.attempt }
    const verdict = verdictOn(job, failed, (handler ?? this.handlers).policy, runtime)
    if (verdict.reason !== undefined) {
      runtime.telling.failed(delivered, error, undefined)
      await this.#settlement.giveUp(job, handler, verdict.reason, error)
      this.#ack(job)
      return
    }
    runtime.telling.failed(delivered, error, verdict.delay)
    if (verdict.mayLeave && (await this.#settlement.retryLater(job, verdict.delay))) this.#ack(job)
    else this.#waitHere(job, verdict.delay)
  }

  #waitHere(job: Job, delay: number): void {
    if (job.gone) return this.#passOn(job)
    if (this.#membership.isStopped) return this.#giveBack(job, { isRunning: false })
    job.running = false
    job.cancelWait = this.#runtime.clock.after(delay, () => {
      job.cancelWait = undefined
      this.#makeReady(job)
    })
  }

  #ack(job: Job): void {
    if (!job.gone) {
      job.delivery.ack()
      this.#settled++
      this.#lastProgress = this.#runtime.clock.now()
      this.#forget(job)
    }
    this.#passOn(job)
  }

  /** While its handler still runs, the next one of its key waits for the end of that. */
  #giveBack(job: Job, { isRunning = job.running, begun = job.context !== undefined } = {}): void {
    job.gone = true
    job.cancelWait?.()
    job.delivery.nack({ begun })
    this.#forget(job)
    if (!isRunning) this.#passOn(job)
  }

  /** What is ours no more; a handler that runs keeps the turn of its key. */
  #lose(jobs: readonly Job[], reason: unknown): void {
    for (const job of jobs) {
      job.gone = true
      job.cancelWait?.()
      job.context?.abort(reason)
      this.#forget(job)
    }
    // In two steps, so that none of them lets another one of its key begin.
    for (const job of jobs) if (!job.running) this.#passOn(job)
    // A connection that comes and goes while handlers are slow must not leave what it lost in the queues.
    this.#slots.keep((unit) => !(unit instanceof Job && unit.gone))
    this.#lanes.forgetGone()
  }

  #forget(job: Job): void {
    this.#held.delete(job)
    this.#limit()
  }

  /** The turn of its key goes to the next one. */
  #passOn(job: Job): void {
    if (!job.hasTurn) return
    job.hasTurn = false
    const next = this.#lanes.leave(job)
    if (next !== undefined && !this.#membership.isStopped) this.#makeReady(next)
  }

  #handlerOf({ delivery }: Job): AnyHandler | undefined {
    return this.handlers.find(String(delivery.message.attributes['type']))
  }
}
