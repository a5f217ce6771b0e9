import { isThenable } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { HandlerLog } from './handler/context.ts'
import { letterInShort } from './dead-letter/letter.ts'
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

/** Tells the log what somebody should know, and the observers what they have hooks for, whatever these do. */
export class Telling {
  readonly #observers: readonly Observer[]
  readonly #log: HandlerLog

  constructor(observers: readonly Observer[], log: HandlerLog) {
    this.#observers = observers
    this.#log = log
  }

  published(event: TidingsEvent): void {
    this.#call('published', event)
  }

  unroutable(message: Message): void {
    this.#call('unroutable', message)
  }

  /** Whether somebody wants to know what was handled, and how long it took. */
  get hearsHandled(): boolean {
    for (const observer of this.#observers) if (observer.handled !== undefined) return true
    return false
  }

  handled(delivery: Delivered, duration: number): void {
    if (this.hearsHandled) this.#call('handled', { ...delivery, duration })
  }

  failed(delivery: Delivered, error: unknown, retryIn: number | undefined): void {
    // The last one is told as what becomes of the event.
    if (retryIn !== undefined) this.#log.warn('an attempt failed', { ...inShort(delivery), retryIn, error })
    this.#call('failed', { ...delivery, error, retryIn })
  }

  duplicate(delivery: Delivered): void {
    this.#call('duplicate', delivery)
  }

  expired(delivery: Delivered): void {
    this.#call('expired', delivery)
  }

  deadLettered(letter: DeadLetter): void {
    const { reason, error } = letter
    this.#log.error('an event was parked among the dead letters', { ...letterInShort(letter), reason, error })
    this.#call('deadLettered', letter)
  }

  discarded(delivery: Delivered, reason: DeadLetterReason, error: unknown): void {
    this.#log.error('an event was discarded', { ...inShort(delivery), reason, error })
    this.#call('discarded', { ...delivery, reason, error })
  }

  connection(state: ConnectionState, error: unknown): void {
    if (error !== undefined) this.#log.warn(`the connection is ${state}`, { error })
    this.#call('connection', state, error)
  }

  #call<Hook extends keyof Observer>(hook: Hook, ...args: Parameters<NonNullable<Observer[Hook]>>): void {
    for (const observer of this.#observers) {
      const failed = (thrown: unknown): void => {
        this.#log.error(`the observer failed in \`${hook}\``, { error: thrown })
      }
      try {
        const result: unknown = (observer[hook] as ((...args: unknown[]) => unknown) | undefined)?.apply(observer, args)
        // A hook may be an async function; nobody waits for it, and nothing it throws may end the process.
        if (isThenable(result)) Promise.resolve(result).catch(failed)
      } catch (thrown) {
        failed(thrown)
      }
    }
  }
}

/** What a log says of a delivery: nothing of its payload. */
function inShort({ message, group, attempt }: Delivered): Record<string, unknown> {
  const { id, type } = message.attributes
  return { type, group, id, attempt }
}
