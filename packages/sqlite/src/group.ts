import type { Settled, Settlement } from '@tidings/bus/transport'
import { type GroupRecord, wants } from './catalog.ts'
import { Copies } from './copies.ts'
import { begunBefore, Copy, type CopyHome, type HeldFacts, triedLater } from './copy.ts'
import type { Cursor } from './cursor.ts'
import { CursorRows } from './cursor-rows.ts'
import type { HeldRow } from './held-rows.ts'
import type { Logged } from './log.ts'
import type { Member } from './member.ts'
import { apply } from './settle.ts'
import type { SharedFile } from './shared-file.ts'

/** Messages that are read at a time. */
const perRead = 256
/** Messages that are read in one transaction at most: other work is not to wait for a long log. */
const perTurn = 4096
/**
 * What a cursor may have read and not settled, beside some times what its members hold, before what stands behind others
 * of its key gets rows of its own.
 */
const mostOpen = 512
const mostPerPlace = 24
/** Messages that are read ahead, as a multiple of what its members hold. */
const aheadPerPlace = 16

/**
 * One consumer group in this process: the lanes that are this process's, what is read of them, and its members here. It
 * reads, and notes what is to be handed out, within the transactions of its file; nothing is handed out before that is
 * written.
 */
export class Group implements CopyHome {
  readonly id: number
  readonly members: Member[] = []
  readonly #file: SharedFile
  readonly #rows: CursorRows
  readonly #copies: Copies
  #cursors: readonly Cursor[] = []
  /** Cursors that another process is to have, once nothing of them is handed out. */
  #leaving: ReadonlySet<number> = new Set()
  /** What is handed out when the transaction under way is written. */
  #chosen: Copy[] = []
  /** Whether what is at hand may not be what is in the file. */
  #isStale = true
  /** Whether others may have come or gone, so that lanes are to be parted anew. */
  #isShared = true
  #isHanding = false
  /** The position of the last replay that is known. */
  #aheadKnown = 0

  constructor(file: SharedFile, id: number) {
    this.#file = file
    this.id = id
    this.#rows = file.cursors
    this.#copies = new Copies(file, () => this.wake())
  }

  get record(): GroupRecord | undefined {
    return this.#file.catalog.withId(this.id)
  }

  /** How far it has read, as far as that matters. */
  get scanned(): number {
    let least = this.#file.log.head
    for (const { scanned } of this.#cursors) if (scanned < least) least = scanned
    return least
  }

  /** Asks for a transaction, when there is something to hand out and somebody to take it. */
  wake(): void {
    if (this.#isStale || this.#isShared || this.#canHandOut()) this.#file.stir()
  }

  /** Other processes have written. */
  isTold(hasChanged: boolean): void {
    if (hasChanged) this.#isShared = true
    this.wake()
  }

  /** What is at hand is to be read anew: the lanes are others now, or a transaction was undone. */
  isStale(): void {
    this.#isStale = true
  }

  /** A replay was published here. */
  addAhead(row: HeldRow, logged: Logged): void {
    if (this.#isStale || !this.#covers(row.lane)) return
    this.#aheadKnown = row.position
    const copy = this.#heldCopy(row)
    copy.isMessage(logged.message)
    this.#copies.addAhead(copy)
  }

  /** Within a transaction, before it is written: reads on, and chooses what is handed out behind it. */
  prepare(): void {
    const { record } = this
    if (record === undefined) return
    if (this.#isShared) this.#part()
    if (this.#isStale) this.#load(record)
    else this.#findAhead()
    this.#give()
    this.#fill(record)
    this.#choose()
    for (const cursor of this.#cursors) cursor.write(this.#file.statements)
  }

  /** The transaction is written. */
  handOut(): void {
    for (const cursor of this.#cursors) cursor.isWritten()
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
    for (const cursor of this.#cursors) cursor.goesBack(this.#file.log.head)
    this.#isStale = true
  }

  handledBefore({ message }: Copy): boolean {
    return this.#file.marks.has(this.id, message.attributes)
  }

  settle(copy: Copy, settlement: Settlement): Settled | Promise<Settled> {
    if (settlement.as === 'given-back' && !settlement.begun) return this.#comesBack(copy)
    copy.isSettling = true
    copy.member!.settling++
    const settled = this.#settled(copy, settlement)
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
      return () => this.#ended(copy, settlement)
    })
    return () => {
      for (const back of backs) back()
    }
  }

  /** Within a transaction: nobody here is in it any more. */
  leaves(): void {
    for (const cursor of this.#cursors) cursor.write(this.#file.statements)
    this.#rows.releaseAll(this.id)
    this.#copies.clear()
    this.#cursors = []
  }

  async #settled(copy: Copy, settlement: Settlement): Promise<Settled> {
    let settled: Settled
    try {
      settled = await this.#file.commit(() => {
        // Its connection has ended meanwhile, and given it back.
        if (!copy.member!.has(copy)) return 'lost'
        if (this.record === undefined) return undefined
        return apply(this.#file, this.id, copy, settlement)
      })
    } catch (error) {
      if (copy.member!.has(copy)) copy.member!.settling--
      copy.isSettling = false
      throw error
    }
    if (settled === 'lost') return settled
    for (const message of copy.unroutable) copy.member!.unroutable(message)
    this.#ended(copy, settlement)
    return settled
  }

  #ended(copy: Copy, settlement: Settlement): void {
    copy.member!.take(copy)
    if (!this.#covers(copy.lane)) {
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
    if (this.#isHanding || this.#isStale || this.#isShared) return
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
    return this.#copies.next(this.members, (copy) => copy.cursor !== undefined && copy.position <= copy.cursor.claimed)
  }

  /** What was not begun is as if it had not been handed out. */
  #comesBack(copy: Copy): void {
    copy.member!.take(copy)
    copy.cursor?.isHandedOut(-1)
    if (this.#covers(copy.lane)) {
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

  #heldCopy({ position, lane, key, facts }: HeldRow): Copy {
    return new Copy(this, { position, lane, key: this.record!.ordered ? key : undefined }, facts)
  }

  #covers(lane: number): boolean {
    return this.#cursors.some((cursor) => cursor.covers(lane) && !this.#leaving.has(cursor.id))
  }

  #canHandOut(): boolean {
    const { members } = this
    if (!members.some(({ room }) => room > 0)) return false
    if (this.#copies.ready > 0 || this.#copies.hasSuspects) return true
    const { head } = this.#file.log
    return this.#cursors.some((cursor) => cursor.scanned < head && !this.#leaving.has(cursor.id))
  }

  /** Takes lanes that are nobody's, or sees which ones others are to have. */
  #part(): void {
    this.#isShared = false
    const share = this.#rows.share(this.id)
    if (this.#rows.acquire(this.id, share)) this.#isStale = true
    const leaving = this.#rows.excess(this.id, share)
    if (leaving.length === 0 && this.#leaving.size === 0) return
    this.#leaving = new Set(leaving)
    this.#isStale = true
  }

  /** Lets go of lanes that others are to have, where nothing of them is handed out. */
  #give(): void {
    if (this.#leaving.size === 0) return
    const free = this.#cursors.filter(({ id, handedOut }) => this.#leaving.has(id) && handedOut === 0)
    if (free.length === 0) return
    for (const cursor of free) {
      cursor.write(this.#file.statements)
      this.#rows.release(cursor.id)
    }
    const given = new Set(free.map(({ id }) => id))
    this.#cursors = this.#cursors.filter(({ id }) => !given.has(id))
    this.#leaving = new Set([...this.#leaving].filter((id) => !given.has(id)))
    this.#file.catalog.changes()
  }

  /** Reads what there is anew; what is handed out stays so. */
  #load(record: GroupRecord): void {
    this.#isStale = false
    // What was settled in this very transaction.
    for (const cursor of this.#cursors) cursor.write(this.#file.statements)
    this.#copies.clear()
    this.#cursors = this.#rows.read(this.id, this.#leaving.size === 0)
    const out = new Map<number, Copy>()
    for (const { held } of this.members) for (const copy of held) out.set(copy.position, copy)
    for (const copy of [...out.values()].toSorted((a, b) => a.position - b.position)) {
      if (copy.cursor !== undefined && !copy.isApplied) {
        copy.cursor = this.#cursors.find((cursor) => cursor.covers(copy.lane))
        copy.cursor?.open.add(copy.position)
        copy.cursor?.isHandedOut(1)
      }
      this.#copies.addHandedOut(copy)
    }
    this.#readAgain(record, out)
    this.#aheadKnown = this.#file.log.head
    for (const row of this.#file.held.of(record.id)) {
      if (out.has(row.position) || !this.#covers(row.lane)) continue
      this.#copies.add(this.#heldCopy(row))
    }
  }

  /** What is handed out is to be behind what is read: else what is between would be taken for settled. */
  #readAgain(record: GroupRecord, out: ReadonlyMap<number, Copy>): void {
    for (const cursor of this.#cursors) {
      let last = 0
      for (const copy of out.values()) if (copy.cursor === cursor && copy.position > last) last = copy.position
      while (cursor.scanned < last) this.#readOn(record, cursor)
    }
  }

  #readOn(record: GroupRecord, cursor: Cursor): void {
    const { log } = this.#file
    const batch = log.after(cursor.scanned, perRead)
    for (const logged of batch) this.#take(record, cursor, logged)
    cursor.reads(batch.length < perRead ? log.head : batch.at(-1)!.position)
  }

  /** Replays that another process has published. */
  #findAhead(): void {
    const { head } = this.#file.log
    if (head === this.#aheadKnown) return
    for (const row of this.#file.foreignAhead(this.id, this.#aheadKnown)) {
      if (this.#covers(row.lane)) this.#copies.addAhead(this.#heldCopy(row))
    }
    this.#aheadKnown = head
  }

  /**
   * Reads on until all members have enough, or nothing is left; and no further where much of what was read stands behind
   * others of its key, unless that leaves them idle.
   */
  #fill(record: GroupRecord): void {
    let wanted = 0
    let prefetch = 0
    let held = 0
    for (const member of this.members) {
      wanted += Math.max(0, member.room)
      prefetch += member.prefetch
      held += member.held.size + member.expected
    }
    const { log } = this.#file
    // Ahead too, for what is handed out before the next transaction.
    if (wanted > 0) wanted += aheadPerPlace * prefetch
    for (let read = 0; read < perTurn && this.#copies.ready < wanted;) {
      const isIdle = 2 * (held + this.#copies.ready) < prefetch
      if (this.#behind > mostOpen / 2 + prefetch && !isIdle) return
      const behind = this.#cursors.filter((cursor) => cursor.scanned < log.head && !this.#leaving.has(cursor.id))
      if (behind.length === 0) return
      const cursor = behind.reduce((a, b) => (b.scanned < a.scanned ? b : a))
      this.#readOn(record, cursor)
      read += perRead
    }
  }

  #take(record: GroupRecord, cursor: Cursor, logged: Logged): void {
    const { position, lane, audience, type, message } = logged
    if (!cursor.covers(lane) || cursor.open.has(position)) return
    if (audience === null ? !wants(record, type, position) : audience !== this.id) return
    if (cursor.isSettled(position)) return
    const key = record.ordered ? logged.key : undefined
    if (key !== undefined && cursor.open.size >= this.#mostOpen && this.#copies.isKept(key)) {
      // What it stands behind may take its time: the cursor is to get on.
      this.#file.held.put(this.id, { position, lane, key }, behindOthers)
      cursor.passes(position)
      this.#copies.add(new Copy(this, { position, lane, key }, behindOthers))
      return
    }
    cursor.open.add(position)
    this.#copies.add(new Copy(this, { position, lane, key }, cursor, message))
  }

  /** Whether it is there still: of a stream that was truncated it goes with that. */
  #read(copy: Copy): boolean {
    const message = this.#file.log.get(copy.position)
    if (message !== undefined) {
      copy.isMessage(message)
      return true
    }
    this.#file.held.remove(this.id, copy.position)
    this.#copies.ended(copy)
    return false
  }

  /** What is read and stands behind others. */
  get #behind(): number {
    let sum = -this.#copies.ready
    for (const { open, handedOut } of this.#cursors) sum += open.size - handedOut
    return sum
  }

  get #mostOpen(): number {
    return this.members.reduce((sum, { prefetch }) => sum + mostPerPlace * prefetch, mostOpen)
  }

  #choose(): void {
    for (let copy = this.#copies.next(this.members); copy !== undefined; copy = this.#copies.next(this.members)) {
      if (!copy.isRead && !this.#read(copy)) continue
      copy.member!.expected++
      this.#chosen.push(copy)
      if (copy.cursor !== undefined) {
        copy.cursor.claims(copy.position)
        copy.cursor.isHandedOut(1)
      } else this.#file.held.claim(this.id, copy.position)
    }
    // What stands ready may be handed out before the next transaction.
    for (const cursor of this.#cursors) cursor.claims(cursor.scanned)
  }
}

const behindOthers: HeldFacts = {
  redeliveries: 0,
  isAhead: false,
  due: undefined,
  inPlace: false,
  headers: undefined,
}
