import { milliseconds } from '@tidings/core'
import { backoff, invalidArgument, knownOptions, longestBackoff, oneOf, whole } from '@tidings/core/tools'
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
  readonly temporary: boolean
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
  const ordering = oneOf(options.ordering, ['per-key', 'none'], 'ordering')
  const deadLetter = oneOf(options.deadLetter, ['park', 'park-key', 'discard'], 'deadLetter')
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
    idempotent: oneOf(options.idempotent, [false, true], 'idempotent'),
    from: oneOf(options.from, ['latest', 'earliest'], 'from'),
    temporary: oneOf(options.temporary, [false, true], 'temporary'),
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
  const growth = { delay, factor: retry.factor, max, jitter: retry.jitter ?? true }
  return { attempts, backoff: backoff(growth, 'retry.'), longestBackoff: longestBackoff(growth, attempts) }
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
