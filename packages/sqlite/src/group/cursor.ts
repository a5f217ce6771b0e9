import type { Statements } from '../file/statements.ts'

/** How far a group is in a range of lanes, and what it is to know of that after a crash. */
export class Cursor {
  readonly id: number
  readonly from: number
  /** Not with it. */
  readonly to: number
  /** Read up to here. */
  scanned: number
  /** What was handed out is not above, and that is written. */
  claimed: number
  /** Read, and neither settled nor held in rows of their own, in their order. */
  readonly open: Set<number> = new Set()
  /** Of those, what is handed out. */
  handedOut = 0
  /** The highest position that is settled, or passed over. All that it has not read is above. */
  #high: number
  /** What is written of `claimed`. */
  #claimedBefore: number
  #isDirty = false
  /** What was unsettled below `high` when it was read from its row, and is not read again yet. */
  readonly #left: Set<number>

  constructor(
    id: number,
    from: number,
    to: number,
    low: number,
    high: number,
    claimed: number,
    left: readonly number[],
  ) {
    this.id = id
    this.from = from
    this.to = to
    this.scanned = low
    this.#high = high
    this.claimed = this.#claimedBefore = claimed
    this.#left = new Set(left)
  }

  covers(lane: number): boolean {
    return lane >= this.from && lane < this.to
  }

  /** Whether a message that is read was settled before. */
  isSettled(position: number): boolean {
    if (position > this.#high) return false
    return !this.#left.delete(position)
  }

  /** It is settled, or held in a row of its own from now on. */
  passes(position: number): void {
    this.open.delete(position)
    if (position > this.#high) this.#high = position
    this.#isDirty = true
  }

  /** A transaction was undone in which the log had got beyond this position. */
  goesBack(head: number): void {
    this.claimed = this.#claimedBefore
    this.scanned = Math.min(this.scanned, head)
    this.#high = Math.min(this.#high, head)
    for (const position of this.open) if (position > head) this.open.delete(position)
    this.#isDirty = true
  }

  /** The transaction is written. */
  isWritten(): void {
    this.#claimedBefore = this.claimed
  }

  /** The transaction in which it was passed has been undone. */
  passesNot(position: number): void {
    this.open.add(position)
    this.#isDirty = true
  }

  /** Something up to here is about to be handed out. */
  claims(position: number): void {
    if (position <= this.claimed) return
    this.claimed = position
    this.#isDirty = true
  }

  /** Up to here it may have settled something: what is unsettled is {@link left}. */
  get high(): number {
    return this.#high
  }

  /** What was unsettled when it was read from its row, and is not read again yet. */
  get left(): readonly number[] {
    return [...this.#left]
  }

  /** It has read up to here. */
  reads(position: number): void {
    this.scanned = position
    // What is not read again by now is of no concern to the group any more.
    if (position >= this.#high) this.#left.clear()
    // Where nothing of all this is for its group, it gets on all the same, if not at each step.
    if (this.open.size === 0 && position > this.#high + 1000) this.#isDirty = true
  }

  /** Something of it was handed out, or has come back. */
  isHandedOut(by: 1 | -1): void {
    this.handedOut += by
    this.#isDirty = true
  }

  /** Writes it down, within a transaction, where it has changed. */
  write(statements: Statements): void {
    if (!this.#isDirty) return
    this.#isDirty = false
    const [first] = this.open
    const isBehind = this.#left.size > 0
    // Nothing between: all that is read has come to its end.
    if (first === undefined && !isBehind && this.scanned > this.#high) this.#high = this.scanned
    const open: number[] = [...this.#left]
    for (const position of this.open) if (position < this.#high) open.push(position)
    open.sort((a, b) => a - b)
    const low = open.length > 0 ? open[0]! - 1 : this.#high
    statements.run(
      'UPDATE tidings_cursors SET low = ?, high = ?, claimed = ?, handed_out = ?, open = ? WHERE id = ?',
      low,
      this.#high,
      Math.max(this.claimed, this.#high),
      this.handedOut,
      open.length === 0 ? '[]' : JSON.stringify(open),
      this.id,
    )
  }
}
