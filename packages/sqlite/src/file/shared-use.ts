/** Something in use. */
export interface Used<Thing> {
  readonly thing: Thing
  /** Lets go of it; the last one closes it. Idempotent. */
  readonly release: () => Promise<void>
}

interface Open<Thing> {
  readonly thing: Thing
  users: number
}

/** One thing for all who use it, open as long as somebody does. */
export class SharedUse<Thing, How> {
  readonly #open: (how: How) => Promise<Thing>
  readonly #close: (thing: Thing) => Promise<void>
  #current: Promise<Open<Thing>> | undefined
  #closing: Promise<void> | undefined

  constructor(open: (how: How) => Promise<Thing>, close: (thing: Thing) => Promise<void>) {
    this.#open = open
    this.#close = close
  }

  /** Opens it where it is not, by `how`. Rejects with what that rejects with. */
  async use(how: How): Promise<Used<Thing>> {
    await this.#closing
    const opening = (this.#current ??= this.#opened(how))
    const open = await opening.catch((error: unknown) => {
      if (this.#current === opening) this.#current = undefined
      throw error
    })
    // It was closed or forgotten meanwhile.
    if (this.#current !== opening) return this.use(how)
    open.users++
    let isReleased = false
    return {
      thing: open.thing,
      release: async () => {
        if (isReleased) return
        isReleased = true
        if (--open.users > 0) return
        if (this.#current === opening) this.#current = undefined
        await (this.#closing = this.#closed(open.thing))
      },
    }
  }

  /** Whoever uses it next gets another one; those who use it are to let go of it still. */
  forget(thing: Thing): void {
    const current = this.#current
    void current?.then((open) => {
      if (open.thing === thing && this.#current === current) this.#current = undefined
    })
  }

  async #opened(how: How): Promise<Open<Thing>> {
    return { thing: await this.#open(how), users: 0 }
  }

  async #closed(thing: Thing): Promise<void> {
    await this.#close(thing)
    this.#closing = undefined
  }
}
