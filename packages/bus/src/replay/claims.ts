/**
 * What the replays of one bus are at work on: a letter, or a parked key with all its letters. A store may take its time
 * to answer, so the mark in a letter alone does not keep two of them apart.
 */
export class Claims {
  readonly #holders = new Map<string, object>()

  /** Whether it is the claimant's, now or already. */
  take(name: string, claimant: object): boolean {
    const holder = this.#holders.get(name) ?? claimant
    this.#holders.set(name, holder)
    return holder === claimant
  }

  /** Of the one who holds it. */
  release(name: string): void {
    this.#holders.delete(name)
  }
}
