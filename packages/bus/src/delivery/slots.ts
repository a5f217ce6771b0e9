import { Deque } from './deque.ts'

/** Starts what is to run, as much at a time as there are slots; the rest waits its turn. */
export class Slots<Unit> {
  readonly #slots: () => number
  readonly #run: (unit: Unit, ended: () => void) => void
  readonly #waiting = new Deque<Unit>()
  #closed = false
  #isStarting = false
  taken = 0

  /** `run` calls `ended` when the slot is free again; only its first call counts. It must not throw. */
  constructor(slots: () => number, run: (unit: Unit, ended: () => void) => void) {
    this.#slots = slots
    this.#run = run
  }

  add(unit: Unit): void {
    if (this.#closed) return
    this.#waiting.push(unit)
    this.#next()
  }

  /** Starts nothing any more, and forgets what waits. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
  }

  #start(unit: Unit): void {
    this.taken++
    let isOver = false
    this.#run(unit, () => {
      if (isOver) return
      isOver = true
      this.taken--
      this.#next()
    })
  }

  #next(): void {
    // The loop goes on with what a unit that ends at once makes ready: however many these are, the stack stays flat.
    if (this.#isStarting) return
    this.#isStarting = true
    while (this.taken < this.#slots()) {
      const unit = this.#waiting.shift()
      if (unit === undefined) break
      this.#start(unit)
    }
    this.#isStarting = false
  }
}
