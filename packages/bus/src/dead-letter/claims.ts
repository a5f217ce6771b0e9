/**
 * What is worked on in one bus: a letter that is read and then marked, unmarked or removed, or a parked key with all its
 * letters. A store may take its time to answer, so the mark in a letter alone does not keep two replays apart.
 */
export class Claims {
  readonly #holders = new Map<string, Claim>()
  #lastMoment = -Infinity

  /** Whether it is the claimant's, now or already. */
  take(name: string, claimant: object): boolean {
    const claim = this.#holders.get(name)
    if (claim !== undefined) return claim.holder === claimant
    this.#holders.set(name, { holder: claimant, waiting: [] })
    return true
  }

  /** Does something while nobody else claims it, one after the other; `work` must not claim the same. */
  async alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const claimant = {}
    while (!this.take(name, claimant)) {
      await new Promise<void>((resolve) => this.#holders.get(name)!.waiting.push(resolve))
    }
    try {
      return await work()
    } finally {
      this.release(name)
    }
  }

  /** This moment, in milliseconds, or the next that no mark in a letter has yet: marks tell copies apart. */
  moment(now: number): number {
    return (this.#lastMoment = Math.max(now, this.#lastMoment + 1))
  }

  /** Of the one who holds it. */
  release(name: string): void {
    const claim = this.#holders.get(name)
    this.#holders.delete(name)
    for (const resolve of claim?.waiting ?? []) resolve()
  }
}

interface Claim {
  readonly holder: object
  readonly waiting: (() => void)[]
}
