import type { Clock } from '../clock.ts'
import { Heap } from '../collections/heap.ts'

/** Something that happens at a time. */
export interface Due {
  /** Milliseconds since 1970. */
  readonly due: number
  /** Where it stands in the heap. */
  slot: number
  /** Its number in the order in which it was added. */
  added: number
  /** Called once, when its time has come; it is out of the timetable by then. */
  arrive(): void
}

/** What is to happen, with one timer for all of it. It stands still while it has no clock. */
export class Timetable {
  readonly #heap = new Heap<Due>((a, b) => a.due < b.due || (a.due === b.due && a.added < b.added))
  #added = 0
  #clock: Clock | undefined
  #timer: { readonly at: number; readonly cancel: () => void } | undefined

  start(clock: Clock): void {
    this.#clock = clock
    this.#arm()
  }

  /** Stands still until the next start. */
  stop(): void {
    this.#clock = undefined
    this.#timer?.cancel()
    this.#timer = undefined
  }

  add(entry: Due): void {
    entry.added = this.#added++
    this.#heap.push(entry)
    this.#arm()
  }

  /** An entry that is in it. */
  remove(entry: Due): void {
    this.#heap.remove(entry)
    this.#arm()
  }

  #arm(): void {
    const clock = this.#clock
    if (clock === undefined) return
    const at = this.#heap.first?.due
    if (at === this.#timer?.at) return
    this.#timer?.cancel()
    this.#timer =
      at === undefined ? undefined : { at, cancel: clock.after(Math.max(0, at - clock.now()), () => this.#fire(clock)) }
  }

  #fire(clock: Clock): void {
    this.#timer = undefined
    const now = clock.now()
    for (let first = this.#heap.first; first !== undefined && first.due <= now; first = this.#heap.first) {
      this.#heap.remove(first)
      first.arrive()
    }
    this.#arm()
  }
}
