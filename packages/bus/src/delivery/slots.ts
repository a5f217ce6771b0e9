import { Deque } from './deque.ts'

/** Starts what is to run, as much at a time as there are slots; the rest waits its turn. */
export class Slots<Unit> {
  readonly #slots: () => number
  readonly #run: (unit: Unit, ended: () => void) => void
  readonly #waiting = new Deque<Unit>()
  #closed = false
  taken = 0

  /** `run` calls `ended` when the slot is free again; only its first call counts. It must not throw. */
  constructor(slots: () => number, run: (unit: Unit, ended: () => void) => void) {
    this.#slots = slots
    this.#run = run
  }

  add(unit: Unit): void {
    if (this.taken < this.#slots()) this.#start(unit)
    else this.#waiting.push(unit)
  }

  /** Starts nothing any more, and forgets what waits. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
  }

  #start(unit: Unit): void {
    if (this.#closed) return
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
    while (this.taken < this.#slots()) {
      const unit = this.#waiting.shift()
      if (unit === undefined) return
      this.#start(unit)
    }
  }
}
