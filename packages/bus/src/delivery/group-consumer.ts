import { isThenable } from '@tidings/core/tools'
import type { AnyHandler, Handler } from '../handler/handler.ts'
import type { Settled, Settlement } from '../transport/settlement.ts'
import type { Connection, Delivery, GroupRequest } from '../transport/transport.ts'
import { Attempts } from './attempts.ts'
import { attemptTogether } from './attempt-together.ts'
import { type Batch, Batches } from './batches.ts'
import { decide, decideUnparked, type Decision } from './decision.ts'
import { GroupHandlers } from './group-handlers.ts'
import type { HeldJobs } from './held-jobs.ts'
import { Job } from './job.ts'
import { JobQueue } from './job-queue.ts'
import { KeptMembership } from './kept-membership.ts'
import { failureOf, type Outcome } from './outcome.ts'
import type { Runtime } from './runtime.ts'
import { causeOf, isRefusal, Settler } from './settler.ts'
import { Slots } from './slots.ts'
import { Survivors } from './survivors.ts'
import { tellAttempt, tellSettled, warnUnparked, warnUnsettled } from './tell.ts'

/**
 * One member of one group, from the delivery of an event to its settlement:
 *
 * {@link #take} takes a delivery in · its key has its turn ({@link JobQueue}) · a slot is free ({@link Slots}) · the handler
 * runs ({@link Attempts}) · {@link #conclude} has decided what follows ({@link decide}) · the transport carries it out
 * ({@link Settler}) · {@link #settled} tells what it came to, and passes the turn on.
 */
export class GroupConsumer {
  /** The whole name. */
  readonly group: string
  readonly handlers: GroupHandlers = new GroupHandlers()
  readonly attempts: Attempts
  readonly membership: KeptMembership
  readonly #runtime: Runtime
  readonly #queue: JobQueue
  readonly #batches: Batches
  readonly #slots: Slots<Job | Batch>
  readonly #settler: Settler
  readonly #survivors = new Survivors()
  /** Settled since the start. */
  settledCount = 0
  /** When a delivery was last settled, in milliseconds since 1970. */
  lastProgress: number | undefined
  /** Deliveries that were given back at the end. */
  givenBack = 0

  constructor(group: string, runtime: Runtime) {
    const { clock, log, capabilities } = runtime
    this.group = group
    this.#runtime = runtime
    this.#settler = new Settler(runtime, group)
    this.#batches = new Batches(clock, (batch) => this.#slots.add(batch))
    this.attempts = new Attempts(runtime, group, this.#survivors)
    this.membership = new KeptMembership(log, group, (delivery) => this.#take(delivery))
    this.#queue = new JobQueue({
      clock,
      membership: this.membership,
      keepsRetries: capabilities.ordering !== 'key' || !capabilities.delay,
      prefetch: () => this.handlers.policy.prefetch,
      ready: (job) => this.#makeReady(job),
      lost: (jobs, reason) => this.#lose(jobs, reason),
    })
    this.#slots = new Slots(
      () => this.handlers.policy.concurrency,
      (unit) => (unit instanceof Job ? this.#runOne(unit) : this.#runBatch(unit)),
    )
  }

  get held(): HeldJobs {
    return this.#queue.held
  }

  get isMember(): boolean {
    return this.membership.isHeld
  }

  /** Joins the group on the broker; again, when its handlers want other event types. */
  join(connection: Connection, signal?: AbortSignal): Promise<void> {
    const request = (): GroupRequest => this.handlers.request(this.group, this.#queue.wanted)
    return this.membership.join(connection, request, signal)
  }

  /** Takes no more deliveries and gives back what has not begun. Resolves when the broker knows. */
  async leave(): Promise<void> {
    if (this.membership.isStopped) return
    const leaving = this.membership.stop()
    this.#batches.clear()
    this.#slots.close()
    // In the order of arrival, so that a broker which puts them back one by one keeps it.
    for (const job of this.held.resting()) this.#giveBack(job)
    await leaving
  }

  /** Tells the handlers that still run to stop, gives their deliveries back, and waits for them no longer. */
  abandon(): void {
    const reason = new DOMException('the bus was closed before the handler ended', 'AbortError')
    const left = this.held.all()
    // A settlement on its way may be carried out still; where it is not, the end of the connection gives the delivery back.
    for (const job of left) if (job.state !== 'settling' || this.#settler.waits(job)) this.#giveBack(job)
    this.#settler.close()
    for (const job of [...left, ...this.held.left]) job.context?.leave(reason)
    this.held.close()
  }

  #take(delivery: Delivery): void {
    if (delivery.lost.aborted) return
    if (this.membership.isStopped || this.#queue.isFull) giveBack(delivery, false)
    else this.#queue.add(new Job(delivery, this.handlers.policy.ordering))
  }

  /** Its turn has come, as far as the order goes. */
  #makeReady(job: Job): void {
    job.getsReady()
    const handler = this.#handlerOf(job)
    // What has failed once is tried again alone: it may have been what made its batch fail.
    if (!handler?.batch) this.#slots.add(job)
    else if (job.alone || job.failures > 0) this.#slots.add({ handler, jobs: [job] })
    else this.#batches.add(handler, job)
  }

  /** Its slot is free as soon as the handler has ended: what comes then, answers of the broker, needs none. */
  #runOne(job: Job): void {
    if (!job.isOurs) return this.#slots.end()
    const handler = this.#handlerOf(job)
    this.#begin(job)
    const outcome = this.attempts.make(job, handler as Handler | undefined)
    if (outcome instanceof Promise) this.#endsLater(job, handler, outcome)
    else this.#ended(job, handler, outcome)
  }

  #endsLater(job: Job, handler: AnyHandler | undefined, outcome: Promise<Outcome>): void {
    void outcome.then((is) => this.#ended(job, handler, is))
  }

  #ended(job: Job, handler: AnyHandler | undefined, outcome: Outcome): void {
    this.#slots.end()
    this.#conclude(job, handler, outcome)
  }

  #runBatch(batch: Batch): void {
    const jobs = batch.jobs.filter((job) => job.isOurs)
    if (jobs.length === 0) return this.#slots.end()
    for (const job of jobs) this.#begin(job)
    attemptTogether(batch.handler, jobs, this.attempts, {
      ended: (job, outcome) => this.#conclude(job, batch.handler, outcome),
      allEnded: () => this.#slots.end(),
    })
  }

  #begin(job: Job): void {
    const { telling, clock } = this.#runtime
    job.begins()
    if (telling.hearsHandled) job.begun = clock.now()
  }

  /** Decides what follows from an attempt, and has it carried out. Whatever goes wrong, it is settled or given back. */
  #conclude(job: Job, handler: AnyHandler | undefined, outcome: Outcome): void {
    try {
      this.#follow(job, handler, outcome)
    } catch (error) {
      this.#fail(job, error)
    }
  }

  #follow(job: Job, handler: AnyHandler | undefined, outcome: Outcome): void {
    job.context?.ends()
    if (!job.isOurs) return this.#passOn(job)
    if (outcome === 'given-back') return this.#giveBack(job, { isRunning: false, begun: false })
    job.settles()
    const decision = decide(job, handler, outcome, (handler ?? this.handlers).policy, this.group, this.#runtime)
    if (typeof outcome === 'object') tellAttempt(this.#runtime, this.group, job, outcome, decision.retryIn)
    if (outcome === 'superseded' && job.replayOf !== undefined) this.#letterStays(job, job.replayOf, decision, handler)
    else this.#carryOut(job, decision, handler, outcome)
  }

  #letterStays(job: Job, id: string, decision: Decision, handler: AnyHandler | undefined): void {
    this.#settler
      .letterStays(job, id)
      .then(() => this.#carryOut(job, decision, handler, 'superseded'))
      .catch((error: unknown) => this.#fail(job, error))
  }

  #carryOut(job: Job, { settlement, retryIn }: Decision, handler: AnyHandler | undefined, outcome: Outcome): void {
    if (settlement === undefined) return this.#waitHere(job, retryIn)
    const settling = this.#settler.settle(job, settlement)
    if (isThenable(settling)) this.#awaitSettled(job, settlement, handler, outcome, settling)
    else this.#settled(job, settlement, outcome, settling)
  }

  #awaitSettled(
    job: Job,
    settlement: Settlement,
    handler: AnyHandler | undefined,
    outcome: Outcome,
    settling: Promise<Settled>,
  ): void {
    if (handler?.policy.idempotent) this.attempts.twins.begins(job)
    this.#queue.leaves(job)
    settling
      .then(
        (settled) => this.#settled(job, settlement, outcome, settled),
        (error: unknown) => this.#refused(job, settlement, handler, error),
      )
      .catch((error: unknown) => this.#fail(job, error))
  }

  /** Nothing of a settlement was done. */
  #refused(job: Job, settlement: Settlement, handler: AnyHandler | undefined, error: unknown): void {
    if (!job.isOurs || !isRefusal(error)) throw error
    const cause = causeOf(error)
    // Its own writes, or its effects, are a part of the attempt.
    if (settlement.as === 'handled') return this.#follow(job, handler, failureOf(cause))
    if (settlement.as === 'dead-lettered') {
      warnUnparked(this.#runtime.log, this.group, job, cause)
      const { policy } = handler ?? this.handlers
      const decision = decideUnparked(job, settlement.letter.error ?? cause, policy, this.#runtime)
      return this.#carryOut(job, decision, handler, 'handled')
    }
    if (settlement.as === 'later') return this.#waitHere(job, settlement.due - this.#runtime.clock.now())
    throw error
  }

  #settled(job: Job, settlement: Settlement, outcome: Outcome, settled: Settled): void {
    const isDone = settled !== 'lost'
    // Also of one that was lost since: what the transport says is done will not come again.
    if (isDone) {
      tellSettled(this.#runtime, this.group, job, settlement, outcome, settled)
      this.#survivors.settled(job)
      if (settlement.as !== 'later') this.settledCount++
      this.lastProgress = this.#runtime.clock.now()
      job.ends()
      this.#queue.forget(job)
    } else if (job.isOurs) {
      // Its signal tells so in a moment; it comes again by then.
      job.ends()
      this.#queue.forget(job)
    }
    this.#passOn(job, isDone && settlement.as === 'handled')
  }

  #fail(job: Job, error: unknown): void {
    if (!job.isOurs) return this.#passOn(job)
    // At the end that is no fault.
    if (!this.#settler.isClosed) warnUnsettled(this.#runtime.log, this.group, job, error)
    job.ends()
    this.#return(job, true)
    this.#passOn(job)
  }

  #waitHere(job: Job, delay: number): void {
    if (!job.isOurs) return this.#passOn(job)
    if (this.membership.isStopped) return this.#giveBack(job, { isRunning: false })
    this.attempts.twins.ends(job, false)
    this.#queue.waits(job, delay)
  }

  /** While its handler still runs, the next one of its key waits for the end of that. */
  #giveBack(job: Job, { isRunning = job.isUnderWay, begun = job.context !== undefined } = {}): void {
    if (isRunning) job.isTaken()
    else job.ends()
    this.#return(job, begun)
    if (!isRunning) this.#passOn(job)
  }

  #return(job: Job, begun: boolean): void {
    this.givenBack++
    giveBack(job.delivery, begun)
    this.#queue.forget(job)
  }

  /** What is ours no more; a handler that runs keeps the turn of its key. */
  #lose(jobs: readonly Job[], reason: unknown): void {
    for (const job of jobs) {
      this.#survivors.lost(job)
      job.isTaken()
      job.context?.abort(reason)
      this.#queue.forget(job)
    }
    // In two steps, so that none of them lets another one of its key begin.
    for (const job of jobs) if (job.state === 'ended') this.#passOn(job)
    // A connection that comes and goes while handlers are slow must not leave what it lost in the queues.
    this.#slots.keep((unit) => !(unit instanceof Job && !unit.isOurs))
    this.#queue.forgetGone()
  }

  /** The turn of its key goes to the next one. */
  #passOn(job: Job, handled = false): void {
    this.attempts.twins.ends(job, handled)
    this.#queue.passOn(job)
  }

  #handlerOf({ delivery }: Job): AnyHandler | undefined {
    return this.handlers.find(String(delivery.message.attributes['type']))
  }
}

/** Nobody hears whether it arrives: where it does not, the end of the connection gives it back. */
function giveBack(delivery: Delivery, begun: boolean): void {
  const back = async (): Promise<void> => {
    await delivery.settle({ as: 'given-back', begun })
  }
  back().catch(() => {})
}
