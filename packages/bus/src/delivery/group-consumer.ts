import { isThenable } from '@tidings/core/tools'
import type { AnyHandler, Handler } from '../handler/handler.ts'
import { keyOf } from '../message/message.ts'
import type { Settled, Settlement } from '../transport/settlement.ts'
import type { Connection, Delivery, GroupRequest } from '../transport/transport.ts'
import { Attempts } from './attempts.ts'
import { type Batch, BatchCall, Batches } from './batches.ts'
import { decide, decideUnparked, type Decision } from './decision.ts'
import { GroupHandlers } from './group-handlers.ts'
import { HeldJobs } from './held-jobs.ts'
import { Job } from './job.ts'
import { KeptMembership } from './kept-membership.ts'
import { Lanes } from './lanes.ts'
import { failureOf, type Outcome } from './outcome.ts'
import type { Runtime } from './runtime.ts'
import { causeOf, isRefusal, Settler } from './settler.ts'
import { Slots } from './slots.ts'
import { Survivors } from './survivors.ts'
import { tellAttempt, tellSettled, warnUnparked, warnUnsettled } from './tell.ts'

/** What waits for its next attempt here, where the transport cannot keep it, as a multiple of the prefetch. */
export const heldRetries = 10

/**
 * One member of one group, from the delivery of an event to its settlement:
 *
 * {@link #take} takes a delivery in · its key has its turn ({@link Lanes}) · a slot is free ({@link Slots}) · the handler
 * runs ({@link Attempts}) · {@link #conclude} has decided what follows ({@link decide}) · the transport carries it out
 * ({@link Settler}) · {@link #settled} tells what it came to, and passes the turn on.
 */
export class GroupConsumer {
  /** The whole name. */
  readonly group: string
  readonly handlers: GroupHandlers = new GroupHandlers()
  readonly held: HeldJobs
  readonly attempts: Attempts
  readonly membership: KeptMembership
  readonly #runtime: Runtime
  readonly #settler: Settler
  readonly #batches: Batches
  readonly #lanes = new Lanes()
  readonly #slots: Slots<Job | Batch>
  readonly #survivors = new Survivors()
  /** Settled since the start. */
  settledCount = 0
  /** When a delivery was last settled, in milliseconds since 1970. */
  lastProgress: number | undefined
  /** Deliveries that were given back at the end. */
  givenBack = 0

  constructor(group: string, runtime: Runtime) {
    this.group = group
    this.#runtime = runtime
    this.#settler = new Settler(runtime, group)
    this.#batches = new Batches(runtime, (batch) => this.#slots.add(batch))
    this.attempts = new Attempts(runtime, group, this.#survivors)
    this.membership = new KeptMembership(runtime.log, group, (delivery) => this.#take(delivery))
    this.held = new HeldJobs(runtime.clock, (jobs, reason) => this.#lose(jobs, reason))
    this.#slots = new Slots(
      () => this.handlers.policy.concurrency,
      (unit, ended) => this.#run(unit, ended),
    )
  }

  get isMember(): boolean {
    return this.membership.isHeld
  }

  /** Joins the group on the broker; again, when its handlers want other event types. */
  join(connection: Connection, signal?: AbortSignal): Promise<void> {
    const request = (): GroupRequest => {
      const { types, policy } = this.handlers
      const { prefetch, from, ordering, temporary } = policy
      // Where what waits for a retry is held here, it has room of its own.
      const most = this.#keepsRetries ? prefetch * (1 + heldRetries) : prefetch
      const ordered = ordering === 'per-key'
      return { group: this.group, types, prefetch: most, ordered, from, temporary, marks: this.handlers.marks }
    }
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
    // Twice as much only where a member that joins again is handed more before it can pause.
    const most = this.handlers.policy.prefetch * (this.#keepsRetries ? 2 + heldRetries : 2)
    if (this.membership.isStopped || this.held.size >= most) {
      giveBack(delivery, false)
      return
    }
    const job = new Job(delivery, this.handlers.policy.ordering === 'per-key' ? keyOf(delivery.message) : undefined)
    this.held.add(job)
    const hasTurn = this.#lanes.enter(job)
    this.#limit()
    if (hasTurn) this.#makeReady(job)
  }

  get #keepsRetries(): boolean {
    return this.#runtime.capabilities.ordering !== 'key' || !this.#runtime.capabilities.delay
  }

  /** Keeps to the prefetch, in which what waits for its next attempt has no place, nor what stands behind it. */
  #limit(): void {
    const active = this.held.size - this.held.waiting - this.#lanes.blocked
    this.held.areActive(active)
    const { prefetch } = this.handlers.policy
    // The transport keeps to the prefetch by itself, unless it was asked for more for what waits here.
    this.membership.pause(this.#keepsRetries ? active >= prefetch : active > prefetch)
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

  #run(unit: Job | Batch, ended: () => void): void {
    const failed = (error: unknown): void => {
      ended()
      const jobs = unit instanceof Job ? [unit] : unit.jobs
      for (const job of jobs) if (job.isOurs) this.#fail(job, error)
    }
    if (unit instanceof Job) this.#runOne(unit, ended, failed)
    else this.#runBatch(unit, ended).catch(failed)
  }

  /** `ended` is called as soon as the handler has ended: what comes then, answers of the broker, needs no slot. */
  #runOne(job: Job, ended: () => void, failed: (error: unknown) => void): void {
    if (!job.isOurs) return ended()
    const conclude = (is: Outcome): void => {
      ended()
      try {
        this.#conclude(job, handler, is)?.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
    const handler = this.#handlerOf(job)
    this.#begin(job)
    const outcome = this.attempts.make(job, handler as Handler | undefined)
    if (outcome instanceof Promise) void outcome.then(conclude)
    else conclude(outcome)
  }

  async #runBatch(batch: Batch, ended: () => void): Promise<void> {
    const jobs = batch.jobs.filter((job) => job.isOurs)
    if (jobs.length === 0) return ended()
    const call = new BatchCall(this.#runtime, batch.handler, jobs.length, this.attempts)
    let open = jobs.length
    for (const job of jobs) this.#begin(job)
    await Promise.all(
      jobs.map(async (job) => {
        const seat = call.seat()
        const leave = (): void => seat.leave()
        const outcome = await this.attempts.make(job, seat.asHandler, leave)
        leave()
        if (--open === 0) ended()
        await this.#conclude(job, batch.handler, outcome)
      }),
    )
  }

  #begin(job: Job): void {
    const { telling, clock } = this.#runtime
    job.begins()
    if (telling.hearsHandled) job.begun = clock.now()
  }

  /** Decides what follows from an attempt, and has it carried out. A promise where that takes time. */
  #conclude(job: Job, handler: AnyHandler | undefined, outcome: Outcome): void | Promise<void> {
    job.context?.ends()
    if (!job.isOurs) return this.#passOn(job)
    if (outcome === 'given-back') return this.#giveBack(job, { isRunning: false, begun: false })
    job.settles()
    const decision = decide(job, handler, outcome, (handler ?? this.handlers).policy, this.group, this.#runtime)
    if (typeof outcome === 'object') tellAttempt(this.#runtime, this.group, job, outcome, decision.retryIn)
    if (outcome === 'superseded' && job.replayOf !== undefined) {
      return this.#surely(job, this.#stay(job, job.replayOf, decision, handler, outcome))
    }
    return this.#carryOut(job, decision, handler, outcome)
  }

  async #stay(
    job: Job,
    letter: string,
    decision: Decision,
    handler: AnyHandler | undefined,
    outcome: Outcome,
  ): Promise<void> {
    await this.#settler.letterStays(job, letter)
    await this.#carryOut(job, decision, handler, outcome)
  }

  #carryOut(
    job: Job,
    { settlement, retryIn }: Decision,
    handler: AnyHandler | undefined,
    outcome: Outcome,
  ): void | Promise<void> {
    if (settlement === undefined) return this.#waitHere(job, retryIn)
    const settling = this.#settler.settle(job, settlement)
    if (!isThenable(settling)) return this.#settled(job, settlement, outcome, settling)
    if (handler?.policy.idempotent) this.attempts.twins.begins(job)
    return this.#surely(
      job,
      settling.then(
        (settled) => this.#settled(job, settlement, outcome, settled),
        (error: unknown) => this.#refused(job, settlement, handler, error),
      ),
    )
  }

  /** Nothing of a settlement was done. */
  #refused(job: Job, settlement: Settlement, handler: AnyHandler | undefined, error: unknown): void | Promise<void> {
    if (!job.isOurs || !isRefusal(error)) throw error
    const cause = causeOf(error)
    // Its own writes, or its effects, are a part of the attempt.
    if (settlement.as === 'handled') return this.#conclude(job, handler, failureOf(cause))
    if (settlement.as === 'dead-lettered') {
      const { policy } = handler ?? this.handlers
      warnUnparked(this.#runtime.log, this.group, job, cause)
      return this.#carryOut(
        job,
        decideUnparked(job, settlement.letter.error ?? cause, policy, this.#runtime),
        handler,
        'handled',
      )
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
      this.#forget(job)
    } else if (job.isOurs) {
      // Its signal tells so in a moment; it comes again by then.
      job.ends()
      this.#forget(job)
    }
    this.#passOn(job, isDone && settlement.as === 'handled')
  }

  /** Whatever goes wrong, a delivery is settled or given back. */
  async #surely(job: Job, concluding: void | Promise<void>): Promise<void> {
    try {
      await concluding
    } catch (error) {
      if (job.isOurs) this.#fail(job, error)
      else this.#passOn(job)
    }
  }

  #fail(job: Job, error: unknown): void {
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
    const cancel = this.#runtime.clock.after(Math.max(0, delay), () => {
      this.held.wakes(job)
      // In its state first, since that decides whether those behind it count.
      if (!this.#lanes.hasTurn(job)) job.queues()
      else this.#makeReady(job)
      this.#lanes.changes(job)
      this.#limit()
    })
    job.waits(cancel)
    this.held.waits(job)
    this.#lanes.changes(job)
    this.#limit()
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
    this.#forget(job)
  }

  /** What is ours no more; a handler that runs keeps the turn of its key. */
  #lose(jobs: readonly Job[], reason: unknown): void {
    for (const job of jobs) {
      this.#survivors.lost(job)
      job.isTaken()
      job.context?.abort(reason)
      this.#forget(job)
    }
    // In two steps, so that none of them lets another one of its key begin.
    for (const job of jobs) if (job.state === 'ended') this.#passOn(job)
    // A connection that comes and goes while handlers are slow must not leave what it lost in the queues.
    this.#slots.keep((unit) => !(unit instanceof Job && !unit.isOurs))
    this.#lanes.forgetGone()
    this.#limit()
  }

  #forget(job: Job): void {
    this.held.delete(job)
    this.#limit()
  }

  /** The turn of its key goes to the next one. */
  #passOn(job: Job, handled = false): void {
    this.attempts.twins.ends(job, handled)
    if (job.state === 'left') job.ends()
    this.held.isDoneWith(job)
    const next = this.#lanes.leave(job)
    // What stands behind one that waits has no place in the prefetch any more.
    if (next?.state === 'waiting') this.#limit()
    if (next !== undefined && next.state !== 'waiting' && !this.membership.isStopped) this.#makeReady(next)
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
