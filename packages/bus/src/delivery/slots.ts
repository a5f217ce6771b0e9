import { Deque } from '../collections/deque.ts'

/** Starts what is to run, as much at a time as there are slots; the rest waits its turn. */
export class Slots<Unit> {
  readonly #slots: () => number
  readonly #run: (unit: Unit, ended: () => void) => void
  readonly #waiting = new Deque<Unit>()
  #closed = false
  #starting = false
  taken = 0

  /** `run` calls `ended` when the slot is free again; only its first call counts. It must not throw. */
  constructor(slots: () => number, run: (unit: Unit, ended: () => void) => void) {
    this.#slots = slots
    this.#run = run
  }

  add(unit: Unit): void {
    if (this.#closed) return
    this.#waiting.push(unit)
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
        this.#start(unit)
      }
    } finally {
      this.#starting = false
    }
  }

  #start(unit: Unit): void {
    this.taken++
    let isOver = false
    this.#run(unit, () => {
      if (isOver) return
      isOver = true
      this.taken--
      this.#startWaiting()
    })
  }
}
