import { backoff } from '@tidings/core/tools'
import type { DeadLetterReason } from '../dead-letter/store.ts'
import type { Policy } from '../handler/policy.ts'
import type { Job } from './job.ts'
import type { Failed } from './outcome.ts'
import type { Runtime } from './runtime.ts'

/** What becomes of a delivery whose attempt has failed: given up for a reason, or tried again. */
export type Verdict =
  | { readonly reason: DeadLetterReason }
  | {
      readonly reason: undefined
      /** Milliseconds. */
      readonly delay: number
      /** Whether a copy may wait at the broker, in nobody's way; else it keeps its place here, and its key waits. */
      readonly mayLeave: boolean
    }

/** Milliseconds until what the bus itself needs, and could not ask so often, is asked again. */
const waitWhileAway = backoff({ delay: 100, max: 5000 })

/** Counts the failure in the job, and judges by the policy of its handler, or else of its group. */
export function verdictOn(
  job: Job,
  { reason: given, counts, alone = false }: Failed,
  policy: Policy,
  { clock, random, capabilities }: Runtime,
): Verdict {
  job.alone ||= alone
  // A newer member of the group may know what to do with it, and this one too when it has been brought up to date.
  const isNewer = given === 'unknown-type' || given === 'unknown-version'
  const isAttempt = counts || isNewer
  if (isAttempt) {
    job.failures++
    job.postponed = 0
    job.firstFailedAt ??= new Date(clock.now()).toISOString()
  }
  if (isAttempt && job.failures >= policy.attempts) return { reason: given ?? 'attempts-exhausted' }
  if (given !== undefined && !isNewer) return { reason: given }
  // No retry of the handler's, so its policy has no say; more and more slowly, since all that is held asks again.
  const isAway = !isAttempt && !alone
  const delay = isAway ? waitWhileAway(++job.postponed) : policy.backoff(Math.max(1, job.failures), random)
  return { reason: undefined, delay, mayLeave: job.key === undefined && isAttempt && capabilities.delay }
}
