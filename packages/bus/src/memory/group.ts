import { Deque } from '../collections/deque.ts'
import { Heap } from '../collections/heap.ts'
import { keyOf, type Message } from '../message/message.ts'
import type { Backlog } from '../transport/groups.ts'
import type { Later, Settled, Settlement } from '../transport/settlement.ts'
import { isSuspect } from '../transport/suspect.ts'
import { Suspects } from '../transport/suspects.ts'
import { CatchUp } from './catch-up.ts'
import type { Client } from './client.ts'
import { Copy, type CopyHome } from './copy.ts'
import type { Expecting } from './delayed.ts'
import { KeyLines } from '../transport/key-lines.ts'
import type { Member } from './member.ts'
import { Retries } from './retries.ts'
import { Gate } from './room.ts'
import type { Timetable } from '../transport/timetable.ts'
import type { Served, Turns } from './turns.ts'

/** What a group needs of its broker. */
export interface GroupHost {
  readonly turns: Turns
  readonly timetable: Timetable
  readonly capacity: number
  readonly maxDelayed: number
  /** Told when there may be room again, while publishes wait for that. */
  roomIn(gate: Gate<Group>): void
  /** Does what a settlement says beside the acknowledgement; throws where it cannot, with nothing done. */
  commit(group: Group, copy: Copy, settlement: Settlement): Settled
  handledBefore(group: Group, message: Message): boolean
}

/**
 * The messages of one consumer group and their way to its members.
 *
 * Of a key, in an ordered group, one copy is at the front: ready, given back, handed out, or waiting for its next attempt.
 * No other can be handed out meanwhile, each key is FIFO, and a key that has its turn goes behind all others that are
 * ready.
 */
export class Group implements CopyHome, Served, Expecting {
  readonly name: string
  /** The connection that it lives as long as; undefined for a group that stays. */
  readonly owner: Client | undefined
  /** What is due has to pass the one, what is delayed the other. */
  readonly due: Gate<Group>
  readonly later: Gate<Group>
  /** What it asks for. */
  types: ReadonlySet<string> = new Set()
  readonly #host: GroupHost
  readonly #members: Member[] = []
  readonly #ready = new Deque<Copy>()
  /** Given back: before all that is ready, in the order of arrival. */
  readonly #givenBack = new Heap<Copy>((a, b) => a.place < b.place)
  readonly #suspects = new Suspects<Member, Copy>()
  readonly #lines = new KeyLines<Copy>()
  readonly #retries: Retries
  #ordered: boolean
  #arrived = 0
  /** Whose turn it is. */
  #turn = 0
  /** All that is not settled, and neither delayed nor waiting for a retry. */
  #unsettled = 0
  #handedOut = 0
  #delayed = 0
  #gone = false
  /** What its publishers wait for where they are faster than its handlers. */
  readonly catchUp: CatchUp = new CatchUp(() => this.#unsettled)
  /** Whether it has a place among the groups that are to be served. */
  scheduled = false

  constructor(host: GroupHost, name: string, ordered: boolean, owner: Client | undefined) {
    this.#host = host
    this.name = name
    this.#ordered = ordered
    this.owner = owner
    this.#retries = new Retries(host.timetable, (copy) => this.#retry(copy))
    const { capacity, maxDelayed } = host
    this.due = new Gate(this, () => this.#unsettled < capacity && this.#retries.size < capacity)
    this.later = new Gate(this, () => this.#delayed < maxDelayed)
  }

  get members(): readonly Member[] {
    return this.#members
  }

  get ordered(): boolean {
    return this.#ordered
  }

  get gone(): boolean {
    return this.#gone
  }

  /** All that is due and not settled. */
  get unsettled(): number {
    return this.#unsettled
  }

  get handedOut(): number {
    return this.#handedOut
  }

  get delayed(): number {
    return this.#delayed
  }

  backlog(): Backlog {
    return {
      waiting: this.#unsettled - this.#handedOut,
      handedOut: this.#handedOut,
      delayed: this.#delayed,
      retrying: this.#retries.size,
      retryAt: this.#retries.next,
      full: !this.due.hasRoom || !this.later.hasRoom,
    }
  }

  add(message: Message): void {
    this.#unsettled++
    this.#enqueue(message, 0)
    if (!this.scheduled) this.wake()
  }

  /** Before what waits of its key. */
  addAhead(message: Message): void {
    this.#unsettled++
    const key = this.#ordered ? keyOf(message) : undefined
    // So that what is put back in the order of arrival finds it where it is.
    const place = Number.MIN_SAFE_INTEGER + this.#arrived++
    const ready = this.#lines.enterAhead(new Copy(this, message, key, place, 0))
    if (ready !== undefined) this.#ready.push(ready)
    this.wake()
  }

  /** A message comes later; it is dismissed when it has come, or does not come. */
  expect(): void {
    this.#delayed++
  }

  /** A message is expected no more. */
  dismiss(): void {
    this.#delayed--
    if (this.later.publishes.first !== undefined) this.#host.roomIn(this.later)
  }

  join(member: Member): void {
    this.#members.push(member)
    this.wake()
  }

  /** Whether it was a member. */
  leave(member: Member): boolean {
    const at = this.#members.indexOf(member)
    if (at >= 0) this.#members.splice(at, 1)
    // Another one may have to take a suspect now.
    this.wake()
    return at >= 0
  }

  /** Only while nothing is handed out: what waits is put in its places anew. */
  setOrdered(ordered: boolean): void {
    this.#ordered = ordered
    const copies = this.#takeAll()
    for (const { message, redeliveries } of copies) this.#enqueue(message, redeliveries)
  }

  /** Drops all that it has. Deliveries that are held somewhere can be settled, to no effect. */
  end(): void {
    this.#gone = true
    this.#takeAll()
    this.#retries.clear()
    this.#unsettled = this.#handedOut = this.#delayed = 0
  }

  handledBefore({ message }: Copy): boolean {
    return this.#host.handledBefore(this, message)
  }

  settle(copy: Copy, settlement: Settlement): Settled {
    if (settlement.as === 'later') return this.#retryLater(copy, settlement)
    if (settlement.as === 'given-back') return this.giveBack(copy, settlement.begun)
    const settled = this.#host.commit(this, copy, settlement)
    this.#end(copy)
    return settled
  }

  /** Puts a copy that was handed out back in its place; what has not begun does not count as handed out. */
  giveBack(copy: Copy, begun: boolean): void {
    if (!this.#takeFrom(copy)) return
    const again = new Copy(this, copy.message, copy.key, copy.place, copy.redeliveries + Number(begun))
    this.#lines.replace(copy, again)
    if (isSuspect(again)) this.#suspects.add(again)
    else this.#givenBack.push(again)
    this.wake()
  }

  /** Asks to be served when there is something to hand out, and somebody to take it. */
  wake(): void {
    if (this.scheduled || !this.#canHandOut()) return
    this.scheduled = true
    this.#host.turns.schedule(this)
  }

  /** Hands out `most` messages or fewer; returns their number. */
  dispatch(most: number): number {
    let count = 0
    for (; count < most; count++) {
      const taker = this.#suspects.isEmpty ? undefined : this.#suspects.taker(this.#members)
      const member = taker ?? (this.#hasReady() ? this.#next() : undefined)
      if (member === undefined) break
      this.#handedOut++
      member.hand(taker ? this.#suspects.take() : (this.#givenBack.pop() ?? this.#ready.shift()!))
    }
    return count
  }

  /** It is settled, and the next one of its key has its turn. */
  #end(copy: Copy): void {
    if (!this.#takeFrom(copy)) return
    this.#unsettled--
    this.#readies(this.#lines.leave(copy))
    this.wake()
    this.#tellRoom()
  }

  #retryLater(copy: Copy, { due, headers, inPlace }: Later): void {
    if (!this.#takeFrom(copy)) return
    this.#unsettled--
    const { message, key } = copy
    const keepsPlace = inPlace && key !== undefined
    const later = { ...message, headers: { ...message.headers, ...headers } }
    const again = new Copy(this, later, keepsPlace ? key : undefined, copy.place, 0)
    this.#readies(keepsPlace ? this.#lines.retryLater(copy, again) : this.#lines.leave(copy))
    this.#retries.add(again, due)
    this.wake()
    this.#tellRoom()
  }

  #retry(copy: Copy): void {
    this.#unsettled++
    const place = copy.key === undefined ? 'none' : this.#lines.resume(copy)
    if (place === 'none') this.#enqueue(copy.message, 0)
    else if (place === 'ready') this.#ready.push(copy)
    this.wake()
    this.#tellRoom()
  }

  /** Takes a copy from its member; false where all of the group is gone. */
  #takeFrom(copy: Copy): boolean {
    copy.member!.take(copy)
    if (this.#gone) return false
    this.#handedOut--
    if (!this.#suspects.isEmpty) this.#suspects.ended(copy)
    return true
  }

  #enqueue(message: Message, redeliveries: number): void {
    const key = this.#ordered ? keyOf(message) : undefined
    const copy = new Copy(this, message, key, this.#arrived++, redeliveries)
    if (this.#lines.enter(copy)) this.#readies(copy)
  }

  /** It may be handed out; alone where it may be what ends its member. */
  #readies(copy: Copy | undefined): void {
    if (copy === undefined) return
    if (isSuspect(copy)) this.#suspects.add(copy)
    else this.#ready.push(copy)
  }

  #hasReady(): boolean {
    return this.#ready.size > 0 || this.#givenBack.size > 0
  }

  #canHandOut(): boolean {
    if (this.#suspects.isEmpty) return this.#hasReady() && this.#members.some((member) => member.hasRoom)
    if (this.#suspects.taker(this.#members) !== undefined) return true
    return this.#hasReady() && this.#members.some((member) => member.hasRoom && !this.#suspects.bars(member))
  }

  /** The next member in turn that may take one more. */
  #next(): Member | undefined {
    const members = this.#members
    const hasSuspects = !this.#suspects.isEmpty
    for (let i = 0; i < members.length; i++) {
      const at = (this.#turn + i) % members.length
      const member = members[at]!
      if (!member.hasRoom || (hasSuspects && this.#suspects.bars(member))) continue
      this.#turn = at + 1
      return member
    }
    return undefined
  }

  #tellRoom(): void {
    if (this.due.publishes.first !== undefined) this.#host.roomIn(this.due)
  }

  /** Takes out what is due and handed out to nobody, in the order of arrival. */
  #takeAll(): Copy[] {
    const fronts = [...this.#givenBack.clear(), ...this.#suspects.clear(), ...this.#ready.clear()]
    return this.#lines.clear(fronts).toSorted((a, b) => a.place - b.place)
  }
}
