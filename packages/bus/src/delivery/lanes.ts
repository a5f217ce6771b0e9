import { Deque } from '../collections/deque.ts'
import type { Job } from './job.ts'

/** One lane for each key: of the deliveries of a key, one has its turn, and the others wait behind it. */
export class Lanes {
  readonly #lanes = new Map<string, Deque<Job> | undefined>()

  /** Takes a job in: it has its turn at once, where it has no key or is the only one of it. */
  enter(job: Job): void {
    const { key } = job
    job.hasTurn = key === undefined || !this.#lanes.has(key)
    if (key === undefined) return
    if (job.hasTurn) {
      this.#lanes.set(key, undefined)
      return
    }
    const lane = this.#lanes.get(key) ?? new Deque()
    this.#lanes.set(key, lane)
    lane.push(job)
  }

  /** Drops those that wait and are ours no more. */
  forgetGone(): void {
    for (const lane of this.#lanes.values()) {
      for (const job of lane?.clear() ?? []) if (!job.gone) lane!.push(job)
    }
  }

  /** The turn of a job is over; the one whose turn has come, if one waits. */
  leave({ key }: Job): Job | undefined {
    if (key === undefined) return undefined
    const lane = this.#lanes.get(key)
    let next = lane?.shift()
    while (next?.gone) next = lane?.shift()
    if (next === undefined) this.#lanes.delete(key)
    else next.hasTurn = true
    return next
  }
}
