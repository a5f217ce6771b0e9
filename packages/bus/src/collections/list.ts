/** A value with its place in a {@link List}. */
export interface ListNode<T> {
  readonly value: T
  before: ListNode<T> | undefined
  after: ListNode<T> | undefined
}

/** A list from which any node can be taken out in constant time. */
export class List<T> {
  #first: ListNode<T> | undefined
  #last: ListNode<T> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): ListNode<T> | undefined {
    return this.#first
  }

  push(value: T): ListNode<T> {
    const node: ListNode<T> = { value, before: this.#last, after: undefined }
    if (this.#last === undefined) this.#first = node
    else this.#last.after = node
    this.#last = node
    this.#size++
    return node
  }

  /** A node that is in it. */
  remove(node: ListNode<T>): void {
    const { before, after } = node
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    // A node that is gone, and old to the collector of garbage, would keep alive all that came behind it.
    node.before = node.after = undefined
    this.#size--
  }

  /** The one at hand may be taken out meanwhile. */
  *[Symbol.iterator](): Generator<T, void> {
    let node = this.#first
    while (node !== undefined) {
      const { value, after } = node
      yield value
      node = after
    }
  }
}
