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

/** The broker did not take the event in time, and has nothing of it. */
export class PublishTimeoutError extends TidingsError<'PUBLISH_TIMEOUT'> {
  override readonly name = 'PublishTimeoutError'

  constructor(type: string, timeout: number) {
    super(
      'PUBLISH_TIMEOUT',
      `an event "${type}" was not sent within ${timeout}ms\nThe broker is away, or has no room since handlers are slow: try later, or raise \`timeout\`.`,
      { details: { type, timeout } },
    )
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

/** The transport cannot do what a handler asks for. Thrown at start-up, before anything is delivered. */
export class CapabilityMissingError extends TidingsError<'CAPABILITY_MISSING'> {
  override readonly name = 'CapabilityMissingError'
  /** All that is missing. */
  readonly missing: readonly { readonly capability: string; readonly wantedBy: string }[]

  constructor(transport: string, missing: readonly { readonly capability: string; readonly wantedBy: string }[]) {
    const list = missing.map(({ capability, wantedBy }) => `${capability} (wanted by ${wantedBy})`).join(', ')
    // What the bus takes from elsewhere too, under the name of the capability.
    const own = ['inbox', 'deadLetters'].filter((store) => missing.some(({ capability }) => capability === store))
    const instead =
      own.length > 0 ? `, or give createBus its own ${own.map((store) => `\`${store}\``).join(' and ')}` : ''
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

  constructor(type: string, reason: string) {
    super(
      'REQUEST_FAILED',
      `the request "${type}" could not be handled: ${reason}\nThe event stands among the dead letters of the group that gave up.`,
      { details: { type } },
    )
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
