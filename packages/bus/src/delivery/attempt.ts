import { EventStormError, isTidingsError } from '@tidings/core'
import type { AnyDefinedEvent, TidingsEvent } from '@tidings/events'
import { letterId } from '../dead-letter/letter.ts'
import type { DeadLetter, DeadLetterReason } from '../dead-letter/store.ts'
import type { Handler } from '../handler/handler.ts'
import { deliveryHeaders, type Message } from '../message/message.ts'
import { readEvent, unknownType, UnreadableError } from '../message/read.ts'
import { TogetherError } from './batches.ts'
import { inTime, isThenable, type Overdue } from './in-time.ts'
import type { Job } from './job.ts'
import { JobContext } from './job-context.ts'
import { type Runtime, throughReceivers } from './runtime.ts'

/**
 * How an attempt ended: `superseded` is a copy of what is parked, and is to stay so; `given-back` by a handler of our
 * own that did not take it.
 */
export type Outcome = 'handled' | 'duplicate' | 'expired' | 'superseded' | 'given-back' | Failed

export interface Failed {
  readonly error: unknown
  /** Where no further attempt can help. */
  readonly reason: DeadLetterReason | undefined
  /** Whether it counts as an attempt: not when the event could not be read, or what the bus itself needs was away. */
  readonly counts: boolean
  /** It failed in a batch, and is to be tried again outside of one. */
  readonly alone?: boolean
}

/** What the attempts of one group share. */
export interface Attempts extends Overdue {
  /** The ids that are being handled by idempotent handlers, each with its end. */
  readonly busy: Map<string, End>
  /** Does a step until it is done, or the delivery is ours no more. */
  persist(job: Job, step: () => unknown): void | Promise<void>
}

/** Thrown by handlers of our own (the pull iterator) to give an event back as if it had not been delivered. */
export const giveBack: Error = new Error('the event is given back')

/** How often a delivery may come back without an answer before it is taken for one that ends its process. */
const maxRedeliveries = 20

/** What the bus needs before a handler is called could not be asked: the event has no part in it. */
class Unavailable extends Error {
  constructor(cause: unknown) {
    super('the inbox or the dead letters could not be asked', { cause })
  }
}

/** Something that may have to be waited for. */
type Step = void | Promise<void>

/**
 * One attempt at one delivery. Neither throws nor rejects, and is a promise only where something has to be waited for:
 * promises that wait for nothing cost a trivial handler a third of its throughput. `onTwin` is told when it has to wait
 * for a duplicate to end.
 */
export function attempt(
  runtime: Runtime,
  group: string,
  job: Job,
  handler: Handler | undefined,
  attempts: Attempts,
  onTwin?: () => void,
): Outcome | Promise<Outcome> {
  const receiving = (): Step => receive(runtime, group, job, handler!, attempts)
  const begin = (): Outcome | Promise<Outcome> => {
    if (handler!.policy.idempotent) return onceOnly(runtime, group, job, attempts, receiving, onTwin)
    const received = receiving()
    return received === undefined ? 'handled' : received.then(() => 'handled')
  }
  try {
    const refused = refusalOf(runtime, group, job, handler)
    const outcome = refused instanceof Promise ? refused.then((is) => is ?? begin()) : (refused ?? begin())
    return outcome instanceof Promise ? outcome.catch(failureOf) : outcome
  } catch (error) {
    return failureOf(error)
  }
}

/** What an error makes of an attempt. Never throws, though anything may have been thrown: a revoked proxy, say. */
function failureOf(error: unknown): Outcome {
  if (error === giveBack) return 'given-back'
  try {
    if (error instanceof Unavailable) return { error: error.cause, reason: undefined, counts: false }
    if (error instanceof TogetherError) return { error: error.cause, reason: undefined, counts: false, alone: true }
    if (error instanceof UnreadableError) return { error: error.cause, reason: error.reason, counts: false }
    if (isTidingsError(error, 'EVENT_STORM')) return { error, reason: 'event-storm', counts: true }
    const isFinal = typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === false
    return { error, reason: isFinal ? 'permanent-error' : undefined, counts: true }
  } catch {
    return { error, reason: undefined, counts: true }
  }
}

/** How a delivery ends that no handler is to see. The dead letters are asked only where they have a say. */
function refusalOf(
  runtime: Runtime,
  group: string,
  job: Job,
  handler: Handler | undefined,
): Outcome | undefined | Promise<Outcome | undefined> {
  const isReplay = job.delivery.message.headers[deliveryHeaders.replayOf] !== undefined
  const parksKey = handler?.policy.deadLetter === 'park-key' && job.key !== undefined
  if (!isReplay && !parksKey) return refusalByItself(runtime, job, handler)
  return (async () => {
    if (isReplay) await findLetter(runtime, group, job)
    return refusalByItself(runtime, job, handler) ?? (parksKey ? refusalByKey(runtime, group, job, job.key) : undefined)
  })()
}

function refusalByItself(runtime: Runtime, { delivery }: Job, handler: Handler | undefined): Outcome | undefined {
  const { message, redeliveries = 0 } = delivery
  if (hasExpired(message, runtime)) return 'expired'
  if (redeliveries > maxRedeliveries) return { error: unsettled(redeliveries), reason: 'unsettled', counts: false }
  if (handler === undefined) throw unknownType(message)
  return undefined
}

async function refusalByKey(
  { deadLetters }: Runtime,
  group: string,
  { delivery, replayOf }: Job,
  key: string,
): Promise<Outcome | undefined> {
  const first = await asked(() => deadLetters?.firstOfKey(group, key))
  if (first === undefined || first.id === replayOf) return undefined
  // A replay before its turn, or the parked event itself once more: its letter is all that is wanted.
  if (replayOf !== undefined || first.id === letterId(group, delivery.message)) return 'superseded'
  return { error: parkedBehind(first), reason: 'key-parked', counts: false }
}

/** An answer that the bus itself needs before a handler is called. */
function asked<T>(ask: () => T | Promise<T>): T | Promise<T> {
  try {
    const answer = ask()
    return answer instanceof Promise ? answer.catch(unavailable) : answer
  } catch (error) {
    return unavailable(error)
  }
}

function unavailable(cause: unknown): never {
  throw new Unavailable(cause)
}

/** Whose replay it is. Anybody can write headers: a letter of another group, or of another event, is not touched. */
async function findLetter({ deadLetters }: Runtime, group: string, job: Job): Promise<void> {
  const { headers, attributes } = job.delivery.message
  const letter = await asked(() => deadLetters?.get(headers[deliveryHeaders.replayOf]!))
  const { id, source } = letter?.message.attributes ?? {}
  if (letter?.group === group && id === attributes['id'] && source === attributes['source']) job.replayOf = letter.id
}

/** Runs `handle` unless the inbox has the event. */
function onceOnly(
  runtime: Runtime,
  group: string,
  job: Job,
  attempts: Attempts,
  handle: () => Step,
  onTwin: (() => void) | undefined,
): Outcome | Promise<Outcome> {
  const { busy } = attempts
  const { source, id } = job.delivery.message.attributes
  const key = `${group} ${String(source)} ${String(id)}`
  const twin = busy.get(key)
  if (twin !== undefined) {
    onTwin?.()
    // A duplicate waits for the outcome of its twin: left out after a success, handled after a failure.
    return twin.wait().then(() => onceOnly(runtime, group, job, attempts, handle, onTwin))
  }
  const end = new End()
  busy.set(key, end)
  const ended = (): void => {
    busy.delete(key)
    end.come()
  }
  let outcome: Outcome | Promise<Outcome> | undefined
  try {
    outcome = unlessKnown(runtime.inbox, key, handle, (step) => attempts.persist(job, step))
  } finally {
    if (!(outcome instanceof Promise)) ended()
  }
  return outcome instanceof Promise ? outcome.finally(ended) : outcome
}

/** Asks the inbox, handles, and tells the inbox. */
function unlessKnown(
  inbox: Runtime['inbox'],
  key: string,
  handle: () => Step,
  persist: (step: () => unknown) => Step,
): Outcome | Promise<Outcome> {
  const go = (isKnown: boolean): Outcome | Promise<Outcome> => {
    if (isKnown) return 'duplicate'
    // Once it is handled: that the inbox is away now must not have it handled again.
    const note = (): Step => persist(() => inbox.add(key))
    const handled = handle()
    const noted = handled === undefined ? note() : handled.then(note)
    return noted === undefined ? 'handled' : noted.then(() => 'handled')
  }
  const known = asked(() => inbox.has(key))
  return typeof known === 'boolean' ? go(known) : Promise.resolve(known).then(go)
}

/** The end of something, with a promise only where somebody waits for it. */
class End {
  #coming: Promise<void> | undefined
  #resolve: (() => void) | undefined

  wait(): Promise<void> {
    return (this.#coming ??= new Promise((resolve) => (this.#resolve = resolve)))
  }

  come(): void {
    this.#resolve?.()
  }
}

/** Reads the event and calls its handler, within the middleware. */
function receive(runtime: Runtime, group: string, job: Job, handler: Handler, attempts: Attempts): Step {
  // Lost, or given back, while the inbox was waited for: the next member has it now.
  if (job.gone) throw giveBack
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
  handler: Handler,
  attempts: Attempts,
): Step {
  if (job.gone) throw giveBack
  const event = (job.event ??= readEvent(message, definitionFor(runtime, handler, message)))
  if (event.causationDepth > runtime.maxDepth) throw storm(event)
  const context = new JobContext(runtime, group, job, event)
  job.context = context
  const result = handler.handle(event, context)
  const ended = isThenable(result) ? Promise.resolve(result).then(() => context.effects()) : context.effects()
  if (ended === undefined) return undefined
  const { timeout } = handler.policy
  const call = { clock: runtime.clock, group, type: event.type, timeout, contexts: [context], overdue: attempts }
  return inTime(call, ended)
}

/** The handler's own definition, where it has one for the type: another one may be of another version. */
function definitionFor({ events }: Runtime, { definitions }: Handler, message: Message): AnyDefinedEvent | undefined {
  const { type } = message.attributes
  return definitions.find((definition) => definition.type === type) ?? events.get(String(type))
}

function hasExpired({ attributes }: Message, { clock }: Runtime): boolean {
  const expiry = attributes['expirytime']
  return expiry !== undefined && Date.parse(String(expiry)) <= clock.now()
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
