/** What came of an event, in a small number: a load has millions of them. */
const fates = { unseen: 0, declined: 1, handled: 2, replayed: 3 } as const

/** What a load has confirmed, and what its members were handed. Each key has the events 0, 1, 2, … */
export class LoadBook {
  handledAgain = 0
  readonly #keys: { confirmed: number; last: number; readonly fates: number[] }[]
  readonly #outOfOrder: string[] = []

  constructor(keys: number) {
    this.#keys = Array.from({ length: keys }, () => ({ confirmed: 0, last: -1, fates: [] }))
  }

  /** The next event of its key is confirmed. */
  confirm(key: number): void {
    this.#keys[key]!.confirmed++
  }

  handle(key: number, number: number): void {
    this.#note(key, number, fates.handled)
  }

  /** Its handler gives it up, so that it is to be a dead letter. */
  decline(key: number, number: number): void {
    this.#note(key, number, fates.declined)
  }

  /** A dead letter came back. */
  replay(key: number, number: number): void {
    this.#keys[key]!.fates[number] = fates.replayed
  }

  get confirmed(): number {
    return this.#keys.reduce((sum, { confirmed }) => sum + confirmed, 0)
  }

  get handled(): number {
    return this.#count(fates.handled)
  }

  get replayed(): number {
    return this.#count(fates.replayed)
  }

  /** Confirmed events that nobody was handed. */
  get missing(): string[] {
    return this.#confirmedWith(fates.unseen)
  }

  /** Confirmed events that were given up, and which no replay has brought back. */
  get lostLetters(): string[] {
    return this.#confirmedWith(fates.declined)
  }

  /** Events that came for the first time behind a later one of their key. */
  get outOfOrder(): readonly string[] {
    return this.#outOfOrder
  }

  #note(index: number, number: number, fate: number): void {
    const key = this.#keys[index]!
    if ((key.fates[number] ?? fates.unseen) !== fates.unseen) {
      this.handledAgain++
      return
    }
    // The first time is what counts: what has no answer yet is handed out again, behind others.
    if (number < key.last) this.#outOfOrder.push(`${nameOf(index, number)} came behind ${key.last}`)
    key.last = Math.max(key.last, number)
    while (key.fates.length < number) key.fates.push(fates.unseen)
    key.fates[number] = fate
  }

  #count(fate: number): number {
    return this.#keys.reduce((sum, key) => sum + key.fates.filter((each) => each === fate).length, 0)
  }

  #confirmedWith(fate: number): string[] {
    return this.#keys.flatMap(({ confirmed, fates: all }, index) =>
      Array.from({ length: confirmed }, (_, number) => number)
        .filter((number) => (all[number] ?? fates.unseen) === fate)
        .map((number) => nameOf(index, number)),
    )
  }
}

function nameOf(key: number, number: number): string {
  return `key ${key}, event ${number}`
}
