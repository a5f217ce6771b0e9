/** Lets the tasks of one key run one after the other, in the order of their coming. */
export class TurnTaking {
  readonly #last = new Map<string, Promise<void>>()

  async run(key: string, task: () => Promise<void>): Promise<void> {
    const before = this.#last.get(key)
    const mine = before === undefined ? task() : before.then(task, task)
    this.#last.set(key, mine)
    try {
      await mine
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
  }
}
