import type { EventIdentity } from './inbox.ts'

/** Unlike for each process, so that nobody can choose ids that all meet in one place. */
const seed = Math.trunc(Math.random() * 2 ** 32)

/**
 * Which group has handled which event. Open addressing with the hash beside each place: among 50,000 events a `Map` takes
 * half a microsecond to find that it does not know one, since the texts that it compares are all over the memory; here
 * they are looked at only where the hashes are equal.
 */
export class EventSet {
  /** By slot: the hash of what is there, 0 where nothing is. At most half of the slots are taken. */
  #hashes = new Int32Array(1024)
  /** By slot: where it stands in the lists. */
  #places = new Int32Array(1024)
  readonly #groups: string[] = []
  readonly #sources: string[] = []
  readonly #ids: string[] = []

  get size(): number {
    return this.#ids.length
  }

  has(group: string, event: EventIdentity): boolean {
    return this.#hashes[this.#slotOf(group, event, hashOf(group, event.id))] !== 0
  }

  add(group: string, event: EventIdentity): void {
    const hash = hashOf(group, event.id)
    const slot = this.#slotOf(group, event, hash)
    if (this.#hashes[slot] !== 0) return
    this.#hashes[slot] = hash
    this.#places[slot] = this.#ids.length
    this.#groups.push(group)
    this.#sources.push(event.source)
    this.#ids.push(event.id)
    if (2 * this.#ids.length > this.#hashes.length) this.#grow()
  }

  /** Where it is, or else where it belongs. */
  #slotOf(group: string, { source, id }: EventIdentity, hash: number): number {
    const hashes = this.#hashes
    const last = hashes.length - 1
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const there = hashes[slot]
      if (there === 0) return slot
      if (there !== hash) continue
      const place = this.#places[slot]!
      if (this.#ids[place] === id && this.#sources[place] === source && this.#groups[place] === group) return slot
    }
  }

  #grow(): void {
    const [hashes, places] = [this.#hashes, this.#places]
    const last = 2 * hashes.length - 1
    this.#hashes = new Int32Array(2 * hashes.length)
    this.#places = new Int32Array(2 * hashes.length)
    for (let from = 0; from < hashes.length; from++) {
      const hash = hashes[from]!
      if (hash === 0) continue
      let slot = hash & last
      while (this.#hashes[slot] !== 0) slot = (slot + 1) & last
      this.#hashes[slot] = hash
      this.#places[slot] = places[from]!
    }
  }
}

/** 32 bits, never 0: FNV-1a over the UTF-16 units, its bits mixed once more since the low ones choose the slot. */
function hashOf(group: string, id: string): number {
  const hash = fnv(id, fnv(group, seed))
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) || 1
}

function fnv(text: string, start: number): number {
  let hash = start
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
