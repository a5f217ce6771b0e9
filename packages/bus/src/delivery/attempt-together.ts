import type { BatchHandler } from '../handler/handler.ts'
import type { Attempts } from './attempts.ts'
import { BatchCall } from './batches.ts'
import type { Job } from './job.ts'
import type { Outcome } from './outcome.ts'

/** Who is told of a batch under way. */
export interface BatchTold {
  /** What the attempt of one of them came to. */
  ended(job: Job, outcome: Outcome): void
  /** Before the last one is told. */
  allEnded(): void
}

/** One attempt at each of some deliveries, which share a call of their handler. */
export function attemptTogether(
  handler: BatchHandler,
  jobs: readonly Job[],
  attempts: Attempts,
  told: BatchTold,
): void {
  const call = new BatchCall(handler, jobs.length, attempts)
  let open = jobs.length
  for (const job of jobs) {
    const seat = call.seat()
    const leave = (): void => seat.leave()
    const ends = (outcome: Outcome): void => {
      leave()
      if (--open === 0) told.allEnded()
      told.ended(job, outcome)
    }
    void Promise.resolve(attempts.make(job, seat.asHandler, leave)).then(ends)
  }
}
