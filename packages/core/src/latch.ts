import { together } from './delivery.ts'
import type { Handler } from './keys.ts'
import type { Entry } from './subscription.ts'
import type { Topic } from './topic.ts'

/** Told when all handlers of an event have settled. */
export interface Settling<Of> {
  settled(of: Of): void
}

/** Counts the handlers of one event down to their end. Nothing is allocated for those that end at once. */
export class Latch<Of> {
  /** Resolves to the number of handlers called; rejects with the errors together, where they are collected. */
  readonly promise: Promise<number>
  readonly #topic: Topic
  readonly #payload: unknown
  readonly #owner: Settling<Of>
  readonly #of: Of
  #called = 0
  /** One more than the promises that are open, until `close`. */
  #open = 1
  #errors: unknown[] | undefined = undefined
  #resolve!: (called: number | Promise<never>) => void
  readonly #countDown = (): void => {
    if (--this.#open === 0) this.#finish()
  }

  constructor(topic: Topic, payload: unknown, owner: Settling<Of>, of: Of) {
    this.#topic = topic
    this.#payload = payload
    this.#owner = owner
    this.#of = of
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve
    })
    // Whoever goes on without awaiting must not end the process.
    if (topic.guard.collects) this.promise.catch(() => {})
  }

  /** Follows one handler's promise. `start` is for an observer. */
  follow(promise: Promise<unknown>, entry: Entry, handler: Handler, start: number | undefined): void {
    this.#open++
    const failed = (error: unknown): void => {
      this.failed(error, entry.nameOf(handler))
      this.#countDown()
    }
    if (start === undefined) {
      promise.then(this.#countDown, failed)
      return
    }
    promise.then(() => {
      this.#topic.guard.handled(this.#topic.key, this.#payload, entry.nameOf(handler), start)
      this.#countDown()
    }, failed)
  }

  failed(error: unknown, handler: string): void {
    const { guard, key } = this.#topic
    // Told in any case: perhaps nobody awaits the promise that rejects.
    guard.fail(error, key, this.#payload, handler)
    if (guard.collects) (this.#errors ??= []).push(error)
  }

  /** All handlers have been called: from now on the latch may open. */
  close(called: number): Promise<number> {
    this.#called = called
    this.#countDown()
    return this.promise
  }

  #finish(): void {
    this.#owner.settled(this.#of)
    this.#resolve(this.#errors ? Promise.reject(together(this.#errors, this.#topic.key, this.#called)) : this.#called)
  }
}
