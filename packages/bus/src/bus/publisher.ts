import { isTidingsError, milliseconds } from '@tidings/core'
import type { TidingsEvent } from '@tidings/events'
import type { PublishRequest } from '../delivery/runtime.ts'
import {
  BusClosedError,
  MessageTooLargeError,
  NoRoomError,
  OutcomeUnknownError,
  PublishTimeoutError,
} from '../errors.ts'
import type { PublishOptions } from '../handler/publish-options.ts'
import type { Message } from '../message/message.ts'
import type { Middleware } from '../middleware.ts'
import type { Telling } from '../observer.ts'
import { oversize } from '../transport/message-size.ts'
import type { Outgoing } from '../transport/transport.ts'
import type { BusConnection } from './bus-connection.ts'
import { OpenTransaction } from './open-transaction.ts'
import { OutboundMaker, type OutboundOptions } from './outbound.ts'
import { Patience } from './patience.ts'
import type { OutboxContext } from './types.ts'

interface PublisherOptions extends OutboundOptions {
  readonly connection: BusConnection
  readonly timeout: number
  readonly middleware: readonly Middleware[]
  readonly telling: Telling
}

/** The way out: event, envelope, middleware, transport. */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #outbound: OutboundMaker
  readonly #senders: readonly NonNullable<Middleware['publish']>[]
  #underWay = 0
  /** Publishes that nobody's handler waits for. */
  readonly #waiting = new Set<Patience>()
  #whenSettled: (() => void)[] = []
  #closed = false

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#outbound = new OutboundMaker(options)
    this.#senders = options.middleware.flatMap((each) => (each.publish ? [each.publish.bind(each)] : []))
  }

  /** No async function: what one keeps for its awaits takes as much memory, at each event, as the event itself. */
  publish(
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    request: PublishRequest = {},
  ): Promise<TidingsEvent> {
    try {
      const { event, outgoing } = this.#outbound.make(what, input, options, request)
      if (this.#closed && request.cause === undefined) throw new BusClosedError(`publishing "${event.type}"`)
      return this.#confirmed(event, outgoing, options, request.cause !== undefined)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Makes what goes out with a settlement: created, validated, encoded, and through the middleware. Resolves when it has
   * been handed to `collect`.
   */
  effect(
    what: unknown,
    input: unknown,
    options: PublishOptions | undefined,
    request: PublishRequest,
    collect: (event: TidingsEvent, outgoing: Outgoing) => void,
  ): Promise<TidingsEvent> {
    try {
      const { event, outgoing } = this.#outbound.make(what, input, options, request)
      const prepared = this.#through(outgoing, (message) => {
        this.#checkSize(event, message)
        collect(event, message === outgoing.message ? outgoing : { ...outgoing, message })
      })
      return prepared === undefined ? Promise.resolve(event) : prepared.then(() => event)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Has a function write and publish in one commit; resolves to what it returns. */
  async transact<Result>(
    run: (context: OutboxContext<never>) => Result | Promise<Result>,
    cause: TidingsEvent | undefined,
  ): Promise<Result> {
    if (this.#closed) throw new BusClosedError('a transaction')
    this.#underWay++
    try {
      const open = new OpenTransaction(this, cause)
      const result = await open.run(run)
      const { effects, work } = open
      if (work !== undefined || effects.outgoing.length > 0) {
        await this.#options.connection.open.transact!(work, effects.outgoing)
        for (const event of effects.events) this.#options.telling.published(event)
      }
      return result
    } finally {
      this.#ends()
    }
  }

  /** A message as the middleware makes it, which is not sent. */
  async wrap(message: Message): Promise<Message> {
    let last = message
    await this.#through({ message }, (made) => {
      last = made
    })
    return last
  }

  /** From now on only effects of handlers that still run are published; what waits for room is refused at once. */
  close(): void {
    this.#closed = true
    for (const patience of this.#waiting) patience.giveUp(new BusClosedError('a publish that waits for the broker'))
  }

  /** Hands a message through the middleware to `last`. */
  #through(outgoing: Outgoing, last: (message: Message) => void | Promise<void>): void | Promise<void> {
    if (this.#senders.length === 0) return last(outgoing.message)
    const pass = async (at: number, message: Message): Promise<void> => {
      const sender = this.#senders[at]
      if (sender) await sender(message, (next) => pass(at + 1, next))
      else await last(message)
    }
    return pass(0, outgoing.message)
  }

  /** Found out here rather than when the attempt is settled, so that its handler is told. */
  #checkSize({ type }: TidingsEvent, message: Message): void {
    const { maxMessageSize } = this.#options.transport.capabilities
    const size = oversize(message, maxMessageSize)
    if (size !== undefined) throw new MessageTooLargeError(type, size, maxMessageSize)
  }

  get isSettled(): boolean {
    return this.#underWay === 0
  }

  /** Resolves when no publish is under way. */
  settled(): Promise<void> {
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenSettled.push(resolve))
  }

  /** Hands it to the broker, and waits for it no longer than the options say. */
  #confirmed(
    event: TidingsEvent,
    outgoing: Outgoing,
    options: PublishOptions | undefined,
    isEffect: boolean,
  ): Promise<TidingsEvent> {
    const { clock, timeout: usual } = this.#options
    const timeout = options?.timeout === undefined ? usual : milliseconds(options.timeout, 'timeout')
    const patience = new Patience(clock, timeout, options?.signal)
    try {
      const connection = this.#options.connection.open
      const sending =
        this.#senders.length === 0
          ? connection.publish(outgoing, patience)
          : this.#through(outgoing, (message) => connection.publish({ ...outgoing, message }, patience))
      if (sending !== undefined) return this.#awaited(sending, event, outgoing, patience, isEffect)
      this.#succeeded(event, patience)
    } catch (error) {
      this.#failed(error, event, outgoing, patience)
    }
    return Promise.resolve(event)
  }

  async #awaited(
    sending: Promise<void>,
    event: TidingsEvent,
    outgoing: Outgoing,
    patience: Patience,
    isEffect: boolean,
  ): Promise<TidingsEvent> {
    this.#underWay++
    if (!isEffect) this.#waiting.add(patience)
    try {
      await sending
      this.#succeeded(event, patience)
    } catch (error) {
      this.#failed(error, event, outgoing, patience)
    } finally {
      this.#waiting.delete(patience)
      this.#ends()
    }
    return event
  }

  #ends(): void {
    if (--this.#underWay === 0) for (const resolve of this.#whenSettled.splice(0)) resolve()
  }

  #succeeded(event: TidingsEvent, patience: Patience): void {
    patience.end()
    this.#options.telling.published(event)
  }

  /** Throws, but for a reply whose requester is gone: it concerns nobody any more, least of all the handler that gives it. */
  #failed(error: unknown, event: TidingsEvent, { message, group }: Outgoing, patience: Patience): void {
    patience.end()
    if (error instanceof OutcomeUnknownError) error.event = event
    const noRoom = isTidingsError(error, 'NO_ROOM') ? (error as NoRoomError) : undefined
    const reason = noRoom === undefined ? error : noRoom.cause
    if (patience.isOver(reason)) throw new PublishTimeoutError(event.type, patience.timeout, noRoom)
    // Its own signal, or the end of the bus: what the caller said counts, not what it waited for.
    if (noRoom !== undefined) throw reason
    if (group === undefined || !isTidingsError(error, 'UNKNOWN_GROUP')) throw error
    this.#options.telling.unroutable(message)
  }
}
