import type { Recorder } from '../recorder/recorder.ts'

/** When an instance is due: its earliest timeout. */
export interface Due {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Of the instance. */
  readonly key: string
}

/** What is listed at once, and held again as much while the process is at work. */
const listed = 1000

/**
 * The earliest times at which instances are due, in their order. They are records, one for each instance that has a
 * timeout, whose keys sort by time; the first of them are held in memory, so that nobody asks the log what time it is.
 */
export class DueTimes {
  readonly #recorder: Recorder
  readonly #prefix: string
  /** Without a gap: what is not here is later than the last of them. */
  #held: Due[] = []
  #isAll = false

  constructor(recorder: Recorder, prefix: string) {
    this.#recorder = recorder
    this.#prefix = prefix
  }

  recordKey({ at, key }: Due): string {
    // So many digits has the latest date there is; one before 1970 is as good as that.
    return `${this.#prefix}${String(at).padStart(16, '0')}/${key}`
  }

  /** Sees to it that so many are held, or all that there are. */
  async hold(least: number): Promise<void> {
    if (this.#isAll || this.#held.length >= least) return
    const limit = Math.max(listed, least)
    const records = await this.#recorder.listRecords({ prefix: this.#prefix, limit })
    this.#held = records.map(({ key }) => {
      const rest = key.slice(this.#prefix.length)
      return { at: Number(rest.slice(0, 16)), key: rest.slice(17) }
    })
    this.#isAll = records.length < limit
  }

  /** The first one of an instance that is not among these. */
  first(but?: { has(key: string): boolean }): Due | undefined {
    return but === undefined ? this.#held[0] : this.#held.find(({ key }) => !but.has(key))
  }

  /** What became of the time of an instance; to be told when it is written. */
  moved(from: Due | undefined, to: Due | undefined): void {
    if (from !== undefined) {
      const index = this.#indexOf(from)
      if (this.#held[index]?.key === from.key) this.#held.splice(index, 1)
    }
    if (to === undefined) return
    const index = this.#indexOf(to)
    if (index === this.#held.length && !this.#isAll) return
    this.#held.splice(index, 0, to)
    if (this.#held.length <= 2 * listed) return
    this.#held.length = listed
    this.#isAll = false
  }

  /** Where it stands or belongs. */
  #indexOf(due: Due): number {
    let low = 0
    let high = this.#held.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (isEarlier(this.#held[middle]!, due)) low = middle + 1
      else high = middle
    }
    return low
  }
}

export function isEarlier(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.key < b.key)
}
