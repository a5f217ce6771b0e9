import type { HandlerLog } from '../handler/context.ts'
import type { Delivered } from '../observer.ts'
import type { Settled, Settlement } from '../transport/settlement.ts'
import type { Job } from './job.ts'
import type { Failed, Outcome } from './outcome.ts'
import type { Runtime } from './runtime.ts'

/** An attempt has failed; `retryIn` are the milliseconds to the next one. */
export function tellAttempt(
  { telling }: Runtime,
  group: string,
  job: Job,
  { error }: Failed,
  retryIn: number | undefined,
): void {
  telling.failed(deliveredOf(group, job), error, retryIn)
}

/** What a settlement came to, once it is as durable as the transport makes it. */
export function tellSettled(
  { telling, clock }: Runtime,
  group: string,
  job: Job,
  settlement: Settlement,
  outcome: Outcome,
  settled: Settled,
): void {
  if (settlement.as === 'handled') {
    if (settled === 'handled-before') return telling.duplicate(deliveredOf(group, job))
    const events = job.context?.effects?.events
    if (events !== undefined) for (const event of events) telling.published(event)
    if (!telling.hearsHandled) return
    const now = clock.now()
    telling.handled(deliveredOf(group, job), now - (job.begun ?? now))
  } else if (settlement.as === 'dead-lettered') {
    telling.deadLettered(settlement.letter)
  } else if (settlement.as === 'discarded') {
    if (outcome === 'duplicate' || outcome === 'expired') telling[outcome](deliveredOf(group, job))
    else if (typeof outcome === 'object') {
      const { reason = 'attempts-exhausted', error } = outcome
      telling.discarded(deliveredOf(group, job), reason, error)
    }
  }
}

/** The log line of an event whose letter could not be kept. */
export function warnUnparked(log: HandlerLog, group: string, job: Job, error: unknown): void {
  log.warn('an event could not be parked among the dead letters, and is tried again later', {
    ...factsOf(group, job),
    error,
  })
}

/** The log line of a delivery that goes back, since it could not be settled. */
export function warnUnsettled(log: HandlerLog, group: string, job: Job, error: unknown): void {
  log.error('a delivery could not be settled, and is given back', { ...factsOf(group, job), error })
}

function factsOf(group: string, job: Job): Record<string, unknown> {
  const { id, type } = job.delivery.message.attributes
  return { type, group, id, attempt: job.current }
}

function deliveredOf(group: string, job: Job): Delivered {
  return { message: job.delivery.message, group, attempt: job.current }
}
