/** Of these the order is the same here as in the file. */
const ascii = /^[\0-\x7f]*$/
/** Scopes that are remembered at most. */
const most = 1000

/**
 * Of each scope the greatest id that stands in the file, as of the last look into it. Ids that grow with time are not there
 * yet when they come: a comparison says so, where a question takes as long as all else of a row.
 */
export class Greatest<Scope> {
  readonly #read: (scope: Scope) => string | undefined
  readonly #known = new Map<Scope, string>()

  /** `read` asks the file. */
  constructor(read: (scope: Scope) => string | undefined) {
    this.#read = read
  }

  /** Others have written. */
  refresh(): void {
    this.#known.clear()
  }

  /** Whether the id is beyond all of its scope, and so is not there for sure. */
  exceeds(scope: Scope, id: string): boolean {
    return id > this.#of(scope) && ascii.test(id)
  }

  /** It is written. What is not there all the same, as its transaction is undone, costs a question and no more. */
  add(scope: Scope, id: string): void {
    if (id > this.#of(scope)) this.#known.set(scope, id)
  }

  #of(scope: Scope): string {
    let greatest = this.#known.get(scope)
    if (greatest === undefined) {
      if (this.#known.size >= most) this.#known.clear()
      greatest = this.#read(scope) ?? ''
      this.#known.set(scope, greatest)
    }
    return greatest
  }
}
