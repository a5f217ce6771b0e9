import type { TidingsEvent } from '@tidings/events'
import type { ListNode } from '../collections/list.ts'
import { deliveryHeaders } from '../message/message.ts'
import type { Delivery } from '../transport/transport.ts'
import type { JobContext } from './job-context.ts'

/** A delivery while this member holds it. */
export class Job {
  readonly delivery: Delivery
  /** Its place in the order; undefined where it has none. */
  readonly key: string | undefined
  /** Attempts that failed, those of earlier copies included. */
  failures: number
  /** Attempts in a row that came to nothing, since what the bus itself needs was away. */
  postponed = 0
  /** RFC 3339. */
  firstFailedAt: string | undefined
  /** Read once for all attempts. */
  event: TidingsEvent | undefined = undefined
  /** From the first attempt on. */
  context: JobContext | undefined = undefined
  /** From the call of its handler until it is settled, or waits for its next attempt. */
  running = false
  /** When its last attempt began, where somebody wants to know. */
  begun: number | undefined = undefined
  /** The dead letter that it replays, once that is known to be its own. */
  replayOf: string | undefined = undefined
  /** Takes back the wait for the next attempt. */
  cancelWait: (() => void) | undefined = undefined
  /** Its place among what its consumer holds, while it does. */
  held: ListNode<Job> | undefined = undefined
  /** Whether it is kept out of batches. */
  alone = false
  /** Whether it is the turn of its key that it has. */
  hasTurn = false
  /** Lost or given back: whatever its handler does now, nothing of it is settled here. */
  gone = false

  constructor(delivery: Delivery, key: string | undefined) {
    const { headers } = delivery.message
    const attempt = headers[deliveryHeaders.attempt]
    this.delivery = delivery
    this.key = key
    // Anybody can write headers: what is no attempt of ours counts for none.
    this.failures = attempt !== undefined && /^[1-9]\d{0,5}$/.test(attempt) ? Number(attempt) - 1 : 0
    const failedAt = headers[deliveryHeaders.firstFailedAt]
    this.firstFailedAt = this.failures > 0 && !Number.isNaN(Date.parse(failedAt ?? '')) ? failedAt : undefined
  }

  /** Which attempt the next one is, from 1. */
  get attempt(): number {
    return this.failures + (this.delivery.redeliveries ?? 0) + 1
  }
}
