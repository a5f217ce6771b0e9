import { isThenable } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { HandlerLog } from './handler/context.ts'
import type { DeadLetter, DeadLetterReason } from './stores/dead-letters.ts'
import type { Message } from './message/message.ts'
import type { ConnectionState } from './transport/transport.ts'

/** A delivery as an observer sees it. */
export interface Delivered {
  readonly message: Message
  readonly group: string
  readonly attempt: number
}

/** Told what a bus does. Every hook is optional, and must not throw: what it throws is logged and dropped. */
export interface Observer {
  /** Confirmed by the transport. */
  published?(event: TidingsEvent): void
  /** No group wants it, where the transport can tell. */
  unroutable?(message: Message): void
  handled?(delivery: Delivered & { readonly duration: number }): void
  /** An attempt failed. `retryIn` are the milliseconds to the next one; undefined when there is none. */
  failed?(delivery: Delivered & { readonly error: unknown; readonly retryIn: number | undefined }): void
  /** Left out, since the group has handled the event before. */
  duplicate?(delivery: Delivered): void
  /** Left out, since its `expirytime` has passed. */
  expired?(delivery: Delivered): void
  deadLettered?(letter: DeadLetter): void
  /** Given up by `deadLetter: 'discard'`. */
  discarded?(delivery: Delivered & { readonly reason: DeadLetterReason; readonly error: unknown }): void
  connection?(state: ConnectionState, error?: unknown): void
}

/** Calls the hooks of an observer, whatever they do; what must not pass unseen goes to the log where nobody asks for it. */
export class Telling {
  readonly #observer: Observer
  readonly #log: HandlerLog

  constructor(observer: Observer, log: HandlerLog) {
    this.#observer = observer
    this.#log = log
  }

  published(event: TidingsEvent): void {
    if (this.#observer.published) this.#call('published', event)
  }

  unroutable(message: Message): void {
    if (this.#observer.unroutable) this.#call('unroutable', message)
  }

  /** Whether somebody wants to know what was handled, and how long it took. */
  get hearsHandled(): boolean {
    return this.#observer.handled !== undefined
  }

  handled(delivery: Delivered, duration: number): void {
    if (this.#observer.handled) this.#call('handled', { ...delivery, duration })
  }

  failed(delivery: Delivered, error: unknown, retryIn: number | undefined): void {
    if (this.#observer.failed) this.#call('failed', { ...delivery, error, retryIn })
    else if (retryIn !== undefined) this.#log.warn('an attempt failed', { ...inShort(delivery), error, retryIn })
  }

  duplicate(delivery: Delivered): void {
    if (this.#observer.duplicate) this.#call('duplicate', delivery)
  }

  expired(delivery: Delivered): void {
    if (this.#observer.expired) this.#call('expired', delivery)
  }

  deadLettered(letter: DeadLetter): void {
    if (this.#observer.deadLettered) this.#call('deadLettered', letter)
    else {
      const { id, reason, error, attempts } = letter
      this.#log.error('an event was parked among the dead letters', { id, reason, error, attempts })
    }
  }

  discarded(delivery: Delivered, reason: DeadLetterReason, error: unknown): void {
    if (this.#observer.discarded) this.#call('discarded', { ...delivery, reason, error })
    else this.#log.error('an event was discarded', { ...inShort(delivery), reason, error })
  }

  connection(state: ConnectionState, error: unknown): void {
    if (this.#observer.connection) this.#call('connection', state, error)
    else if (error !== undefined) this.#log.warn(`the connection is ${state}`, { error })
  }

  #call<Hook extends keyof Observer>(hook: Hook, ...args: Parameters<NonNullable<Observer[Hook]>>): void {
    const failed = (error: unknown): void => this.#log.error(`the observer failed in \`${hook}\``, { error })
    try {
      const result: unknown = (this.#observer[hook] as ((...args: unknown[]) => unknown) | undefined)?.(...args)
      // A hook may be an async function; nobody waits for it, and nothing it throws may end the process.
      if (isThenable(result)) Promise.resolve(result).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}

function inShort({ message, group, attempt }: Delivered): Record<string, unknown> {
  const { id, type } = message.attributes
  return { id, type, group, attempt }
}
