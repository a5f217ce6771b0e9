import { milliseconds } from '@tidings/core'
import { type TidingsEvent, uuidv7 } from '@tidings/events'
import type { Runtime } from '../delivery/runtime.ts'
import { RequestFailedError, RequestTimeoutError } from '../errors.ts'
import { deliveryHeaders } from '../message/message.ts'
import { readEvent, UnreadableError } from '../message/read.ts'
import type { Connection, Delivery } from '../transport/transport.ts'
import type { RequestOptions } from './types.ts'

interface Waiting {
  readonly type: string
  readonly reply: RequestOptions<TidingsEvent>['reply']
  readonly resolve: (reply: TidingsEvent) => void
  readonly reject: (error: unknown) => void
}

/** Asks, and finds the request that a reply answers. All replies come by one temporary group of this bus. */
export class Requests {
  readonly #runtime: Runtime
  readonly #group: string
  readonly #waiting = new Map<string, Waiting>()
  #joined: Promise<unknown> | undefined

  constructor(runtime: Runtime, group: string) {
    this.#runtime = runtime
    this.#group = `${group}-${uuidv7()}`
  }

  /** Publishes a request, and resolves to the first reply. */
  async ask<Reply extends TidingsEvent>(
    connection: Connection,
    definition: unknown,
    input: unknown,
    options: RequestOptions<Reply>,
  ): Promise<Reply> {
    const { reply, timeout: given = '30s', signal, ...others } = options
    const timeout = milliseconds(given, 'timeout')
    signal?.throwIfAborted()
    await (this.#joined ??= this.#join(connection))
    const { type } = definition as { type: string }
    const id = others.id ?? uuidv7()
    const answered = new Promise<TidingsEvent>((resolve, reject) => {
      this.#waiting.set(id, { type, reply, resolve, reject })
    })
    const wait = this.#waiting.get(id)!
    const aborted = (): void => wait.reject(signal!.reason)
    signal?.addEventListener('abort', aborted)
    const cancel = this.#runtime.clock.after(timeout, () => wait.reject(new RequestTimeoutError(type, timeout)))
    try {
      const headers = { [deliveryHeaders.replyTo]: this.#group }
      // One wait for both: whoever is told first, the answer or that it could not be sent.
      const sent = this.#runtime.publish(undefined, definition, input, { ...others, id, timeout }, headers)
      sent.catch(wait.reject)
      return (await answered) as Reply
    } finally {
      cancel()
      signal?.removeEventListener('abort', aborted)
      this.#waiting.delete(id)
    }
  }

  /** Refuses what still waits. */
  close(): void {
    for (const { type, reject } of this.#waiting.values()) reject(new RequestFailedError(type, 'the bus was closed'))
  }

  async #join(connection: Connection): Promise<void> {
    const request = {
      group: this.#group,
      types: [],
      prefetch: 100,
      ordered: false,
      from: 'latest',
      temporary: true,
    } as const
    try {
      await connection.subscribe(request, (delivery) => this.#take(delivery))
    } catch (error) {
      this.#joined = undefined
      throw error
    }
  }

  #take(delivery: Delivery): void {
    const { message } = delivery
    const wait = this.#waiting.get(String(message.headers[deliveryHeaders.inReplyTo]))
    // Nobody waits any more for a second reply, or for one that is late.
    if (wait) this.#answer(wait, delivery)
    delivery.ack()
  }

  #answer(wait: Waiting, { message }: Delivery): void {
    const failure = message.headers[deliveryHeaders.replyError]
    if (failure !== undefined) {
      wait.reject(new RequestFailedError(wait.type, failure))
      return
    }
    try {
      const known = wait.reply ?? this.#runtime.events.get(String(message.attributes['type']))
      wait.resolve(readEvent(message, known as never))
    } catch (error) {
      wait.reject(error instanceof UnreadableError ? error.cause : error)
    }
  }
}
