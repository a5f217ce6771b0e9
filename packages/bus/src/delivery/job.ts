import type { TidingsEvent } from '@tidings/events'
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
  /** RFC 3339. */
  firstFailedAt: string | undefined
  /** Read once for all attempts. */
  event: TidingsEvent | undefined = undefined
  /** From the first attempt on. */
  context: JobContext | undefined = undefined
  running = false
  /** Takes back the wait for the next attempt. */
  cancelWait: (() => void) | undefined = undefined
  /** Lost or given back: whatever its handler does now, nothing of it is settled here. */
  gone = false

  constructor(delivery: Delivery, key: string | undefined) {
    const { headers } = delivery.message
    const attempt = Number(headers[deliveryHeaders.attempt] ?? 1)
    this.delivery = delivery
    this.key = key
    this.failures = Number.isSafeInteger(attempt) && attempt > 0 ? attempt - 1 : 0
    this.firstFailedAt = headers[deliveryHeaders.firstFailedAt]
  }

  /** Which attempt the next one is, from 1. */
  get attempt(): number {
    return this.failures + (this.delivery.redeliveries ?? 0) + 1
  }
}
