import type { GroupHealth, HealthStatus } from '../bus/types.ts'
import { deliveryHeaders, keyOf } from '../message/message.ts'
import type { AnyHandler } from '../handler/handler.ts'
import type { Connection, Delivery, Membership } from '../transport/transport.ts'
import { type Attempts, attempt, type Failed, type Outcome } from './attempt.ts'
import { type Batch, BatchCall, Batches } from './batches.ts'
import { Deque } from './deque.ts'
import { GroupHandlers } from './group-handlers.ts'
import { Job } from './job.ts'
import type { Runtime } from './runtime.ts'
import { Settlement } from './settlement.ts'

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
  readonly #attempts: Attempts = { busy: new Map(), overdue: 0 }
  /** Everything unsettled. */
  readonly #held = new Set<Job>()
  /** What may run as soon as there is a slot. */
  readonly #ready = new Deque<Job | Batch>()
  /** The keys that have a delivery here, each with those that wait behind it, if there are any. */
  readonly #lanes = new Map<string, Deque<Job> | undefined>()
  /** The signals of deliveries that are followed already. */
  readonly #followed = new Map<AbortSignal, () => void>()
  #membership: Membership | undefined
  #joining: Promise<void> | undefined
  #running = 0
  #settled = 0
  #lastProgress: number | undefined
  /** Since when there has been something to settle. */
  #heldSince = 0
  #stopped = false
  #whenIdle: (() => void)[] = []

  constructor(group: string, runtime: Runtime) {
    this.group = group
    this.#runtime = runtime
    this.#settlement = new Settlement(runtime, group)
    this.#batches = new Batches(runtime, (batch) => this.#startOrWait(batch))
  }

  get isMember(): boolean {
    return this.#membership !== undefined && !this.#stopped
  }

  /** Joins the group on the broker; again, when its handlers want other event types. */
  join(connection: Connection, signal?: AbortSignal): Promise<void> {
    const join = (): Promise<void> => this.#join(connection, signal)
    // At once where nothing is under way: on a transport that binds at once, what is published next arrives.
    const joined = this.#joining ? this.#joining.then(join, join) : join()
    const ended = joined.finally(() => {
      if (this.#joining === ended) this.#joining = undefined
    })
    ended.catch(() => {})
    this.#joining = ended
    return joined
  }

  async #join(connection: Connection, signal: AbortSignal | undefined): Promise<void> {
    if (this.#stopped) return
    const before = this.#membership
    const { types, policy } = this.handlers
    const { prefetch, from } = policy
    const ordered = policy.ordering === 'per-key'
    const request = { group: this.group, types, prefetch, ordered, from, temporary: false }
    this.#membership = await connection.subscribe(request, (delivery) => this.#take(delivery), signal)
    await before?.stop()
    if (this.#stopped) await this.#membership.stop()
  }

  /** Resolves when no join is under way. */
  async joined(): Promise<void> {
    while (this.#joining) await this.#joining.catch(() => {})
  }

  /** Takes no more deliveries and gives back what has not begun. Resolves when the broker knows. */
  async leave(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    const leaving = this.#membership?.stop()
    this.#batches.clear()
    this.#ready.clear()
    // In the order of arrival, so that a broker which puts them back one by one keeps it.
    const waiting = [...this.#held].filter((job) => !job.running)
    for (const job of waiting) this.#giveBack(job)
    await leaving
  }

  /** Resolves when nothing is held any more. */
  idle(): Promise<void> {
    return this.#held.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** Tells the handlers that still run to stop, and gives their deliveries back. */
  abandon(): void {
    this.#settlement.close()
    const reason = new DOMException('the bus was closed before the handler ended', 'AbortError')
    const left = [...this.#held]
    for (const job of left) job.context?.abort(reason)
    for (const job of left) this.#giveBack(job)
    for (const [signal, dropped] of this.#followed) signal.removeEventListener('abort', dropped)
    this.#followed.clear()
  }

  async health(stalledAfter: number, overall: HealthStatus): Promise<GroupHealth> {
    const since = Math.max(this.#lastProgress ?? 0, this.#heldSince)
    const stalled = this.#held.size > 0 && this.#runtime.clock.now() - since > stalledAfter
    return {
      group: this.group,
      status: overall === 'ok' ? (this.#membership === undefined ? 'starting' : stalled ? 'stalled' : 'ok') : overall,
      running: this.#running,
      held: this.#held.size - this.#running,
      overdue: this.#attempts.overdue,
      waiting: await this.#membership?.waiting(),
      settled: this.#settled,
      lastProgress: this.#lastProgress === undefined ? undefined : new Date(this.#lastProgress).toISOString(),
    }
  }

  #take(delivery: Delivery): void {
    const job = new Job(delivery, this.handlers.policy.ordering === 'per-key' ? keyOf(delivery.message) : undefined)
    if (this.#stopped) {
      delivery.nack()
      return
    }
    if (!this.#followed.has(delivery.lost)) this.#follow(delivery.lost)
    if (this.#held.size === 0) this.#heldSince = this.#runtime.clock.now()
    this.#held.add(job)
    if (job.key !== undefined) {
      if (this.#lanes.has(job.key)) {
        const lane = this.#lanes.get(job.key) ?? new Deque()
        this.#lanes.set(job.key, lane)
        lane.push(job)
        return
      }
      this.#lanes.set(job.key, undefined)
    }
    this.#makeReady(job)
  }

  /** Its turn has come, as far as the order goes. */
  #makeReady(job: Job): void {
    const handler = this.#handlerOf(job)
    if (handler?.batch) this.#batches.add(handler, job)
    else this.#startOrWait(job)
  }

  #startOrWait(unit: Job | Batch): void {
    if (this.#running < this.handlers.policy.concurrency) this.#start(unit)
    else this.#ready.push(unit)
  }

  #start(unit: Job | Batch): void {
    this.#running++
    const ended = (): void => {
      this.#running--
      this.#startNext()
    }
    void (unit instanceof Job ? this.#runOne(unit) : this.#runBatch(unit)).then(ended)
  }

  #startNext(): void {
    while (this.#running < this.handlers.policy.concurrency && !this.#stopped) {
      const unit = this.#ready.shift()
      if (unit === undefined) return
      if (!(unit instanceof Job && unit.gone)) this.#start(unit)
    }
  }

  async #runOne(job: Job): Promise<void> {
    const handler = this.#handlerOf(job)
    job.running = true
    const begun = this.#runtime.clock.now()
    const outcome = await attempt(this.#runtime, this.group, job, handler as never, this.#attempts)
    await this.#conclude(job, handler, outcome, begun)
  }

  async #runBatch(batch: Batch): Promise<void> {
    const jobs = batch.jobs.filter((job) => !job.gone)
    const call = new BatchCall(batch.handler, jobs.length)
    const begun = this.#runtime.clock.now()
    for (const job of jobs) job.running = true
    await Promise.all(
      jobs.map(async (job) => {
        const seat = call.seat()
        const leave = (): void => seat.leave()
        const outcome = await attempt(this.#runtime, this.group, job, seat.asHandler, this.#attempts, leave)
        leave()
        await this.#conclude(job, batch.handler, outcome, begun)
      }),
    )
  }

  /** Settles a delivery by what became of its attempt, or arranges the next one. */
  async #conclude(job: Job, handler: AnyHandler | undefined, outcome: Outcome, begun: number): Promise<void> {
    job.running = false
    if (job.gone) return this.#nextOf(job)
    const runtime = this.#runtime
    const { message } = job.delivery
    const delivered = { message, group: this.group, attempt: job.attempt }
    try {
      if (outcome === 'given-back') return this.#giveBack(job)
      if (typeof outcome !== 'string') return await this.#failed(job, handler, outcome)
      const replayOf = message.headers[deliveryHeaders.replayOf]
      if (replayOf !== undefined && outcome !== 'superseded') await this.#settlement.letterDone(job, replayOf)
      job.delivery.ack()
      if (outcome === 'handled') runtime.telling.handled(delivered, begun, runtime.clock.now())
      else if (outcome !== 'superseded') runtime.telling[outcome](delivered)
      this.#release(job)
    } catch (error) {
      // Only when the bus gave up settling: the broker takes the delivery back when the connection ends.
      runtime.log.warn('a delivery stays unsettled', { group: this.group, error })
      this.#release(job)
    }
  }

  async #failed(job: Job, handler: AnyHandler | undefined, { error, reason: given, counts }: Failed): Promise<void> {
    const runtime = this.#runtime
    const delivered = { message: job.delivery.message, group: this.group, attempt: job.attempt }
    // A newer member of the group may know what to do with it, and this one too when it has been brought up to date.
    const isNewer = given === 'unknown-type' || given === 'unknown-version'
    if (counts || isNewer) {
      job.failures++
      job.firstFailedAt ??= new Date(runtime.clock.now()).toISOString()
    }
    const { policy } = handler ?? this.handlers
    const isOver = (counts || isNewer) && job.failures >= policy.attempts
    const reason = isOver ? (given ?? 'attempts-exhausted') : isNewer ? undefined : given
    if (reason !== undefined) {
      runtime.telling.failed(delivered, error, undefined)
      await this.#settlement.giveUp(job, handler, reason, error)
      this.#release(job)
      return
    }
    const delay = policy.backoff(Math.max(1, job.failures), runtime.random)
    runtime.telling.failed(delivered, error, delay)
    // With a place in the order to keep, it waits here, and so does its key; else at the broker, in nobody's way.
    if (((counts && job.key === undefined) || isNewer) && runtime.capabilities.delay) {
      await this.#settlement.retryLater(job, delay)
      this.#release(job)
    } else {
      this.#waitHere(job, delay)
    }
  }

  #waitHere(job: Job, delay: number): void {
    if (this.#stopped) {
      this.#giveBack(job)
      return
    }
    job.cancelWait = this.#runtime.clock.after(delay, () => {
      job.cancelWait = undefined
      this.#makeReady(job)
    })
  }

  #giveBack(job: Job): void {
    job.gone = true
    job.cancelWait?.()
    job.delivery.nack()
    this.#release(job, false)
  }

  /** A delivery is off our hands: the next one of its key may come. */
  #release(job: Job, progress = true): void {
    if (!this.#held.delete(job)) return
    if (progress) {
      this.#settled++
      this.#lastProgress = this.#runtime.clock.now()
    }
    if (this.#held.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
    // Lost, and its handler still runs: the next one of the key has to wait for the end of that.
    if (!job.running) this.#nextOf(job)
  }

  #nextOf(job: Job): void {
    if (job.key === undefined) return
    const lane = this.#lanes.get(job.key)
    let next = lane?.shift()
    while (next?.gone) next = lane?.shift()
    if (next === undefined) this.#lanes.delete(job.key)
    else if (!this.#stopped) this.#makeReady(next)
  }

  /** Lets go of deliveries that are ours no more. */
  #follow(lost: AbortSignal): void {
    const dropped = (): void => {
      this.#followed.delete(lost)
      const gone = [...this.#held].filter(({ delivery }) => delivery.lost === lost)
      for (const job of gone) {
        job.gone = true
        job.cancelWait?.()
        job.context?.abort(lost.reason)
      }
      // In two steps, so that none of them lets another one of its key begin.
      for (const job of gone) this.#release(job, false)
    }
    this.#followed.set(lost, dropped)
    if (lost.aborted) dropped()
    else lost.addEventListener('abort', dropped, { once: true })
  }

  #handlerOf({ delivery }: Job): AnyHandler | undefined {
    return this.handlers.find(String(delivery.message.attributes['type']))
  }
}
