import type { Settled, Settlement } from '@tidings/bus/transport'
import type { GroupRecord } from '../file/catalog.ts'
import { Copies } from './copies.ts'
import { begunBefore, Copy, type CopyHome, type HeldFacts, triedLater } from './copy.ts'
import { GroupReader } from './group-reader.ts'
import type { HeldRow } from './held-rows.ts'
import type { Logged } from '../file/log.ts'
import type { Member } from './member.ts'
import { apply } from './settle.ts'
import { Settling } from './settling.ts'
import type { SharedFile } from '../file/shared-file.ts'

/**
 * One consumer group in this process: the lanes that are this process's, what is read of them, and its members here. It
 * reads, and notes what is to be handed out, within the transactions of its file; nothing is handed out before that is
 * written.
 */
export class Group implements CopyHome {
  readonly id: number
  readonly members: Member[] = []
  readonly #file: SharedFile
  readonly #copies: Copies
  readonly #reader: GroupReader
  /** What is handed out when the transaction under way is written. */
  #chosen: Copy[] = []
  #isHanding = false

  constructor(file: SharedFile, id: number) {
    this.#file = file
    this.id = id
    this.#copies = new Copies(file, () => this.wake())
    this.#reader = new GroupReader(this, file, id, this.#copies)
  }

  get record(): GroupRecord | undefined {
    return this.#file.catalog.withId(this.id)
  }

  /** Asks for a transaction, when there is something to hand out and somebody to take it. */
  wake(): void {
    if (!this.#reader.isCurrent || this.#canHandOut()) this.#file.stir()
  }

  /** Other processes have written. */
  isTold(hasChanged: boolean): void {
    if (hasChanged) this.#reader.isShared()
    this.wake()
  }

  /** What is at hand is to be read anew: the lanes are others now, or a transaction was undone. */
  isStale(): void {
    this.#reader.isStale()
  }

  /** How far it has read, as far as that matters. */
  get scanned(): number {
    return this.#reader.scanned
  }

  /** A replay was published here. */
  addAhead(row: HeldRow, logged: Logged): void {
    const { record } = this
    if (record !== undefined) this.#reader.addAhead(record, row, logged)
  }

  /** Within a transaction, before it is written: reads on, and chooses what is handed out behind it. */
  prepare(): void {
    const { record } = this
    if (record === undefined) return
    this.#reader.read(record, this.members, this.#chosen)
    this.#choose()
    this.#reader.write()
  }

  /** The transaction is written. */
  handOut(): void {
    this.#reader.isWritten()
    const chosen = this.#chosen
    if (chosen.length === 0) return
    this.#chosen = []
    for (const copy of chosen) {
      const member = copy.member!
      member.expected--
      if (member.isOpen) member.hand(copy)
      else {
        copy.cursor?.isHandedOut(-1)
        this.#copies.putBack(copy)
      }
    }
    this.wake()
  }

  /** The transaction was undone. */
  isUndone(): void {
    for (const copy of this.#chosen) copy.member!.expected--
    this.#chosen = []
    this.#reader.isUndone()
  }

  handledBefore({ message }: Copy): boolean {
    return this.#file.marks.has(this.id, message.attributes)
  }

  settle(copy: Copy, settlement: Settlement): Settled | Promise<Settled> {
    if (settlement.as === 'given-back' && !settlement.begun) return this.#comesBack(copy)
    copy.isSettling = true
    copy.member!.settling++
    const settled = new Promise<Settled>((resolve, reject) => {
      this.#file.submit(new Settling(this.#file, this, copy, settlement, resolve, reject))
    })
    this.#handOutEarly()
    return settled
  }

  /** Gives back what a member holds and does not settle, as begun. Within a transaction; the rest follows behind it. */
  giveBackAll(member: Member): () => void {
    const copies = [...member.held].filter((copy) => !copy.isSettling).toSorted((a, b) => a.position - b.position)
    const backs = copies.map((copy) => {
      copy.isSettling = true
      member.settling++
      const settlement = { as: 'given-back', begun: true } as const
      apply(this.#file, this.id, copy, settlement)
      return () => this.ended(copy, settlement)
    })
    return () => {
      for (const back of backs) back()
    }
  }

  /** Within a transaction: nobody here is in it any more. */
  leaves(): void {
    this.#reader.leaves()
  }

  /** Its settlement is written. */
  ended(copy: Copy, settlement: Settlement): void {
    copy.member!.take(copy)
    if (!this.#reader.covers(copy.lane)) {
      // Whoever has its lane now reads it.
    } else if (settlement.as === 'later') {
      this.#copies.waits(copy, this.#again(copy, triedLater(copy, settlement)))
    } else if (settlement.as === 'given-back') {
      this.#copies.comesBack(copy, this.#again(copy, begunBefore(copy)))
    } else this.#copies.ended(copy)
    this.wake()
  }

  /** What is noted already needs no transaction: so one commit has the settlements of more than a prefetch. */
  #handOutEarly(): void {
    // A handler that ends at once settles from within.
    if (this.#isHanding || !this.#reader.isCurrent) return
    this.#isHanding = true
    try {
      for (let copy = this.#nextEarly(); copy !== undefined; copy = this.#nextEarly()) {
        copy.cursor?.isHandedOut(1)
        copy.member!.hand(copy)
      }
    } finally {
      this.#isHanding = false
    }
  }

  #nextEarly(): Copy | undefined {
    return this.#copies.next(this.members, isNoted)
  }

  /** What was not begun is as if it had not been handed out. */
  #comesBack(copy: Copy): void {
    copy.member!.take(copy)
    copy.cursor?.isHandedOut(-1)
    if (this.#reader.covers(copy.lane)) {
      const again = new Copy(this, copy, copy.cursor ?? copy.held!, copy.message)
      this.#copies.comesBack(copy, again)
    }
    this.wake()
  }

  #again(copy: Copy, facts: HeldFacts): Copy {
    const again = new Copy(this, copy, facts)
    again.isMessage(copy.message)
    return again
  }

  #canHandOut(): boolean {
    const { members } = this
    if (!members.some(({ room }) => room > 0)) return false
    if (this.#copies.ready > 0 || this.#copies.hasSuspects) return true
    return this.#reader.isBehind
  }

  #choose(): void {
    for (let copy = this.#copies.next(this.members); copy !== undefined; copy = this.#copies.next(this.members)) {
      if (!copy.isRead && !this.#reader.readHeld(copy)) continue
      copy.member!.expected++
      this.#chosen.push(copy)
      if (copy.cursor !== undefined) {
        copy.cursor.claims(copy.position)
        copy.cursor.isHandedOut(1)
      } else this.#file.held.claim(this.id, copy.position)
    }
    this.#reader.claimAhead()
  }
}

/** Whether it may be handed out as far as the file goes: a crash finds it. */
function isNoted({ cursor, position }: Copy): boolean {
  return cursor !== undefined && position <= cursor.claimed
}
