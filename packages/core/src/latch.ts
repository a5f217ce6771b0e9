import { together } from './delivery.ts'
import type { Snapshot } from './async-context.ts'
import type { Chain } from './causal-chain.ts'
import type { Handler } from './keys.ts'
import type { Entry } from './subscription.ts'
import type { Topic } from './topic.ts'

/** Told when all handlers of an event have settled. */
export interface Settling {
  settled(chain: Chain | undefined): void
}

/** An event on its way through its handlers, counted down to their end. */
export class Latch {
  declare readonly topic: Topic
  declare readonly payload: unknown
  declare readonly entries: readonly Entry[]
  declare readonly chain: Chain | undefined
  /** Runs a handler in the async context of its publisher, where it had to wait. */
  within: Snapshot | undefined = undefined
  /** The entry whose turn it is. */
  at = 0
  /** Handlers called so far. */
  called = 0
  /** One more than the promises that are open, until the last handler has been called. */
  open = 1
  /** The one that waits behind this one. */
  next: Latch | undefined = undefined
  /** What follows a handler that returned a promise. */
  declare ended: () => void
  readonly #owner: Settling
  #errors: unknown[] | undefined = undefined
  #promise: Promise<number> | undefined = undefined
  #resolve!: (called: number | Promise<never>) => void
  /** All handlers have been called, or one of them has settled. */
  readonly settle = (): void => {
    if (--this.open > 0) return
    void this.promise
    this.#resolve(this.#finish())
  }

  constructor(topic: Topic, payload: unknown, entries: readonly Entry[], chain: Chain | undefined, owner: Settling) {
    this.topic = topic
    this.payload = payload
    this.entries = entries
    this.chain = chain
    this.#owner = owner
  }

  /** Resolves to the number of handlers called; rejects with the errors together, where they are collected. */
  get promise(): Promise<number> {
    if (!this.#promise) {
      this.#promise = new Promise((resolve) => {
        this.#resolve = resolve
      })
      // Whoever goes on without awaiting must not end the process.
      if (this.topic.guard.collects) this.#promise.catch(() => {})
    }
    return this.#promise
  }

  /** Follows one handler's promise to its end. `start` is for an observer. */
  follow(promise: Promise<unknown>, entry: Entry, handler: Handler, start: number | undefined): void {
    this.open++
    void promise.then(
      () => {
        const { guard, key } = this.topic
        if (start !== undefined) guard.handled(key, this.payload, entry.nameOf(handler), start)
        this.ended()
      },
      (error: unknown) => {
        this.failed(error, entry.nameOf(handler))
        this.ended()
      },
    )
  }

  failed(error: unknown, handler: string): void {
    const { guard, key } = this.topic
    // Told in any case: perhaps nobody awaits the promise that rejects.
    guard.fail(error, key, this.payload, handler)
    if (guard.collects) (this.#errors ??= []).push(error)
  }

  #finish(): number | Promise<never> {
    this.#owner.settled(this.chain)
    return this.#errors ? Promise.reject(together(this.#errors, this.topic.key, this.called)) : this.called
  }
}
