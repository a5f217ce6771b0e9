import { milliseconds } from '@tidings/core'
import { invalidArgument, knownOptions, oneOf, whole } from '../check.ts'
import type { BatchPolicy, HandlerOptions, RetryPolicy } from './options.ts'

/** The options of a handler with their defaults; durations in milliseconds. */
export interface Policy {
  readonly ordering: 'per-key' | 'none'
  readonly concurrency: number
  readonly prefetch: number
  /** `Infinity` for none. */
  readonly timeout: number
  /** The first attempt included. */
  readonly attempts: number
  /** The wait behind a failed attempt, counted from 1; `random` answers from 0 up to, not with, 1. */
  backoff(attempt: number, random: () => number): number
  /** The waits of all attempts together, at most. */
  readonly longestBackoff: number
  readonly deadLetter: 'park' | 'park-key' | 'discard'
  readonly idempotent: boolean
  readonly from: 'latest' | 'earliest'
  readonly batch: { readonly size: number; readonly wait: number } | undefined
}

const retryOptions = ['attempts', 'delay', 'factor', 'max', 'jitter']

/** Reads the options of a handler. Throws `INVALID_ARGUMENT` for what makes no sense. */
export function policyOf(options: HandlerOptions & { readonly batch?: BatchPolicy | undefined }): Policy {
  const concurrency = whole(options.concurrency ?? 10, 1, 'concurrency')
  const prefetch = whole(options.prefetch ?? Math.max(50, 2 * concurrency), 1, 'prefetch')
  if (prefetch < concurrency) {
    throw invalidArgument(
      'prefetch',
      `at least \`concurrency\`, ${concurrency}`,
      prefetch,
      'Fewer deliveries than that would leave handlers idle: raise it, or leave it out.',
    )
  }
  const ordering = oneOf(['per-key', 'none'], options.ordering, 'ordering')
  const deadLetter = oneOf(['park', 'park-key', 'discard'], options.deadLetter, 'deadLetter')
  if (deadLetter === 'park-key' && ordering === 'none') {
    throw invalidArgument(
      'deadLetter',
      "'park' where `ordering` is 'none'",
      deadLetter,
      "Without an order there is none to keep: set `ordering: 'per-key'`, or park events alone.",
    )
  }
  return {
    ordering,
    concurrency,
    prefetch,
    timeout: options.timeout === Infinity ? Infinity : positive(milliseconds(options.timeout ?? '30s', 'timeout')),
    ...retries(options.retry ?? {}),
    deadLetter,
    idempotent: oneOf([false, true], options.idempotent, 'idempotent'),
    from: oneOf(['latest', 'earliest'], options.from, 'from'),
    batch: options.batch && batchOf(options.batch, prefetch),
  }
}

function retries(retry: RetryPolicy | false): Pick<Policy, 'attempts' | 'backoff' | 'longestBackoff'> {
  if (retry === false) return { attempts: 1, backoff: () => 0, longestBackoff: 0 }
  knownOptions(retry, retryOptions, 'retry')
  const attempts = whole(retry.attempts ?? 5, 1, 'retry.attempts')
  const delay = milliseconds(retry.delay ?? '1s', 'retry.delay')
  if (delay === Infinity) throw invalidArgument('retry.delay', 'finite', delay, 'For one attempt: `retry: false`.')
  const max = milliseconds(retry.max ?? '1m', 'retry.max')
  const factor = retry.factor ?? 2
  if (!(Number.isFinite(factor) && factor >= 1)) {
    throw invalidArgument('retry.factor', 'a number from 1 on', factor, 'Leave it out for 2.')
  }
  const { jitter = true } = retry
  const part = typeof jitter === 'boolean' ? Number(jitter) / 2 : jitter
  if (!(part >= 0 && part <= 1)) {
    throw invalidArgument(
      'retry.jitter',
      'true, false, or a part from 0 to 1',
      jitter,
      'With 0.5 half is left to chance.',
    )
  }
  const full = (attempt: number): number => (delay === 0 ? 0 : Math.min(max, delay * factor ** (attempt - 1)))
  let longestBackoff = 0
  for (let attempt = 1; attempt < attempts; attempt++) {
    // Once at its longest, the wait stays as it is.
    if (full(attempt) >= max || factor === 1 || delay === 0) {
      longestBackoff += full(attempt) * (attempts - attempt)
      break
    }
    longestBackoff += full(attempt)
  }
  return { attempts, backoff: (attempt, random) => full(attempt) * (1 - part * random()), longestBackoff }
}

function batchOf(batch: BatchPolicy, prefetch: number): NonNullable<Policy['batch']> {
  knownOptions(batch, ['size', 'wait'], 'batch')
  const size = whole(batch.size, 1, 'batch.size')
  if (size > prefetch) {
    throw invalidArgument('batch.size', `at most \`prefetch\`, ${prefetch}`, size, 'Raise `prefetch`, or take less.')
  }
  return { size, wait: milliseconds(batch.wait ?? '50ms', 'batch.wait') }
}

function positive(timeout: number): number {
  if (timeout > 0) return timeout
  throw invalidArgument('timeout', 'more than 0', timeout, 'Use Infinity for none.')
}
