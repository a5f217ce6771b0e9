import { macrotask } from '../macrotask.ts'

/** Messages behind which the publishers of a group let its handlers have a turn: a long queue costs collecting garbage. */
const mostAhead = 1000

/**
 * Lets the handlers of a group catch up with its publishers, long before there is no room: with 10,000 messages behind
 * them, handlers that answer at once got half as many done.
 */
export class CatchUp {
  readonly #unsettled: () => number
  #ended: Promise<void> | undefined

  constructor(unsettled: () => number) {
    this.#unsettled = unsettled
  }

  get isDue(): boolean {
    return this.#unsettled() > mostAhead
  }

  /** Resolves when it is due no more, or a turn of the event loop has brought nothing: slow handlers hold nobody up here. */
  ended(): Promise<void> {
    return (this.#ended ??= new Promise((resolve) => {
      const look = (before: number): void => {
        const now = this.#unsettled()
        if (this.isDue && now < before) macrotask(() => look(now))
        else {
          this.#ended = undefined
          resolve()
        }
      }
      // What is published in this turn counts for the first time in the next one.
      macrotask(() => look(Infinity))
    }))
  }
}
