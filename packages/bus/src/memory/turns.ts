import { asyncSnapshot, type Snapshot } from '@tidings/core/tools'
import { Deque } from '../collections/deque.ts'
import { macrotask } from '../macrotask.ts'

/** Deliveries after which timers and I/O get their turn. */
const perTurn = 256
/** Deliveries of one group after which another one is served. */
const perGroup = 32
/** Turns after which publishers need not wait any longer: there are groups that never come to rest. */
const mostTurns = 40

/** A group, as far as serving it goes. */
export interface Served {
  /** Whether it has a place among those that are to be served. */
  scheduled: boolean
  /** Hands out so many messages or fewer; returns their number. */
  dispatch(most: number): number
  /** Asks to be served once more, if there is something to hand out. */
  wake(): void
}

/**
 * Serves groups, never in the stack of a publisher or of a handler: in a microtask, so that little time is lost, but with
 * a turn of the event loop every {@link perTurn} deliveries, so that handlers and publishers which never really wait
 * starve nobody. And in the async context in which it was made, where the runtime can take it: else handlers would run in
 * that of whoever published first, and what they log or trace would be taken for theirs.
 */
export class Turns {
  readonly #groups = new Deque<Served>()
  readonly #inOwnContext: Snapshot | undefined = asyncSnapshot()?.()
  #left = perTurn
  #pending = false
  /** Turns of the event loop that have been asked for since nothing was left to be served. */
  #turns = 0
  #owed: Promise<void> | undefined
  #pay: (() => void) | undefined

  schedule(group: Served): void {
    this.#groups.push(group)
    if (this.#pending) return
    this.#pending = true
    if (this.#left > 0) queueMicrotask(this.#serve)
    else this.#serveLater()
  }

  /**
   * Where groups wait for a turn: a promise of the moment when all are served, or {@link mostTurns} have passed. Undefined
   * where none waits. A publisher that is not held up until then goes on and fills its groups: with 10,000 messages
   * behind, collecting garbage takes a third of the time.
   */
  served(): Promise<void> | undefined {
    return this.#turns === 0 ? undefined : (this.#owed ??= new Promise((resolve) => (this.#pay = resolve)))
  }

  #serveLater(): void {
    if (++this.#turns > mostTurns) this.#letGo()
    macrotask(this.#renew)
  }

  readonly #renew = (): void => {
    this.#left = perTurn
    this.#serve()
  }

  readonly #serve = (): void => {
    if (this.#inOwnContext) this.#inOwnContext(this.#serveAll)
    else this.#serveAll()
  }

  readonly #serveAll = (): void => {
    while (this.#left > 0) {
      const group = this.#groups.shift()
      if (group === undefined) break
      group.scheduled = false
      this.#left -= group.dispatch(Math.min(this.#left, perGroup))
      group.wake()
    }
    if (this.#groups.size > 0) {
      this.#serveLater()
    } else {
      this.#pending = false
      this.#turns = 0
      this.#letGo()
    }
  }

  #letGo(): void {
    this.#pay?.()
    this.#owed = this.#pay = undefined
  }
}
