const PAGE_BITS = 14
const PAGE = 1 << PAGE_BITS
const IDS = 6
const NUMBERS = 2

interface Page {
  readonly ids: Uint32Array
  readonly numbers: Float64Array
}

/** A row as numbers: one for each distinct text of a column, and the two numbers it has. */
export type RowKey = readonly [
  invoice: number,
  stockCode: number,
  description: number,
  timestamp: number,
  customer: number,
  country: number,
  quantity: number,
  price: number,
]

/**
 * Finds the rows that equal an earlier one in all eight fields.
 *
 * Rows are compared, not only their hashes, so that it cannot take two different rows for the same. Each is kept as six
 * 32-bit numbers that stand for its texts and two doubles: 40 bytes, and 6 to 12 more in the hash table.
 */
export class DuplicateIndex {
  readonly #pages: Page[] = []
  #size = 0
  /** Open addressing, a power of two, at most two thirds full; an entry is the row's position plus 1. */
  #table = new Uint32Array(1 << 10)

  /** Rows that differ from one another. */
  get size(): number {
    return this.#size
  }

  /** Remembers the row; false where an equal one is there already. */
  add(key: RowKey): boolean {
    const mask = this.#table.length - 1
    let slot = hash(key[0], key[1], key[2], key[3], key[6], key[7]) & mask
    for (let entry = this.#table[slot]!; entry !== 0; entry = this.#table[slot]!) {
      if (this.#equals(entry - 1, key)) return false
      slot = (slot + 1) & mask
    }
    this.#store(key)
    this.#table[slot] = this.#size
    if (this.#size * 3 > this.#table.length * 2) this.#grow()
    return true
  }

  #equals(position: number, key: RowKey): boolean {
    const { ids, numbers } = this.#pages[position >>> PAGE_BITS]!
    const at = position & (PAGE - 1)
    for (let index = 0; index < IDS; index++) {
      if (ids[at * IDS + index] !== key[index]) return false
    }
    return numbers[at * NUMBERS] === key[6] && numbers[at * NUMBERS + 1] === key[7]
  }

  #store(key: RowKey): void {
    const at = this.#size & (PAGE - 1)
    if (at === 0) {
      this.#pages.push({ ids: new Uint32Array(PAGE * IDS), numbers: new Float64Array(PAGE * NUMBERS) })
    }
    const { ids, numbers } = this.#pages[this.#pages.length - 1]!
    for (let index = 0; index < IDS; index++) ids[at * IDS + index] = key[index]!
    numbers[at * NUMBERS] = key[6]
    numbers[at * NUMBERS + 1] = key[7]
    this.#size++
  }

  #grow(): void {
    const table = new Uint32Array(this.#table.length * 2)
    const mask = table.length - 1
    for (let position = 0; position < this.#size; position++) {
      const { ids, numbers } = this.#pages[position >>> PAGE_BITS]!
      const at = position & (PAGE - 1)
      const id = at * IDS
      const number = at * NUMBERS
      let slot = hash(ids[id]!, ids[id + 1]!, ids[id + 2]!, ids[id + 3]!, numbers[number]!, numbers[number + 1]!) & mask
      while (table[slot] !== 0) slot = (slot + 1) & mask
      table[slot] = position + 1
    }
    this.#table = table
  }
}

/** Customer and country are left out: they say nothing that the invoice does not, and `#equals` looks at them. */
function hash(
  invoice: number,
  stockCode: number,
  description: number,
  timestamp: number,
  quantity: number,
  price: number,
): number {
  let value = Math.imul(invoice, 0x9e3779b1) ^ stockCode
  value = Math.imul(value ^ (value >>> 15), 0x85ebca6b) ^ description
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35) ^ timestamp
  value = Math.imul(value ^ (value >>> 15), 0x27d4eb2f) ^ (quantity | 0)
  value = Math.imul(value ^ (value >>> 13), 0x165667b1) ^ (price | 0)
  value = Math.imul(value ^ (value >>> 15), 0x9e3779b1)
  return value ^ (value >>> 16)
}
