import { giveBack } from '../delivery/attempt.ts'

interface Offer<Event> {
  readonly event: Event
  handled(): void
  refuse(reason: unknown): void
}

/**
 * Turns a handler into an iterator: the handler's promise resolves when the next event is asked for, so that an event
 * counts as handled only then.
 */
export class PullStream<Event> implements AsyncIterableIterator<Event, undefined> {
  /** Offered and not taken. */
  readonly #offers: Offer<Event>[] = []
  /** Taken, and settled by the next `next`. */
  #taken: Offer<Event> | undefined
  readonly #readers: ((result: IteratorResult<Event, undefined>) => void)[] = []
  #subscription: Disposable | undefined
  #ended = false

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
    if (this.#ended) return Promise.resolve({ value: undefined, done: true })
    return new Promise((resolve) => {
      const offer = this.#offers.shift()
      if (offer) this.#hand(offer, resolve)
      else this.#readers.push(resolve)
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
    for (const reader of this.#readers.splice(0)) reader({ value: undefined, done: true })
    this.#subscription?.[Symbol.dispose]()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #hand(offer: Offer<Event>, reader: (result: IteratorResult<Event, undefined>) => void): void {
    this.#taken = offer
    reader({ value: offer.event, done: false })
  }
}
