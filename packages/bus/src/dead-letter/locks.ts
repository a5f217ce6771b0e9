/**
 * What is worked on in one bus: a letter that is read and then marked, unmarked or removed, or a parked key with all its
 * letters. A store may take its time to answer, so the mark in a letter alone does not keep two replays apart.
 */
export class Locks {
  readonly #locks = new Map<string, Lock>()
  #lastMoment = -Infinity

  /** Whether it is the holder's, now or already. */
  take(name: string, holder: object): boolean {
    const lock = this.#locks.get(name)
    if (lock !== undefined) return lock.holder === holder
    this.#locks.set(name, { holder, waiting: [] })
    return true
  }

  isTaken(name: string): boolean {
    return this.#locks.has(name)
  }

  /** Does something while nobody else has the lock, one after the other; `work` must not take the same. */
  async alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const holder = {}
    while (!this.take(name, holder)) {
      await new Promise<void>((resolve) => this.#locks.get(name)!.waiting.push(resolve))
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
    const lock = this.#locks.get(name)
    this.#locks.delete(name)
    for (const resolve of lock?.waiting ?? []) resolve()
  }
}

interface Lock {
  readonly holder: object
  readonly waiting: (() => void)[]
}

/** The name of the lock of a parked key. */
export function lockOfKey(group: string, key: string): string {
  return `key ${group}|${key}`
}
