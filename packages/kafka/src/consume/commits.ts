import { systemClock } from '@tidings/bus'
import type { Slice } from './slice.ts'

/** Milliseconds between two commits: so much is delivered again where a member dies. */
const interval = 20

/** What {@link Commits} commit, and by what. */
export interface CommitOptions {
  slices(): readonly Slice[]
  commit(offsets: readonly Settled[]): Promise<void>
}

/** How far a partition is settled. */
export interface Settled {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

/** Tells the broker how far each partition is settled, one commit at a time, and none while the group is shared out. */
export class Commits {
  readonly #options: CommitOptions
  #underWay: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #isHeld = false

  constructor(options: CommitOptions) {
    this.#options = options
  }

  /** Something was settled. */
  mark(): void {
    if (this.#isHeld || this.#cancel !== undefined) return
    this.#cancel = systemClock.after(interval, () => {
      this.#cancel = undefined
      void this.flush()
    })
  }

  /** No commit for now: the broker would refuse it. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.mark()
  }

  /** Resolves when all that is settled now is committed, or is known not to be. Never rejects. */
  async flush(): Promise<void> {
    while (this.#underWay !== undefined) await this.#underWay
    if (this.#isHeld) return
    const commit = this.#commit()
    this.#underWay = commit
    await commit
    this.#underWay = undefined
  }

  end(): void {
    this.#isHeld = true
    this.#cancel?.()
  }

  async #commit(): Promise<void> {
    const moved = this.#options.slices().filter((slice) => slice.settled > slice.committed)
    const offsets = moved.map((slice) => ({ topic: slice.topic, partition: slice.partition, offset: slice.settled }))
    try {
      if (offsets.length > 0) await this.#options.commit(offsets)
      for (const [at, slice] of moved.entries()) {
        const { offset } = offsets[at]!
        if (offset > slice.committed) slice.committed = offset
      }
    } catch {
      // The group is shared out anew, or the coordinator is away: what is settled is committed then.
      this.#cancel ??= systemClock.after(10 * interval, () => {
        this.#cancel = undefined
        void this.flush()
      })
    }
  }
}
