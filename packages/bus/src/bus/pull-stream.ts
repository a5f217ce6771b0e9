import { uuidv7 } from '@tidings/events'
import { giveBack } from '../delivery/outcome.ts'
import { type AnyHandler, type EventFor, handler, type HandlerKey } from '../handler/handler.ts'
import type { BusSubscription, PullOptions } from './types.ts'

/** Makes an iterator of a group, with what `bind` binds. It is among the `streams` until it ends. */
export function pull<const Key extends HandlerKey>(
  key: Key,
  { signal, ...policy }: PullOptions,
  streams: Set<{ finish(): void }>,
  bind: (bound: AnyHandler, signal: AbortSignal | undefined) => BusSubscription,
): AsyncIterableIterator<EventFor<Key>, undefined> {
  const stream = new PullStream<EventFor<Key>>()
  // Without a name nobody could come back to it, so it is to leave nothing behind.
  const group = policy.group === undefined ? { group: `events-${uuidv7()}`, temporary: true } : {}
  const settings = { ...policy, ...group, concurrency: 1, timeout: Infinity, retry: false } as const
  const subscription = bind(
    handler(key, settings, (event) => stream.offer(event)),
    signal,
  )
  const ended = (): void => {
    signal?.removeEventListener('abort', finish)
    streams.delete(stream)
    subscription.unsubscribe()
  }
  const finish = (): void => stream.finish()
  streams.add(stream)
  stream.attach({ [Symbol.dispose]: ended })
  subscription.ready.catch((error: unknown) => stream.fail(error))
  if (signal?.aborted) finish()
  else signal?.addEventListener('abort', finish)
  return stream
}

interface Offer<Event> {
  readonly event: Event
  handled(): void
  refuse(reason: unknown): void
}

interface Reader<Event> {
  resolve(result: IteratorResult<Event, undefined>): void
  reject(error: unknown): void
}

/**
 * Turns a handler into an iterator: the handler's promise resolves when the next event is asked for, so that an event
 * counts as handled only then.
 */
class PullStream<Event> implements AsyncIterableIterator<Event, undefined> {
  /** Offered and not taken. */
  readonly #offers: Offer<Event>[] = []
  /** Taken, and settled by the next `next`. */
  #taken: Offer<Event> | undefined
  readonly #readers: Reader<Event>[] = []
  #subscription: Disposable | undefined
  #ended = false
  /** Why it ended, until somebody has been told. */
  #failure: { readonly error: unknown } | undefined

  /** What feeds it; ended with it. */
  attach(subscription: Disposable): void {
    if (this.#ended) subscription[Symbol.dispose]()
    else this.#subscription = subscription
  }

  /** The handler's side. */
  offer(event: Event): Promise<void> {
    if (this.#ended) return Promise.reject(giveBack)
    return new Promise((resolve, reject) => {
      const offer = { event, handled: resolve, refuse: reject }
      const reader = this.#readers.shift()
      if (reader) this.#hand(offer, reader)
      else this.#offers.push(offer)
    })
  }

  next(): Promise<IteratorResult<Event, undefined>> {
    this.#taken?.handled()
    this.#taken = undefined
    if (this.#failure) {
      const { error } = this.#failure
      this.#failure = undefined
      return Promise.reject(error)
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject }
      const offer = this.#offers.shift()
      if (offer) this.#hand(offer, reader)
      else this.#readers.push(reader)
    })
  }

  /** Gives back what was taken and not followed by a `next`, and ends. Idempotent. */
  return(): Promise<IteratorResult<Event, undefined>> {
    this.finish()
    this.#taken?.refuse(giveBack)
    this.#taken = undefined
    return Promise.resolve({ value: undefined, done: true })
  }

  /** Takes no more. What is taken can still be handled, by the `next` that then says it is done. Idempotent. */
  finish(): void {
    if (this.#ended) return
    this.#ended = true
    for (const offer of this.#offers.splice(0)) offer.refuse(giveBack)
    for (const reader of this.#readers.splice(0)) reader.resolve({ value: undefined, done: true })
    this.#subscription?.[Symbol.dispose]()
  }

  /** Ends as nothing will come, and tells why: whoever waits, else whoever asks next. */
  fail(error: unknown): void {
    if (this.#ended) return
    const reader = this.#readers.shift()
    if (reader) reader.reject(error)
    else this.#failure = { error }
    this.finish()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #hand(offer: Offer<Event>, reader: Reader<Event>): void {
    // Behind a reader that waits there is one that has asked for the next one already.
    if (this.#readers.length > 0) offer.handled()
    else this.#taken = offer
    reader.resolve({ value: offer.event, done: false })
  }
}
