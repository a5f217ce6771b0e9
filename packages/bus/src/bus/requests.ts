import { milliseconds } from '@tidings/core'
import { backoff, invalidArgument, knownOptions } from '@tidings/core/tools'
import { type AnyDefinedEvent, type TidingsEvent, uuidv7 } from '@tidings/events'
import { type Runtime, throughReceivers } from '../delivery/runtime.ts'
import { RequestFailedError, RequestTimeoutError } from '../errors.ts'
import type { RequestOptions } from '../handler/publish-options.ts'
import { deliveryHeaders, type Message } from '../message/message.ts'
import { readEvent, UnreadableError } from '../message/read.ts'
import { handled } from '../transport/settlement.ts'
import type { Connection, Delivery } from '../transport/transport.ts'
import { optionNames } from './outbound.ts'

interface Waiting {
  readonly type: string
  readonly reply: RequestOptions<TidingsEvent>['reply']
  readonly resolve: (reply: TidingsEvent) => void
  readonly reject: (error: unknown) => void
}

/** How often the settlement of a reply is tried, and milliseconds until it is tried again. */
const mostTries = 5
const waitFor = backoff({ delay: 100, max: 5000 })
const requestOptions = [...optionNames, 'reply']

/** Asks, and finds the request that a reply answers. All replies come by one temporary group of this bus. */
export class Requests {
  readonly #runtime: Runtime
  readonly #group: string
  readonly #waiting = new Map<string, Waiting>()
  readonly #closed = new AbortController()
  #joined: Promise<unknown> | undefined

  /** `group` is the name of the group, unique among all buses. */
  constructor(runtime: Runtime, group: string) {
    this.#runtime = runtime
    this.#group = group
  }

  /**
   * Publishes a request, and resolves to the first reply. `open` gives the connection to what it is told the name of, or
   * throws; `cause` is the event whose handler asks.
   */
  async ask<Reply extends TidingsEvent>(
    open: (request: string) => Connection,
    definition: unknown,
    input: unknown,
    options: RequestOptions<Reply>,
    cause?: TidingsEvent,
  ): Promise<Reply> {
    const { type } = checkDefinition(definition)
    const connection = open(`the request "${type}"`)
    knownOptions(options, requestOptions, 'request')
    const { reply, timeout: given = '30s', signal, ...others } = options
    const timeout = milliseconds(given, 'timeout')
    signal?.throwIfAborted()
    const id = others.id ?? uuidv7()
    if (this.#waiting.has(id)) {
      throw invalidArgument('id', 'of no request that is waiting still', id, 'Leave it out: each gets one of its own.')
    }
    // What ends the wait ends the way there too: the join of the group, and the wait for room at the broker.
    const over = new AbortController()
    const answered = new Promise<TidingsEvent>((resolve, reject) => {
      const refuse = (error: unknown): void => {
        reject(error)
        over.abort(error)
      }
      this.#waiting.set(id, { type, reply, resolve, reject: refuse })
    })
    const { reject } = this.#waiting.get(id)!
    const aborted = (): void => reject(signal!.reason)
    signal?.addEventListener('abort', aborted)
    const cancel = this.#runtime.clock.after(timeout, () => reject(new RequestTimeoutError(type, timeout)))
    const send = async (): Promise<void> => {
      await (this.#joined ??= this.#join(connection))
      over.signal.throwIfAborted()
      const headers = { [deliveryHeaders.replyTo]: this.#group }
      const sending = { ...others, id, timeout: Infinity, signal: over.signal }
      await this.#runtime.publish(definition, input, sending, { cause, headers })
    }
    try {
      // One wait for both: whoever is told first, the answer or that it could not be sent.
      send().catch(reject)
      return (await answered) as Reply
    } finally {
      cancel()
      signal?.removeEventListener('abort', aborted)
      this.#waiting.delete(id)
    }
  }

  /** A message that no group wants: if it is a request, nobody will answer it. */
  unroutable({ attributes, headers }: Message): void {
    if (headers[deliveryHeaders.replyTo] !== this.#group) return
    const wait = this.#waiting.get(String(attributes['id']))
    wait?.reject(new RequestFailedError(wait.type, 'no group has a handler for it'))
  }

  /** Refuses what still waits. */
  close(): void {
    for (const { type, reject } of this.#waiting.values()) reject(new RequestFailedError(type, 'the bus was closed'))
    this.#closed.abort(new DOMException('the bus was closed', 'AbortError'))
  }

  async #join(connection: Connection): Promise<void> {
    const request = {
      group: this.#group,
      types: [],
      prefetch: 100,
      ordered: false,
      from: 'latest',
      temporary: true,
      marks: false,
    } as const
    try {
      await connection.subscribe(request, (delivery) => this.#take(delivery), this.#closed.signal)
    } catch (error) {
      this.#joined = undefined
      throw error
    }
  }

  #take(delivery: Delivery): void {
    const { message } = delivery
    const wait = this.#waiting.get(String(message.headers[deliveryHeaders.inReplyTo]))
    // Nobody waits any more for a second reply, or for one that is late.
    if (wait) this.#answer(wait, message)
    this.#done(delivery).catch((error: unknown) => {
      this.#runtime.log.warn('a reply could not be settled', { group: this.#group, error })
    })
  }

  /** A reply that stays unsettled would take a place from others. */
  async #done(delivery: Delivery): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await delivery.settle(handled)
        return
      } catch (error) {
        if (delivery.lost.aborted || this.#closed.signal.aborted) return
        if (tries === mostTries) throw error
        await this.#wait(waitFor(tries))
      }
    }
  }

  /** Waits so many milliseconds, or until the bus is closed. */
  #wait(time: number): Promise<void> {
    const { signal } = this.#closed
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#runtime.clock.after(time, end)
      signal.addEventListener('abort', end)
    })
  }

  #answer(wait: Waiting, message: Message): void {
    const failure = message.headers[deliveryHeaders.replyError]
    if (failure !== undefined) {
      wait.reject(refusal(wait.type, failure, message))
    } else if (this.#runtime.receivers.length === 0) {
      this.#resolve(wait, message)
    } else {
      // It went out through the middleware, as everything that a handler publishes.
      const incoming = { message, group: this.#group, attempt: 1, purpose: 'handle' } as const
      const receive = async (): Promise<void> =>
        throughReceivers(this.#runtime, incoming, async (last) => this.#resolve(wait, last.message))
      receive().catch(wait.reject)
    }
  }

  #resolve({ reply, resolve, reject }: Waiting, message: Message): void {
    try {
      const known = reply ?? this.#runtime.events.get(String(message.attributes['type']))
      resolve(readEvent(message, known as never))
    } catch (error) {
      reject(error instanceof UnreadableError ? error.cause : error)
    }
  }
}

function checkDefinition(definition: unknown): { readonly type: string } {
  const { create, type } = (definition ?? {}) as Partial<AnyDefinedEvent>
  if (typeof create === 'function' && typeof type === 'string') return { type }
  const fix = 'Make one with defineEvent: each request is an event of its own.'
  throw invalidArgument('definition', 'an event definition', definition, fix)
}

/** The reason as the handler's side has told it, as far as that can be read. */
function refusal(type: string, reason: string, { body }: Message): RequestFailedError {
  try {
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
    const { error } = JSON.parse(text) as { error: Readonly<Record<string, unknown>> }
    return new RequestFailedError(type, String(error['message']), { reason, error })
  } catch {
    return new RequestFailedError(type, reason, { reason })
  }
}
