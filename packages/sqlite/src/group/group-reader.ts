import { type GroupRecord, wants } from '../file/catalog.ts'
import type { Copies } from './copies.ts'
import { Copy, type CopyHome, type HeldFacts } from './copy.ts'
import type { Cursor } from './cursor.ts'
import type { HeldRow } from './held-rows.ts'
import type { Logged } from '../file/log.ts'
import type { Member } from './member.ts'
import { OwnLanes } from './own-lanes.ts'
import type { SharedFile } from '../file/shared-file.ts'

/** Messages that are read at a time. */
const perRead = 256
/** Messages that are read in one transaction at most: other work is not to wait for a long log. */
const perTurn = 4096
/** Messages that are read ahead, as a multiple of what its members hold. */
const aheadPerPlace = 16
/**
 * What a cursor may have read and not settled, beside some times what its members hold, before what stands behind others
 * of its key gets rows of its own.
 */
const mostOpen = 512
const mostPerPlace = 24

/**
 * What this process reads of the log for a group: the lanes that are its own, and how far it is in each. All of it happens
 * within transactions of the file.
 */
export class GroupReader {
  readonly #home: CopyHome
  readonly #file: SharedFile
  readonly #id: number
  readonly #copies: Copies
  readonly #lanes: OwnLanes
  /** Whether what is at hand may not be what is in the file. */
  #isStale = true
  /** The position of the last replay that is known. */
  #aheadKnown = 0
  /** What is read while all of it is put in order. */
  #found: Copy[] | undefined

  constructor(home: CopyHome, file: SharedFile, id: number, copies: Copies) {
    this.#home = home
    this.#file = file
    this.#id = id
    this.#copies = copies
    this.#lanes = new OwnLanes(file, id)
  }

  /** Whether what is at hand is what is in the file, as far as is known. */
  get isCurrent(): boolean {
    return !this.#isStale && !this.#lanes.areShared
  }

  /** Whether there is something to read. */
  get isBehind(): boolean {
    return this.#lanes.behind(this.#file.log.head) !== undefined
  }

  /** How far it has read, as far as that matters. */
  get scanned(): number {
    let least = this.#file.log.head
    for (const { scanned } of this.#lanes.cursors) if (scanned < least) least = scanned
    return least
  }

  /** Whether a lane is this process's, and is to stay so. */
  covers(lane: number): boolean {
    return this.#lanes.keeps(lane)
  }

  /** Others may have come or gone. */
  isShared(): void {
    this.#lanes.areShared = true
  }

  /** What is at hand is to be read anew. */
  isStale(): void {
    this.#isStale = true
  }

  /** The transaction was undone. */
  isUndone(): void {
    for (const cursor of this.#lanes.cursors) cursor.goesBack(this.#file.log.head)
    this.#isStale = true
  }

  /** The transaction is written. */
  isWritten(): void {
    for (const cursor of this.#lanes.cursors) cursor.isWritten()
  }

  /** A replay was published here. */
  addAhead(record: GroupRecord, row: HeldRow, logged: Logged): void {
    if (this.#isStale || !this.covers(row.lane)) return
    this.#aheadKnown = row.position
    const copy = this.#heldCopy(record, row)
    copy.isMessage(logged.message)
    this.#copies.addAhead(copy)
  }

  /** Has at hand what is in the file, and reads on as far as its members want. `chosen` are about to be handed out. */
  read(record: GroupRecord, members: readonly Member[], chosen: readonly Copy[]): void {
    if (this.#lanes.part()) this.#isStale = true
    if (this.#isStale) this.#load(record, members, chosen)
    else this.#findAhead(record)
    // What is read of them is dropped.
    if (this.#lanes.give(members, chosen)) this.#load(record, members, chosen)
    this.#fill(record, members)
  }

  /** What stands ready may be handed out before the next transaction. */
  claimAhead(): void {
    for (const cursor of this.#lanes.cursors) cursor.claims(cursor.scanned)
  }

  write(): void {
    for (const cursor of this.#lanes.cursors) cursor.write(this.#file.statements)
  }

  /** Nobody here is in the group any more. */
  leaves(): void {
    this.write()
    this.#lanes.leave()
    this.#copies.clear()
  }

  /** Reads what had a row of its own; whether it is there still: of a stream that was truncated it goes with that. */
  readHeld(copy: Copy): boolean {
    const message = this.#file.log.get(copy.position)
    if (message !== undefined) {
      copy.isMessage(message)
      return true
    }
    this.#file.held.remove(this.#id, copy.position)
    this.#copies.ended(copy)
    return false
  }

  /** Reads what there is anew; what is handed out stays so. */
  #load(record: GroupRecord, members: readonly Member[], chosen: readonly Copy[]): void {
    this.#isStale = false
    // What was settled in this very transaction.
    this.write()
    this.#copies.clear()
    this.#lanes.load()
    const out = new Map<number, Copy>()
    for (const { held } of members) for (const copy of held) out.set(copy.position, copy)
    for (const copy of chosen) out.set(copy.position, copy)
    for (const copy of [...out.values()].toSorted((a, b) => a.position - b.position)) {
      if (copy.cursor !== undefined && !copy.isApplied) {
        copy.cursor = this.#lanes.cursors.find((cursor) => cursor.covers(copy.lane))
        copy.cursor?.open.add(copy.position)
        copy.cursor?.isHandedOut(1)
      }
      this.#copies.addHandedOut(copy)
    }
    this.#aheadKnown = this.#file.log.head
    this.#copies.addAll(this.#unsettled(record, members, out))
  }

  /**
   * All that is unsettled up to what is handed out: what is held and what stands open on the log are one order. Behind it
   * nothing is held.
   */
  #unsettled(record: GroupRecord, members: readonly Member[], out: ReadonlyMap<number, Copy>): Copy[] {
    this.#found = []
    for (const cursor of this.#lanes.cursors) {
      for (const logged of this.#file.log.at(cursor.left)) this.#take(record, cursor, logged, Infinity)
      cursor.reads(Math.max(cursor.scanned, cursor.high))
    }
    this.#readAgain(record, members, out)
    for (const row of this.#file.held.of(record.id)) {
      if (!out.has(row.position) && this.covers(row.lane)) this.#found.push(this.#heldCopy(record, row))
    }
    const found = this.#found
    this.#found = undefined
    return found.toSorted((a, b) => Number(b.isAhead) - Number(a.isAhead) || a.position - b.position)
  }

  /** What is handed out is to be behind what is read: else what is between would be taken for settled. */
  #readAgain(record: GroupRecord, members: readonly Member[], out: ReadonlyMap<number, Copy>): void {
    for (const cursor of this.#lanes.cursors) {
      let last = 0
      for (const copy of out.values()) if (copy.cursor === cursor && copy.position > last) last = copy.position
      while (cursor.scanned < last) this.#readOn(record, members, cursor)
    }
  }

  #readOn(record: GroupRecord, members: readonly Member[], cursor: Cursor): void {
    const { log } = this.#file
    const batch = log.after(cursor.scanned, perRead)
    const most = mostOpenOf(members)
    for (const logged of batch) this.#take(record, cursor, logged, most)
    cursor.reads(batch.length < perRead ? log.head : batch.at(-1)!.position)
  }

  /** Replays that another process has published. */
  #findAhead(record: GroupRecord): void {
    const { head } = this.#file.log
    if (head === this.#aheadKnown) return
    for (const row of this.#file.foreignAhead(this.#id, this.#aheadKnown)) {
      if (this.covers(row.lane)) this.#copies.addAhead(this.#heldCopy(record, row))
    }
    this.#aheadKnown = head
  }

  /**
   * Reads on until all members have enough, or nothing is left; and no further where much of what was read stands behind
   * others of its key, unless that leaves them idle.
   */
  #fill(record: GroupRecord, members: readonly Member[]): void {
    let wanted = 0
    let prefetch = 0
    let held = 0
    for (const member of members) {
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
      const cursor = this.#lanes.behind(log.head)
      if (cursor === undefined) return
      this.#readOn(record, members, cursor)
      read += perRead
    }
  }

  #take(record: GroupRecord, cursor: Cursor, logged: Logged, most: number): void {
    const { position, lane, audience, type, message } = logged
    if (!cursor.covers(lane) || cursor.open.has(position)) return
    if (audience === null ? !wants(record, type, position) : audience !== this.#id) return
    if (cursor.isSettled(position)) return
    if (this.#lanes.areLeaving(cursor)) {
      // For whoever has its lane next: what is held of it is not at hand here any more, and may be older.
      cursor.open.add(position)
      return
    }
    const key = record.ordered ? logged.key : undefined
    if (this.#found !== undefined) {
      cursor.open.add(position)
      this.#found.push(new Copy(this.#home, { position, lane, key }, cursor, message))
      return
    }
    if (key !== undefined && cursor.open.size >= most && this.#copies.isKept(key)) {
      // What it stands behind may take its time: the cursor is to get on.
      this.#file.held.put(this.#id, { position, lane, key }, behindOthers)
      cursor.passes(position)
      this.#copies.add(new Copy(this.#home, { position, lane, key }, behindOthers))
      return
    }
    cursor.open.add(position)
    this.#copies.add(new Copy(this.#home, { position, lane, key }, cursor, message))
  }

  /** What is read and stands behind others. */
  get #behind(): number {
    let sum = -this.#copies.ready
    for (const { open, handedOut } of this.#lanes.cursors) sum += open.size - handedOut
    return sum
  }

  #heldCopy({ ordered }: GroupRecord, { position, lane, key, facts }: HeldRow): Copy {
    return new Copy(this.#home, { position, lane, key: ordered ? key : undefined }, facts)
  }
}

function mostOpenOf(members: readonly Member[]): number {
  return members.reduce((sum, { prefetch }) => sum + mostPerPlace * prefetch, mostOpen)
}

const behindOthers: HeldFacts = {
  redeliveries: 0,
  isAhead: false,
  due: undefined,
  inPlace: false,
  headers: undefined,
}
