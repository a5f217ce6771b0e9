import { isTidingsError } from '@tidings/core'
import { isFinal, isThenable } from '@tidings/core/tools'
import type { DeadLetterReason } from '../stores/dead-letters.ts'
import { UnreadableError } from '../message/read.ts'
import { TogetherError } from './batches.ts'

/**
 * How an attempt ended: `superseded` is a copy of what is parked, and is to stay so; `awaits-replay` comes behind letters
 * of its key that are on their way back; `given-back` by a handler of our own that did not take it.
 */
export type Outcome = 'handled' | 'duplicate' | 'expired' | 'superseded' | 'awaits-replay' | 'given-back' | Failed

export interface Failed {
  readonly error: unknown
  /** Where no further attempt can help. */
  readonly reason: DeadLetterReason | undefined
  /** Whether it counts as an attempt: not when the event could not be read, or what the bus itself needs was away. */
  readonly counts: boolean
  /** It failed in a batch, and is to be tried again outside of one. */
  readonly alone?: boolean
}

/** Thrown by handlers of our own (the pull iterator) to give an event back as if it had not been delivered. */
export const giveBack: Error = new Error('the event is given back')

/** It was handed out again and again, and never settled. */
export class UnsettledError extends Error {
  override readonly name = 'UnsettledError'

  /** `cause`: why its last attempt failed that had an end, where there was one. */
  constructor(times: number, cause: unknown) {
    super(
      `handed out ${times} times and never settled: it may end the process of its handler`,
      cause === undefined ? undefined : { cause },
    )
  }
}

/** What the bus needs before a handler is called could not be asked: the event has no part in it. */
class Unavailable extends Error {
  constructor(cause: unknown) {
    super('the inbox or the dead letters could not be asked', { cause })
  }
}

/** An answer that the bus itself needs before a handler is called. What it throws costs the event no attempt. */
export function asked<T>(ask: () => T | Promise<T>): T | Promise<T> {
  try {
    const answer = ask()
    return isThenable(answer) ? Promise.resolve(answer).catch(unavailable) : answer
  } catch (error) {
    return unavailable(error)
  }
}

/** As if it had not answered. */
export function unavailable(cause: unknown): never {
  throw new Unavailable(cause)
}

/** What an error makes of an attempt. Never throws, though anything may have been thrown: a revoked proxy, say. */
export function failureOf(error: unknown): Outcome {
  if (error === giveBack) return 'given-back'
  try {
    if (error instanceof Unavailable) return { error: error.cause, reason: undefined, counts: false }
    if (error instanceof TogetherError) return { error: error.cause, reason: undefined, counts: false, alone: true }
    if (error instanceof UnreadableError) return { error: error.cause, reason: error.reason, counts: false }
    if (isTidingsError(error, 'EVENT_STORM')) return { error, reason: 'event-storm', counts: true }
    return { error, reason: isFinal(error) ? 'permanent-error' : undefined, counts: true }
  } catch {
    return { error, reason: undefined, counts: true }
  }
}
