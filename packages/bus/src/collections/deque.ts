const smallest = 8

/** A queue in a ring, which makes nothing while it has room. Both ends take constant time, amortised. */
export class Deque<T> {
  /** Its length is a power of two. */
  #ring: (T | undefined)[] = emptyRing(smallest)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): T | undefined {
    return this.#ring[this.#head]
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#resize(2 * this.#size)
    this.#ring[(this.#head + this.#size++) & (this.#ring.length - 1)] = item
  }

  /** Puts an item before all others. */
  unshift(item: T): void {
    if (this.#size === this.#ring.length) this.#resize(2 * this.#size)
    this.#head = (this.#head - 1) & (this.#ring.length - 1)
    this.#ring[this.#head] = item
    this.#size++
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size--
    // What a crowd has taken goes when it is gone; a queue that only comes and goes keeps its ring.
    if (this.#ring.length > 1024 && 8 * this.#size < this.#ring.length) this.#resize(this.#ring.length / 4)
    return item
  }

  /** Takes out everything. */
  clear(): T[] {
    const items = this.#inOrder()
    this.#ring = emptyRing(smallest)
    this.#head = this.#size = 0
    return items
  }

  #resize(length: number): void {
    const items = this.#inOrder()
    this.#ring = emptyRing(length)
    for (let at = 0; at < items.length; at++) this.#ring[at] = items[at]
    this.#head = 0
  }

  #inOrder(): T[] {
    const ring = this.#ring
    return Array.from({ length: this.#size }, (_, at) => ring[(this.#head + at) & (ring.length - 1)]!)
  }
}

function emptyRing<T>(length: number): (T | undefined)[] {
  return Array.from({ length }, () => undefined)
}
