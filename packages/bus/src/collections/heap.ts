/** A binary heap: what comes `before` all others is out first. Items know their slot, so that any can be taken out. */
export class Heap<T extends { slot: number }> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  get first(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#items.push(item)
    this.#rise(item, this.#items.length - 1)
  }

  pop(): T | undefined {
    const first = this.#items[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  /** An item that is in it. */
  remove(item: T): void {
    const last = this.#items.pop()!
    if (last === item) return
    const { slot } = item
    if (slot > 0 && this.#before(last, this.#items[(slot - 1) >> 1]!)) this.#rise(last, slot)
    else this.#sink(last, slot)
  }

  /** Takes out everything, in no order. */
  clear(): T[] {
    return this.#items.splice(0)
  }

  #rise(item: T, from: number): void {
    const items = this.#items
    let slot = from
    while (slot > 0) {
      const up = (slot - 1) >> 1
      const parent = items[up]!
      if (!this.#before(item, parent)) break
      items[slot] = parent
      parent.slot = slot
      slot = up
    }
    items[slot] = item
    item.slot = slot
  }

  #sink(item: T, from: number): void {
    const items = this.#items
    let slot = from
    for (;;) {
      let down = 2 * slot + 1
      if (down >= items.length) break
      if (down + 1 < items.length && this.#before(items[down + 1]!, items[down]!)) down++
      const child = items[down]!
      if (!this.#before(child, item)) break
      items[slot] = child
      child.slot = slot
      slot = down
    }
    items[slot] = item
    item.slot = slot
  }
}
