import { Deque } from '../collections/deque.ts'

/** Starts what is to run, as much at a time as there are slots; the rest waits its turn. */
export class Slots<Unit> {
  readonly #slots: () => number
  readonly #run: (unit: Unit) => void
  readonly #waiting = new Deque<Unit>()
  #closed = false
  #starting = false
  taken = 0

  /** After `run`, which must not throw, {@link end} is to be called once for each unit. */
  constructor(slots: () => number, run: (unit: Unit) => void) {
    this.#slots = slots
    this.#run = run
  }

  add(unit: Unit): void {
    if (this.#closed) return
    this.#waiting.push(unit)
    this.#startWaiting()
  }

  /** A unit has ended: its slot is free again. */
  end(): void {
    this.taken--
    this.#startWaiting()
  }

  /** Drops of what waits all that `isWanted` denies. */
  keep(isWanted: (unit: Unit) => boolean): void {
    for (const unit of this.#waiting.clear()) if (isWanted(unit)) this.#waiting.push(unit)
  }

  /** Starts nothing any more, and forgets what waits. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
  }

  /** In a loop, not from within what has just ended: else units that end at once would pile up on the stack. */
  #startWaiting(): void {
    if (this.#starting) return
    this.#starting = true
    try {
      while (this.taken < this.#slots()) {
        const unit = this.#waiting.shift()
        if (unit === undefined) break
        this.taken++
        this.#run(unit)
      }
    } finally {
      this.#starting = false
    }
  }
}
