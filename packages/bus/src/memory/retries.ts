import type { Due, Timetable } from '../transport/timetable.ts'
import type { Copy } from './copy.ts'

interface Retry extends Due {
  readonly copy: Copy
}

/** The messages of a group that have failed, until they are due for their next attempt. */
export class Retries {
  readonly #timetable: Timetable
  readonly #onDue: (copy: Copy) => void
  readonly #retries = new Set<Retry>()

  constructor(timetable: Timetable, onDue: (copy: Copy) => void) {
    this.#timetable = timetable
    this.#onDue = onDue
  }

  get size(): number {
    return this.#retries.size
  }

  /** When the next one is due, in milliseconds since 1970. */
  get next(): number | undefined {
    let next: number | undefined
    for (const { due } of this.#retries) if (next === undefined || due < next) next = due
    return next
  }

  add(copy: Copy, due: number): void {
    const retry: Retry = {
      copy,
      due,
      slot: 0,
      added: 0,
      arrive: () => {
        this.#retries.delete(retry)
        this.#onDue(copy)
      },
    }
    this.#retries.add(retry)
    this.#timetable.add(retry)
  }

  clear(): void {
    for (const retry of this.#retries) this.#timetable.remove(retry)
    this.#retries.clear()
  }
}
