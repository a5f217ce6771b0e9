import type { Clock } from '@tidings/bus'

interface Entry {
  readonly at: number
  readonly callback: () => void
}

/** The virtual time of one run, and all that is to happen in it: by time, then by age. */
export class Timeline implements Clock {
  /** Steps so far. */
  taken = 0
  readonly #entries: Entry[] = []
  #now: number

  constructor(start: number) {
    this.#now = start
  }

  /** When the next thing happens; undefined when nothing does. */
  get next(): number | undefined {
    return this.#entries[0]?.at
  }

  now(): number {
    return this.#now
  }

  after(delay: number, callback: () => void): () => void {
    const entry = { at: this.#now + Math.max(0, delay), callback }
    let place = this.#entries.length
    while (place > 0 && this.#entries[place - 1]!.at > entry.at) place--
    this.#entries.splice(place, 0, entry)
    return () => {
      const at = this.#entries.indexOf(entry)
      if (at >= 0) this.#entries.splice(at, 1)
    }
  }

  /** Lets the next thing happen. */
  step(): void {
    const entry = this.#entries.shift()
    if (entry === undefined) return
    this.taken++
    this.#now = entry.at
    entry.callback()
  }
}
