import { backoff } from '@tidings/core/tools'
import { letterHeaders, letterId } from '../dead-letter/letter.ts'
import { recorded } from '../dead-letter/recorded-error.ts'
import type { DeadLetter, DeadLetterReason } from '../stores/dead-letters.ts'
import type { AnyHandler } from '../handler/handler.ts'
import type { Policy } from '../handler/policy.ts'
import { deliveryHeaders, type Message, replyGroupOf } from '../message/message.ts'
import { oversize } from '../transport/message-size.ts'
import { discarded, handled, type Later, type Settlement } from '../transport/settlement.ts'
import type { Outgoing } from '../transport/transport.ts'
import { attemptHeaders } from './attempt-headers.ts'
import { identityOf } from './attempts.ts'
import type { Job } from './job.ts'
import type { Failed, Outcome } from './outcome.ts'
import type { Runtime } from './runtime.ts'

/** What follows from an attempt: a settlement, or that the delivery is held here so many milliseconds. */
export type Decision =
  | { readonly settlement: Settlement; readonly retryIn: number | undefined }
  | { readonly settlement: undefined; readonly retryIn: number }

/** Milliseconds until what the bus itself needs, and could not ask so often, is asked again. */
const waitWhileAway = backoff({ delay: 100, max: 5000 })
/** Until an event that could not be parked is tried again. */
const unparkedFor = 1000
/** Until an event looks again whether the letters of its key are back. */
const untilReplayed = 100

/** Whether no handler has seen the event. */
const unread: readonly DeadLetterReason[] = ['undecodable', 'invalid', 'unknown-type', 'unknown-version']

/** What follows from the outcome of an attempt. Counts the failure in the job; changes nothing else. */
export function decide(
  job: Job,
  handler: AnyHandler | undefined,
  outcome: Exclude<Outcome, 'given-back'>,
  policy: Policy,
  group: string,
  runtime: Runtime,
): Decision {
  if (outcome === 'handled') return { settlement: successOf(job, policy, runtime), retryIn: undefined }
  // A replay whose own letter is gone goes behind: before all others, it would wait for what it keeps waiting.
  if (outcome === 'awaits-replay') return later(job, untilReplayed, {}, runtime, !job.isReplay)
  if (typeof outcome === 'object') return afterFailure(job, handler, outcome, policy, group, runtime)
  const replayed = outcome === 'superseded' ? undefined : job.replayOf
  return { settlement: replayed === undefined ? discarded : { ...discarded, replayed }, retryIn: undefined }
}

/** What follows where the letter of an event could not be kept: its place is free, and it comes again. */
export function decideUnparked(job: Job, error: unknown, policy: Policy, runtime: Runtime): Decision {
  const delay = Math.max(unparkedFor, policy.backoff(Math.max(1, job.failures), runtime.random))
  return later(job, delay, attemptHeaders(job, error), runtime)
}

function successOf(job: Job, { idempotent }: Policy, { inbox, capabilities }: Runtime): Settlement {
  const { context, replayOf: replayed } = job
  const effects = context?.effects
  const work = context?.work
  const marks = idempotent && (inbox !== undefined || capabilities.inbox)
  if (effects === undefined && work === undefined && !marks && replayed === undefined) return handled
  return {
    as: 'handled',
    mark: marks ? identityOf(job) : undefined,
    effects: effects?.outgoing ?? handled.effects,
    replayed,
    work,
  }
}

/** Given up for a reason, or tried again. */
function afterFailure(
  job: Job,
  handler: AnyHandler | undefined,
  failed: Failed,
  policy: Policy,
  group: string,
  runtime: Runtime,
): Decision {
  const { reason: given, counts, alone = false, error } = failed
  const { clock, random } = runtime
  job.alone ||= alone
  // A newer member of the group may know what to do with it, and this one too when it has been brought up to date.
  const isNewer = given === 'unknown-type' || given === 'unknown-version'
  const isAttempt = counts || isNewer
  if (isAttempt) {
    job.failures++
    job.cameToNothing = 0
    job.firstFailedAt ??= new Date(clock.now()).toISOString()
  }
  if (isAttempt && job.failures >= policy.attempts) {
    return giveUp(job, handler, given ?? 'attempts-exhausted', error, group, runtime)
  }
  if (given !== undefined && !isNewer) return giveUp(job, handler, given, error, group, runtime)
  if (isAttempt) return later(job, policy.backoff(job.failures, random), attemptHeaders(job, error), runtime)
  // No retry of the handler's, so its policy has no say; more and more slowly, since all that is held asks again.
  if (!alone) return { settlement: undefined, retryIn: waitWhileAway(++job.cameToNothing) }
  return { settlement: undefined, retryIn: policy.backoff(Math.max(1, job.failures), random) }
}

/** Where the transport can keep what waits, it does: it takes no place here, and survives this process. */
function later(
  job: Job,
  delay: number,
  headers: Later['headers'],
  { capabilities, clock }: Runtime,
  keepsPlace = true,
): Decision {
  const inPlace = keepsPlace && job.key !== undefined
  const canWaitThere = inPlace ? capabilities.ordering === 'key' : capabilities.delay
  if (!canWaitThere) return { settlement: undefined, retryIn: delay }
  return { settlement: { as: 'later', due: clock.now() + delay, headers, inPlace }, retryIn: delay }
}

function giveUp(
  job: Job,
  handler: AnyHandler | undefined,
  reason: DeadLetterReason,
  error: unknown,
  group: string,
  runtime: Runtime,
): Decision {
  const answer = refusalToRequester(job, reason, error, runtime)
  const effects = answer === undefined ? [] : [answer]
  // Who asked is told; a letter besides is for those who say that they want one.
  const isKept = answer === undefined || handler?.options.deadLetter !== undefined
  if (handler?.policy.deadLetter !== 'discard' && isKept) {
    const letter = letterOf(job, handler, reason, error, group, runtime)
    return { settlement: { as: 'dead-lettered', letter, effects }, retryIn: undefined }
  }
  return { settlement: { as: 'discarded', effects, replayed: job.replayOf }, retryIn: undefined }
}

/** A requester waits for an answer that will not come. It gets the reason, and nothing of the event. */
function refusalToRequester(
  { delivery: { message } }: Job,
  reason: DeadLetterReason,
  error: unknown,
  { capabilities: { maxMessageSize } }: Runtime,
): Outgoing | undefined {
  const group = replyGroupOf(message)
  if (group === undefined) return undefined
  const { id, type, source } = message.attributes
  const { stack: _stack, cause: _cause, errors: _errors, ...facts } = recorded(error)
  const answer = (said: object): Message => ({
    attributes: { specversion: '1.0', id: String(id), type: String(type), source: String(source) },
    contentType: 'application/json',
    body: JSON.stringify(said),
    headers: { [deliveryHeaders.inReplyTo]: String(id), [deliveryHeaders.replyError]: reason },
  })
  const whole = answer({ reason, error: facts })
  // What the transport does not take would keep the event from being settled.
  return { group, message: oversize(whole, maxMessageSize) === undefined ? whole : answer({ reason }) }
}

function letterOf(
  job: Job,
  handler: AnyHandler | undefined,
  reason: DeadLetterReason,
  error: unknown,
  group: string,
  { clock }: Runtime,
): DeadLetter {
  const { message, redeliveries = 0 } = job.delivery
  const now = new Date(clock.now()).toISOString()
  return {
    id: job.replayOf ?? letterId(group, message),
    group,
    message: { ...message, headers: letterHeaders(message.headers) },
    reason,
    error: recorded(error),
    parksKey: handler?.policy.deadLetter === 'park-key' && job.key !== undefined,
    // What cannot be read was tried again only for other members' sake.
    attempts: unread.includes(reason) ? 0 : job.failures + (reason === 'unsettled' ? redeliveries : 0),
    firstFailedAt: job.firstFailedAt ?? now,
    lastFailedAt: now,
  }
}
