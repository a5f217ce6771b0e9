import type { DefinedEvent, EventOf, InputOf, StandardSchema, TidingsEvent } from '@tidings/events'
import type { Publish } from './publish.ts'
import type { PublishOptions, RequestOptions } from './publish-options.ts'

/** What a handler is given beside its event. */
export interface HandlerContext {
  /** The whole name of the group. */
  readonly group: string
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /** Whether some member was given the event before. */
  readonly redelivered: boolean
  /** Aborts when the attempt is over time, the delivery is lost, or the deadline of `close` has passed. */
  readonly signal: AbortSignal
  /** Logs with the event's type and id, the group and the attempt. */
  readonly log: HandlerLog
  /**
   * Publishes an effect of the event: correlation and causation are set. Otherwise as `bus.publish`. Rejects with the
   * reason of `signal` once that has aborted.
   *
   * What is published is validated at once, held back, and goes out when the handler has succeeded, together with the
   * settlement of its event: an attempt that fails has no effects. The promise resolves when that is prepared. One that is
   * refused fails the attempt, awaited or not; one that comes after the end of the attempt is refused, by
   * `EffectTooLateError`. With `immediate: true` it leaves at once, whatever becomes of the attempt,
   * and the promise resolves when it is confirmed. Where `options.id` is left out, an effect with the same type and data has the same id
   * at every attempt, so that what is published again, since the event was tried again, has no second effect in
   * idempotent handlers.
   */
  readonly publish: Publish
  /**
   * Answers a request: the event goes to the requester alone, as an effect of the handler's success. Does nothing when
   * nobody asked, so that a handler can serve requests and plain events alike.
   */
  readonly reply: <Type extends string, Schema extends StandardSchema>(
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
  ) => Promise<void>
  /**
   * Asks, and waits for the answer, as `bus.request`: correlation and causation are set, and the wait ends with `signal`.
   * It goes out at once, since the handler waits for it.
   */
  readonly request: <Type extends string, Schema extends StandardSchema, Reply extends TidingsEvent = TidingsEvent>(
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
    options?: RequestOptions<Reply>,
  ) => Promise<Reply>
  /** Takes back a delayed event, at once, also one that is held back still; false when it is gone already. As `bus.cancel`. */
  readonly cancel: (event: TidingsEvent | string) => Promise<boolean>
}

/** What a handler with the option `transaction` is given besides. */
export interface TransactionContext<Transaction> extends HandlerContext {
  /**
   * Hands over what the handler writes in the commit that settles its event: mark, effects and acknowledgement are there
   * together with it, or none of them. It runs when the handler has ended, once for each attempt that succeeds so far, and
   * in the order of the calls. Where the database is synchronous, it must not return a promise: nothing can be awaited
   * within a commit that many handlers share. What it throws undoes this handler's part alone and fails the attempt.
   */
  readonly transaction: (work: (transaction: Transaction) => void | Promise<void>) => void
}

/** What a batch handler is given beside its events. */
export interface BatchContext extends Omit<
  HandlerContext,
  'attempt' | 'redelivered' | 'publish' | 'reply' | 'request' | 'cancel'
> {
  /** Marks one event of the batch as failed; the others count as handled when the handler returns. */
  readonly fail: (event: TidingsEvent, error: unknown) => void
  /** Publishes an effect of `cause`, which must be an event of the batch. */
  readonly publish: <Type extends string, Schema extends StandardSchema>(
    cause: TidingsEvent,
    definition: DefinedEvent<Type, Schema>,
    input: InputOf<Schema>,
    options?: PublishOptions,
  ) => Promise<EventOf<DefinedEvent<Type, Schema>>>
}

/** How much a line of a log matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/**
 * Writes lines: what happened, then the facts, such as `type`, `group`, `id`, `attempt`, and what was thrown as `error`.
 *
 * `console` is one, and so are winston's loggers. A logger that takes the facts first, as pino's does, would drop them
 * all: the types refuse it, and `pinoLog(logger)` makes a log of it.
 */
export interface HandlerLog {
  debug(message: string, facts?: Readonly<Record<string, unknown>>): void
  info(message: string, facts?: Readonly<Record<string, unknown>>): void
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void
  error(message: string, facts?: Readonly<Record<string, unknown>>): void
  // By the four functions nobody can tell in which order a logger takes its arguments: those of pino accept a message
  // alone, and so fit. By these three it is known.
  /** Never there: a function of pino's loggers. */
  readonly bindings?: TakesFactsFirst | undefined
  /** A function in pino's loggers and in Fastify's; no matter where it is a switch, as in winston's. */
  readonly silent?: boolean | TakesFactsFirst | undefined
  /** Never there: a function of Bunyan's loggers. */
  readonly addSerializers?: TakesFactsFirst | undefined
}

/** What the compiler says of a logger that is refused. */
type TakesFactsFirst = 'This logger takes the facts first: pass pinoLog(logger).'
