import { together } from './delivery.ts'
import type { Entry } from './subscription.ts'
import type { Topic } from './topic.ts'

/** Counts the handlers of one event down to their end. Nothing is allocated for those that end at once. */
export class Latch {
  /** Resolves to the number of handlers called; rejects with the errors together, where they are collected. */
  readonly promise: Promise<number>
  readonly #topic: Topic
  readonly #payload: unknown
  readonly #settled: () => void
  #called = 0
  /** One more than the promises that are open, until `close`. */
  #open = 1
  #errors: unknown[] | undefined
  #resolve!: (called: number) => void
  #reject!: (error: unknown) => void
  readonly #countDown = (): void => {
    if (--this.#open === 0) this.#finish()
  }

  constructor(topic: Topic, payload: unknown, settled: () => void) {
    this.#topic = topic
    this.#payload = payload
    this.#settled = settled
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever goes on without awaiting must not end the process.
    if (topic.guard.collects) this.promise.catch(() => {})
  }

  /** Follows one handler's promise. */
  follow(promise: Promise<unknown>, entry: Entry, start: number | undefined): void {
    this.#open++
    promise.then(
      start === undefined
        ? this.#countDown
        : () => {
            this.#topic.guard.handled(this.#topic.key, this.#payload, entry, start)
            this.#countDown()
          },
      (error: unknown) => {
        this.failed(error, entry)
        this.#countDown()
      },
    )
  }

  failed(error: unknown, entry: Entry): void {
    const { guard, key } = this.#topic
    // Told in any case: perhaps nobody awaits the promise that rejects.
    guard.fail(error, key, this.#payload, entry)
    if (guard.collects) (this.#errors ??= []).push(error)
  }

  /** All handlers have been called: from now on the latch may open. */
  close(called: number): Promise<number> {
    this.#called = called
    this.#countDown()
    return this.promise
  }

  #finish(): void {
    this.#settled()
    if (this.#errors) this.#reject(together(this.#errors, this.#topic.key, this.#called))
    else this.#resolve(this.#called)
  }
}
