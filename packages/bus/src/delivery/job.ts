import type { TidingsEvent } from '@tidings/events'
import type { ListNode } from '../collections/list.ts'
import type { Policy } from '../handler/policy.ts'
import { deliveryHeaders, keyOf } from '../message/message.ts'
import type { Delivery } from '../transport/transport.ts'
import type { JobContext } from './job-context.ts'

/**
 * Where a delivery is on its way through this member.
 *
 * `queued`: another one of its key has the turn. `ready`: its turn has come, and it waits for a slot or for its batch.
 * `running`: its attempt is under way. `settling`: the attempt has ended, and the transport carries out what follows.
 * `waiting`: it is held here until its next attempt. `left`: it is ours no more, while its attempt goes on. `ended`.
 */
export type JobState = 'queued' | 'ready' | 'running' | 'settling' | 'waiting' | 'left' | 'ended'

/** A delivery while this member has to do with it. */
export class Job {
  readonly delivery: Delivery
  /** Its place in the order; undefined where it has none. */
  readonly key: string | undefined
  /** Attempts that failed, those of earlier hand-outs included. */
  failures: number
  /** Attempts in a row that came to nothing, since what the bus itself needs was away. */
  cameToNothing = 0
  /** RFC 3339. */
  firstFailedAt: string | undefined
  /** Read once for all attempts. */
  event: TidingsEvent | undefined = undefined
  /** From the first attempt on. */
  context: JobContext | undefined = undefined
  /** Which attempt is the last one that began, from 1. */
  current = 0
  /** When that began, where somebody wants to know. */
  begun: number | undefined = undefined
  /** The dead letter that it replays, once that is known to be its own. */
  replayOf: string | undefined = undefined
  /** Its place among what its consumer holds, while it does. */
  held: ListNode<Job> | undefined = undefined
  /** Whether it is kept out of batches. */
  alone = false
  /** Whether the transport is at its settlement. */
  isLeaving = false
  #state: JobState = 'queued'
  /** Takes back the wait for the next attempt. */
  #cancelWait: (() => void) | undefined = undefined

  constructor(delivery: Delivery, ordering: Policy['ordering']) {
    const { headers } = delivery.message
    const attempt = headers[deliveryHeaders.attempt]
    this.delivery = delivery
    this.key = ordering === 'per-key' ? keyOf(delivery.message) : undefined
    // Anybody can write headers: what is no attempt of ours counts for none.
    this.failures = attempt !== undefined && /^[1-9]\d{0,5}$/.test(attempt) ? Number(attempt) - 1 : 0
    const failedAt = headers[deliveryHeaders.firstFailedAt]
    this.firstFailedAt = this.failures > 0 && !Number.isNaN(Date.parse(failedAt ?? '')) ? failedAt : undefined
  }

  get state(): JobState {
    return this.#state
  }

  /** Which attempt the next one is, from 1. */
  get attempt(): number {
    return this.failures + (this.delivery.redeliveries ?? 0) + 1
  }

  get isReplay(): boolean {
    return this.delivery.message.headers[deliveryHeaders.replayOf] !== undefined
  }

  /** Whether it can still be settled by this member. */
  get isOurs(): boolean {
    return this.#state !== 'left' && this.#state !== 'ended'
  }

  /** Whether it is under way: its handler runs, or what follows from that is carried out. */
  get isUnderWay(): boolean {
    return this.#state === 'running' || this.#state === 'settling'
  }

  /** Its turn has come. */
  getsReady(): void {
    this.#state = 'ready'
  }

  /** Its attempt begins. */
  begins(): void {
    this.current = this.attempt
    this.#state = 'running'
  }

  /** Its attempt has ended. */
  settles(): void {
    this.#state = 'settling'
  }

  /** It is held here for its next attempt; `cancel` takes the wait back. */
  waits(cancel: () => void): void {
    this.#state = 'waiting'
    this.#cancelWait = cancel
  }

  /** The time of its next attempt has come, while another one of its key has the turn. */
  queues(): void {
    this.#state = 'queued'
  }

  /** It is ours no more. Its attempt, where one is under way, goes on. */
  isTaken(): void {
    this.#cancelWait?.()
    this.#cancelWait = undefined
    this.#state = this.isUnderWay || this.#state === 'left' ? 'left' : 'ended'
  }

  /** Nothing of it is left to do. */
  ends(): void {
    this.#cancelWait?.()
    this.#cancelWait = undefined
    this.#state = 'ended'
  }
}
