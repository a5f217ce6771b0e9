import { EventStormError, isTidingsError } from '@tidings/core'
import type { AnyDefinedEvent, TidingsEvent } from '@tidings/events'
import type { DeadLetter, DeadLetterReason } from '../dead-letter/store.ts'
import { AttemptTimeoutError } from '../errors.ts'
import type { Handler } from '../handler/handler.ts'
import { deliveryHeaders, type Message } from '../message/message.ts'
import { readEvent, unknownType, UnreadableError } from '../message/read.ts'
import { Job } from './job.ts'
import { JobContext } from './job-context.ts'
import { type Runtime, throughReceivers } from './runtime.ts'

/**
 * How an attempt ended: `superseded` is the replay of a letter that is not, or not yet, to be replayed; `given-back` by
 * a handler of our own that did not take it.
 */
export type Outcome = 'handled' | 'duplicate' | 'expired' | 'superseded' | 'given-back' | Failed

export interface Failed {
  readonly error: unknown
  /** Where no further attempt can help. */
  readonly reason: DeadLetterReason | undefined
  /** Whether it counts as an attempt: not when the event could not be read, or what the bus itself needs was away. */
  readonly counts: boolean
}

/** What the bus needs before a handler is called could not be asked: the event has no part in it. */
class Unavailable extends Error {
  constructor(cause: unknown) {
    super('the inbox or the dead letters could not be asked', { cause })
  }
}

/** Thrown by handlers of our own (the pull iterator) to give an event back as if it had not been delivered. */
export const giveBack: unique symbol = Symbol('give back')

/** How often a delivery may come back without an answer before it is taken for one that ends its process. */
const maxRedeliveries = 20

/** What the attempts of one group share. */
export interface Attempts {
  /** The ids that are being handled by idempotent handlers, each with the promise of its end. */
  readonly busy: Map<string, Promise<unknown>>
  /** Handlers that go on after their time was up. */
  overdue: number
}

/** One attempt at one delivery. Never rejects. `onTwin` is told when it has to wait for a duplicate to end. */
export async function attempt(
  runtime: Runtime,
  group: string,
  job: Job,
  handler: Handler | undefined,
  attempts: Attempts,
  onTwin?: () => void,
): Promise<Outcome> {
  try {
    const { message, redeliveries = 0 } = job.delivery
    if (hasExpired(message, runtime)) return 'expired'
    if (redeliveries > maxRedeliveries) return { error: unsettled(redeliveries), reason: 'unsettled', counts: false }
    if (handler === undefined) throw unknownType(message)
    if (handler.policy.deadLetter === 'park-key' && job.key !== undefined) {
      const first = await asked(() => runtime.deadLetters?.firstOfKey(group, job.key!))
      const replayOf = message.headers[deliveryHeaders.replayOf]
      if (replayOf !== undefined && first?.id !== replayOf) return 'superseded'
      if (replayOf === undefined && first !== undefined) {
        return { error: parkedBehind(first), reason: 'key-parked', counts: false }
      }
    }
    const receiving = (): void | Promise<void> => receive(runtime, group, job, handler, attempts)
    if (!handler.policy.idempotent) await receiving()
    else if (!(await onceOnly(runtime, group, job, attempts.busy, receiving, onTwin))) return 'duplicate'
    return 'handled'
  } catch (error) {
    if (error === giveBack) return 'given-back'
    if (error instanceof Unavailable) return { error: error.cause, reason: undefined, counts: false }
    return { error, reason: reasonOf(error), counts: !(error instanceof UnreadableError) }
  }
}

async function asked<T>(ask: () => T): Promise<Awaited<T>> {
  try {
    return await ask()
  } catch (error) {
    throw new Unavailable(error)
  }
}

/** Runs `handle` unless the inbox has the event; says whether it did. */
async function onceOnly(
  { inbox }: Runtime,
  group: string,
  { delivery }: Job,
  busy: Attempts['busy'],
  handle: () => void | Promise<void>,
  onTwin: (() => void) | undefined,
): Promise<boolean> {
  const { source, id } = delivery.message.attributes
  const key = `${group} ${String(source)} ${String(id)}`
  // A duplicate waits for the outcome of its twin: left out after a success, handled after a failure.
  for (let twin = busy.get(key); twin !== undefined; twin = busy.get(key)) {
    onTwin?.()
    await twin
  }
  let done!: () => void
  busy.set(key, new Promise<void>((resolve) => (done = resolve)))
  try {
    if (await asked(() => inbox.has(key))) return false
    await handle()
    await inbox.add(key)
    return true
  } finally {
    busy.delete(key)
    done()
  }
}

/** Reads the event and calls its handler, within the middleware. */
function receive(
  runtime: Runtime,
  group: string,
  job: Job,
  handler: Handler | undefined,
  attempts: Attempts,
): void | Promise<void> {
  const { message } = job.delivery
  if (runtime.receivers.length === 0) return handle(runtime, group, job, message, handler, attempts)
  // What a middleware passes on may differ from attempt to attempt.
  job.event = undefined
  const incoming = { message, group, attempt: job.attempt }
  return throughReceivers(runtime, incoming, async (last) =>
    handle(runtime, group, job, last.message, handler, attempts),
  )
}

function handle(
  runtime: Runtime,
  group: string,
  job: Job,
  message: Message,
  handler: Handler | undefined,
  attempts: Attempts,
): void | Promise<void> {
  const event = (job.event ??= readEvent(message, handler && definitionFor(runtime, handler, message)))
  if (event.causationDepth > runtime.maxDepth) throw storm(event)
  const context = new JobContext(runtime, group, job, event)
  job.context = context
  const result = handler!.handle(event, context)
  if (!isThenable(result)) return undefined
  return inTime(runtime, handler!.policy.timeout, context, event, result, attempts)
}

/** The handler's own definition, where it has one for the type: another one may be of another version. */
function definitionFor({ events }: Runtime, { definitions }: Handler, message: Message): AnyDefinedEvent | undefined {
  const { type } = message.attributes
  return definitions.find((definition) => definition.type === type) ?? events.get(String(type))
}

/** Follows what a handler promised until its time is up; then its signal aborts, and the attempt has failed. */
function inTime(
  { clock }: Runtime,
  timeout: number,
  context: JobContext,
  event: TidingsEvent,
  result: PromiseLike<unknown>,
  attempts: Attempts,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let late = false
    const cancel =
      timeout === Infinity
        ? undefined
        : clock.after(timeout, () => {
            late = true
            attempts.overdue++
            const error = new AttemptTimeoutError(context.group, event.type, timeout)
            context.abort(error)
            reject(error)
          })
    const ended = (): void => {
      if (late) attempts.overdue--
      else cancel?.()
    }
    result.then(
      () => {
        ended()
        resolve()
      },
      (error: unknown) => {
        ended()
        reject(error)
      },
    )
  })
}

function hasExpired({ attributes }: Message, { clock }: Runtime): boolean {
  const expiry = attributes['expirytime']
  return expiry !== undefined && Date.parse(String(expiry)) <= clock.now()
}

/** Why no further attempt can help; undefined where one may. */
function reasonOf(error: unknown): DeadLetterReason | undefined {
  if (error instanceof UnreadableError) return error.reason
  if (isTidingsError(error, 'EVENT_STORM')) return 'event-storm'
  const isFinal = typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === false
  return isFinal ? 'permanent-error' : undefined
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

function storm({ type, causationDepth }: TidingsEvent): EventStormError {
  return new EventStormError(
    `an event "${type}" is the effect of ${causationDepth} events, each caused by the one before\n` +
      'Find the cycle by their correlation id, or raise `maxDepth` of createBus.',
    [type],
  )
}

function unsettled(times: number): Error {
  return new Error(`handed out ${times} times and never settled: it may end the process of its handler`)
}

function parkedBehind({ id }: DeadLetter): Error {
  return new Error(`an earlier event of its key is parked as ${id}`)
}
