/** How often something was done before, by all processes, so that each time has a name of its own. */
export class Counts {
  readonly #counts = new Map<string, number>()

  next(what: string): number {
    const count = this.#counts.get(what) ?? 0
    this.#counts.set(what, count + 1)
    return count
  }
}
