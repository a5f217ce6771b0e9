/** Thrown where a process has died: nobody hears of it. */
class Died extends Error {}

/** The life of a process that may die between any two of its steps. */
export class Life {
  readonly #crashAt: number
  readonly #die: () => void
  #steps = 0
  #isOver = false

  /** Dies instead of taking the step of this number, from 1; 0 for never. `die` is what the others see of it. */
  constructor(crashAt: number, die: () => void) {
    this.#crashAt = crashAt
    this.#die = die
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Throws where the process is dead, or dies right here. */
  step(): void {
    if (!this.#isOver && ++this.#steps === this.#crashAt) {
      this.#isOver = true
      this.#die()
    }
    if (this.#isOver) throw new Died('the process has died')
  }

  /** Does something, with a chance to die before and after. Whoever is dead waits for ever. */
  async live<Result>(act: () => Result | Promise<Result>): Promise<Result> {
    try {
      this.step()
      const result = await act()
      this.step()
      return result
    } catch (error) {
      if (error instanceof Died) return new Promise(() => {})
      throw error
    }
  }
}
