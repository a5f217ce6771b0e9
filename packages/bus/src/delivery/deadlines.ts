import type { Clock } from '../clock.ts'
import { List, type ListNode } from '../collections/list.ts'

/** What has so much time, and is told when that has passed. */
export interface Timed {
  /** When its time is up, in milliseconds since 1970. */
  due: number
  /** Its place among those that have as much time, while it has one. */
  place: ListNode<Timed> | undefined
  isUp(): void
}

/**
 * How long attempts have. Those that have as much time come to its end in the order in which they began, so they share
 * one timer: one for each took up to a fifth of the time of a trivial handler.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #lines = new Map<number, Line>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Has it told after so many milliseconds. */
  add(timed: Timed, time: number): void {
    let line = this.#lines.get(time)
    if (line === undefined) this.#lines.set(time, (line = new Line(this.#clock, time)))
    line.add(timed)
  }

  /** It has ended. Idempotent, also where its time was up. `time` is what it was added with. */
  remove(timed: Timed, time: number): void {
    if (timed.place !== undefined) this.#lines.get(time)!.remove(timed)
  }
}

/** Those that have as much time, the oldest first. */
class Line {
  readonly #clock: Clock
  readonly #time: number
  readonly #all = new List<Timed>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock, time: number) {
    this.#clock = clock
    this.#time = time
  }

  add(timed: Timed): void {
    timed.due = this.#clock.now() + this.#time
    timed.place = this.#all.push(timed)
    this.#cancel ??= this.#clock.after(this.#time, this.#fire)
  }

  remove(timed: Timed): void {
    this.#all.remove(timed.place!)
    timed.place = undefined
    // Its timer would keep the process alive for nothing.
    if (this.#all.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  readonly #fire = (): void => {
    this.#cancel = undefined
    const now = this.#clock.now()
    for (let first = this.#all.first; first !== undefined && first.value.due <= now; first = this.#all.first) {
      this.#all.remove(first)
      first.value.place = undefined
      first.value.isUp()
    }
    const next = this.#all.first
    if (next !== undefined) this.#cancel ??= this.#clock.after(Math.max(1, next.value.due - now), this.#fire)
  }
}
