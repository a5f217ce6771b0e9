import { TidingsError, type TidingsErrorOptions } from '@tidings/core'
import type { TidingsEvent } from '@tidings/events'

/**
 * Thrown by a handler that knows that trying again is useless: the event goes to the dead letters at once,
 * also where another error has it as its cause. The letter keeps its `cause`, and its `details`, which must not hold
 * secrets.
 *
 * @example
 * throw new PermanentError('card declined', { cause: error, details: { orderId } })
 */
export class PermanentError extends TidingsError<'PERMANENT'> {
  override readonly name = 'PermanentError'
  /** What `retry` of `@tidings/decorators` asks too. */
  readonly retryable = false

  constructor(message: string, options?: TidingsErrorOptions) {
    super('PERMANENT', message, options)
  }
}

/** An attempt was not done within the `timeout` of its handler. */
export class AttemptTimeoutError extends TidingsError<'ATTEMPT_TIMEOUT'> {
  override readonly name = 'AttemptTimeoutError'

  constructor(group: string, type: string, timeout: number) {
    super(
      'ATTEMPT_TIMEOUT',
      `group "${group}" was not done with an event "${type}" within ${timeout}ms\nHeed \`context.signal\`, or raise \`timeout\`.`,
      { details: { group, type, timeout } },
    )
  }
}

/**
 * Nobody knows whether the broker took the event: the connection broke, or time was up, in between. Publishing `event`
 * again is safe: it keeps its id, so an idempotent handler sees it once.
 */
export class OutcomeUnknownError extends TidingsError<'OUTCOME_UNKNOWN'> {
  override readonly name = 'OutcomeUnknownError'
  /** Whatever its cause says: publishing again is what mends it. */
  readonly retryable = true
  /** Set by the bus; what to publish again. */
  event: TidingsEvent | undefined

  constructor(reason: string, options?: { readonly cause?: unknown }) {
    super(
      'OUTCOME_UNKNOWN',
      `the broker may or may not have the event: ${reason}\nPublish \`error.event\` again: its id makes that safe for idempotent handlers.`,
      options,
    )
  }
}

/** The broker did not answer while the bus was starting. */
export class ConnectTimeoutError extends TidingsError<'CONNECT_TIMEOUT'> {
  override readonly name = 'ConnectTimeoutError'

  constructor(transport: string, timeout: number) {
    super(
      'CONNECT_TIMEOUT',
      `the transport ${transport} did not connect within ${timeout}ms\nSee whether its broker is up and its address right, or raise \`connectTimeout\`.`,
      { details: { transport, timeout } },
    )
  }
}

/** The broker did not take the event in time, and has nothing of it. `cause` is a `NoRoomError` where groups are full. */
export class PublishTimeoutError extends TidingsError<'PUBLISH_TIMEOUT'> {
  override readonly name = 'PublishTimeoutError'

  constructor(type: string, timeout: number, noRoom?: NoRoomError) {
    const why = noRoom === undefined ? '' : `: ${noRoom.what}`
    const fix =
      noRoom === undefined
        ? 'The broker is away or slow: try later, or raise `timeout`.'
        : 'Its handlers are slow, or nobody handles it any more: add members, or remove the group with bus.groups.remove.'
    super('PUBLISH_TIMEOUT', `an event "${type}" was not sent within ${timeout}ms${why}\n${fix}`, {
      details: { type, timeout, ...(noRoom === undefined ? {} : { groups: noRoom.groups }) },
      ...(noRoom === undefined ? {} : { cause: noRoom }),
    })
  }
}

/** What is known of a group that has no room. */
export interface FullGroup {
  readonly group: string
  readonly waiting: number
  readonly handedOut: number
  readonly delayed: number
  readonly retrying: number
}

/** A publish gave up waiting for room. Thrown by transports; its cause is the reason of the signal that ended the wait. */
export class NoRoomError extends TidingsError<'NO_ROOM'> {
  override readonly name = 'NoRoomError'
  readonly groups: readonly FullGroup[]
  /** The groups, and of what they are full, in words. */
  readonly what: string

  constructor(type: string, groups: readonly FullGroup[], cause: unknown) {
    const what = groups.map(inWords).join('; ')
    super('NO_ROOM', `no room for an event "${type}": ${what}\nAdd members, or remove a group that nobody handles.`, {
      cause,
      details: { type, groups },
    })
    this.groups = groups
    this.what = what
  }
}

function inWords({ group, waiting, handedOut, delayed, retrying }: FullGroup): string {
  return `group "${group}" is full (${waiting} waiting, ${handedOut} handed out and unsettled, ${delayed} delayed, ${retrying} waiting for a retry)`
}

/** A group that is to be removed has members. */
export class GroupInUseError extends TidingsError<'GROUP_IN_USE'> {
  override readonly name = 'GroupInUseError'

  constructor(group: string, members: number) {
    super(
      'GROUP_IN_USE',
      `group "${group}" is not removed: it has ${members} member${members === 1 ? '' : 's'}\nEnd its handlers first, in every process: their events would be lost.`,
      { details: { group, members } },
    )
  }
}

/** What a handler, or the function of a transaction, did not wait for comes when it has ended: too late to be a part of it. */
export class EffectTooLateError extends TidingsError<'EFFECT_TOO_LATE'> {
  override readonly name = 'EffectTooLateError'

  /** `of`: the group, and the type of the event that it handles; left out for a transaction outside of handlers. */
  constructor(what: string, of?: { readonly group: string; readonly type: string }) {
    const why =
      of === undefined
        ? 'the function of the transaction that it belongs to has ended'
        : `group "${of.group}" is done with the event "${of.type}" that it belongs to`
    const whom = of === undefined ? 'the function' : 'the handler'
    super(
      'EFFECT_TOO_LATE',
      `${what} is refused: ${why}\nAwait it before ${whom} returns; what may leave whatever becomes of the rest is published with \`immediate: true\`.`,
      { details: { ...of } },
    )
  }
}

/** An attempt, or a transaction, has published more than one commit may hold. */
export class EffectsOverflowError extends TidingsError<'EFFECTS_OVERFLOW'> {
  override readonly name = 'EffectsOverflowError'

  /** `group` is left out for a transaction outside of handlers. */
  constructor(type: string, most: number, size: number, group?: string) {
    const who = group === undefined ? 'a transaction' : `group "${group}"`
    const until = group === undefined ? 'its commit' : 'the attempt has succeeded'
    super(
      'EFFECTS_OVERFLOW',
      `${who} may not publish another "${type}": what it publishes is held back until ${until}, ${most} events and ${size} bytes of data at most\nPublish fewer, or with \`immediate: true\` what may leave whatever becomes of the rest.`,
      { details: { ...(group === undefined ? {} : { group }), type, most, size } },
    )
  }
}

/** There was still something to do when the time of `bus.idle` was up. */
export class IdleTimeoutError extends TidingsError<'IDLE_TIMEOUT'> {
  override readonly name = 'IdleTimeoutError'

  constructor(timeout: number, left: string) {
    super('IDLE_TIMEOUT', `the bus was not idle within ${timeout}ms: ${left}\nWait longer, or see bus.health().`, {
      details: { timeout },
    })
  }
}

/** A message is larger than the transport takes. */
export class MessageTooLargeError extends TidingsError<'MESSAGE_TOO_LARGE'> {
  override readonly name = 'MessageTooLargeError'

  constructor(type: string, size: number, limit: number) {
    super(
      'MESSAGE_TOO_LARGE',
      `an event "${type}" has ${size} bytes, and the transport takes ${limit}\nKeep large data elsewhere and send a reference: claimCheck of @tidings/bus/integration does that.`,
      { details: { type, size, limit } },
    )
  }
}

/** A message is for one group, and the broker has none of that name. Nobody got it. */
export class UnknownGroupError extends TidingsError<'UNKNOWN_GROUP'> {
  override readonly name = 'UnknownGroupError'

  constructor(group: string, type: string) {
    super(
      'UNKNOWN_GROUP',
      `an event "${type}" for the group "${group}" is refused: the broker has no such group\nA group is there once a bus with a handler of it has been started; a group for replies goes with its requester.`,
      { details: { group, type } },
    )
  }
}

/** What a bus takes from elsewhere too, by its option, and which there are. */
const ownStores = {
  inbox:
    'memoryInbox() while the process runs, (await sqlite({ file }).stores()).inbox for the processes of one machine',
  deadLetters: 'memoryDeadLetters() while the process runs, (await sqlite({ file }).stores()).deadLetters to keep them',
} as const

/** The transport cannot do what a handler asks for. Thrown at start-up, before anything is delivered. */
export class CapabilityMissingError extends TidingsError<'CAPABILITY_MISSING'> {
  override readonly name = 'CapabilityMissingError'
  /** All that is missing. */
  readonly missing: readonly { readonly capability: string; readonly wantedBy: string }[]

  constructor(transport: string, missing: readonly { readonly capability: string; readonly wantedBy: string }[]) {
    const list = missing.map(({ capability, wantedBy }) => `${capability} (wanted by ${wantedBy})`).join(', ')
    // What the bus takes from elsewhere too, under the name of the capability.
    const own = Object.entries(ownStores).filter(([store]) =>
      missing.some(({ capability }) => capability.startsWith(store)),
    )
    const instead = own.map(([store, which]) => `, or give createBus its own \`${store}\`: ${which}`).join('')
    super(
      'CAPABILITY_MISSING',
      `the transport ${transport} lacks ${list}\nDo without it there, or choose a transport that has it${instead}.`,
      { details: { transport, missing } },
    )
    this.missing = missing
  }
}

/** The bus was closed before this call. */
export class BusClosedError extends TidingsError<'BUS_CLOSED'> {
  override readonly name = 'BusClosedError'

  constructor(what: string) {
    super('BUS_CLOSED', `the bus is closed: ${what} is refused\nClose it last, when nobody needs it any more.`)
  }
}

/** Nobody answered a request in time. */
export class RequestTimeoutError extends TidingsError<'REQUEST_TIMEOUT'> {
  override readonly name = 'RequestTimeoutError'

  constructor(type: string, timeout: number) {
    super(
      'REQUEST_TIMEOUT',
      `nobody answered the request "${type}" within ${timeout}ms\nSome handler must call \`context.reply\`; raise \`timeout\` if it takes so long.`,
      { details: { type, timeout } },
    )
  }
}

/** The handler of a request gave up. */
export class RequestFailedError extends TidingsError<'REQUEST_FAILED'> {
  override readonly name = 'RequestFailedError'
  /** Why the event was given up; undefined where it was not handled at all. */
  readonly reason: string | undefined
  /** What the handler failed with, as it was recorded: name, code, message, details. */
  readonly error: Readonly<Record<string, unknown>> | undefined

  constructor(
    type: string,
    why: string,
    facts: {
      readonly reason?: string | undefined
      readonly error?: Readonly<Record<string, unknown>> | undefined
    } = {},
  ) {
    const { reason, error } = facts
    super(
      'REQUEST_FAILED',
      `the request "${type}" could not be handled: ${why}\nSee \`reason\` and \`error\`; its handler says what it throws.`,
      { details: { type, ...(reason === undefined ? {} : { reason }), ...(error === undefined ? {} : { error }) } },
    )
    this.reason = reason
    this.error = error
  }
}

/** A dead-letter store has no room for one more. The event stays with its group until there is. */
export class DeadLettersFullError extends TidingsError<'DEAD_LETTERS_FULL'> {
  override readonly name = 'DeadLettersFullError'

  constructor(limit: number) {
    super(
      'DEAD_LETTERS_FULL',
      `${limit} dead letters are kept already\nReplay or discard some: until then what fails is tried again, and nothing is lost.`,
      { details: { limit } },
    )
  }
}
