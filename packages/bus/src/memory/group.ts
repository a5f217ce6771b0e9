import { Deque } from '../collections/deque.ts'
import { keyOf, type Message } from '../message/message.ts'
import type { Client } from './client.ts'
import { Copy, type CopyHome } from './copy.ts'
import { Heap } from '../collections/heap.ts'
import { List } from '../collections/list.ts'
import type { Member } from './member.ts'
import type { Reserving } from './delayed.ts'
import type { Bounded, WaitingPublish } from './room.ts'
import type { Served, Turns } from './turns.ts'

/** What a group needs of its broker. */
export interface GroupHost {
  readonly turns: Turns
  readonly capacity: number
  /** Told when a message of the group is settled, while publishes wait for that. */
  roomIn(group: Group): void
}

/**
 * The messages of one consumer group and their way to its members.
 *
 * Of a key, in an ordered group, one copy is `first`: ready, given back or handed out. The others are chained behind it,
 * and the next one becomes ready when it is settled. So no other can be handed out, each key is FIFO, and a key that has
 * its turn goes behind all others that are ready.
 */
export class Group implements CopyHome, Bounded<Group>, Served, Reserving {
  readonly name: string
  /** The connection that it lives as long as; undefined for a group that stays. */
  readonly owner: Client | undefined
  /** Publishes that wait for room here, first come first served. */
  readonly publishes: List<WaitingPublish<Group>> = new List()
  readonly #host: GroupHost
  readonly #members: Member[] = []
  readonly #ready = new Deque<Copy>()
  /** Given back: before all that is ready, in the order of arrival. */
  readonly #returned = new Heap<Copy>((a, b) => a.place < b.place)
  /** The last copy of each key that has any. */
  readonly #last = new Map<string, Copy>()
  #ordered: boolean
  #arrived = 0
  /** Whose turn it is. */
  #turn = 0
  /** What counts against the capacity: all that is not settled, handed out, waiting or delayed. */
  #unsettled = 0
  #handedOut = 0
  #delayed = 0
  #gone = false
  /** Whether it has a place among the groups that are to be served. */
  scheduled = false

  constructor(host: GroupHost, name: string, ordered: boolean, owner: Client | undefined) {
    this.#host = host
    this.name = name
    this.#ordered = ordered
    this.owner = owner
  }

  get members(): readonly Member[] {
    return this.#members
  }

  get ordered(): boolean {
    return this.#ordered
  }

  /** Whether its messages are gone for good, and it with them. */
  get gone(): boolean {
    return this.#gone
  }

  get delayed(): number {
    return this.#delayed
  }

  get handedOut(): number {
    return this.#handedOut
  }

  /** Messages that are due and handed out to nobody. */
  get waiting(): number {
    return this.#unsettled - this.#handedOut - this.#delayed
  }

  get hasRoom(): boolean {
    return this.#unsettled < this.#host.capacity
  }

  add(message: Message): void {
    this.#unsettled++
    this.#arrive(message)
  }

  /** Keeps room for a message that comes later, by `addDelayed`. */
  reserve(): void {
    this.#unsettled++
    this.#delayed++
  }

  addDelayed(message: Message): void {
    this.#delayed--
    this.#arrive(message)
  }

  /** A delayed message does not come. */
  release(): void {
    this.#unsettled--
    this.#delayed--
    this.#tellRoom()
  }

  join(member: Member): void {
    this.#members.push(member)
    this.wake()
  }

  /** Whether it was a member. */
  leave(member: Member): boolean {
    const at = this.#members.indexOf(member)
    if (at >= 0) this.#members.splice(at, 1)
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
    this.#unsettled = this.#handedOut = this.#delayed = 0
  }

  ack(copy: Copy): void {
    copy.member!.take(copy)
    if (this.#gone) return
    this.#unsettled--
    this.#handedOut--
    const { key, behind } = copy
    if (behind !== undefined) {
      copy.behind = undefined
      this.#ready.push(behind)
    } else if (key !== undefined) {
      this.#last.delete(key)
    }
    this.wake()
    this.#tellRoom()
  }

  /** Puts a copy that was handed out back in its place; what has not begun does not count as handed out. */
  giveBack(copy: Copy, begun = true): void {
    copy.member!.take(copy)
    if (this.#gone) return
    this.#handedOut--
    const { key } = copy
    const again = new Copy(this, copy.message, key, copy.place, copy.redeliveries + Number(begun))
    again.behind = copy.behind
    if (key !== undefined && copy.behind === undefined) this.#last.set(key, again)
    copy.behind = undefined
    this.#returned.push(again)
    this.wake()
  }

  /** Asks to be served when there is something to hand out, and somebody to take it. */
  wake(): void {
    if (this.scheduled || !this.#hasReady() || !this.#members.some(hasRoom)) return
    this.scheduled = true
    this.#host.turns.schedule(this)
  }

  /** Hands out `most` messages or fewer; returns their number. */
  dispatch(most: number): number {
    let count = 0
    while (count < most && this.#hasReady()) {
      const member = this.#next()
      if (member === undefined) break
      this.#handedOut++
      count++
      member.hand(this.#returned.pop() ?? this.#ready.shift()!)
    }
    return count
  }

  #arrive(message: Message): void {
    this.#enqueue(message, 0)
    if (!this.scheduled) this.wake()
  }

  #enqueue(message: Message, redeliveries: number): void {
    const key = this.#ordered ? keyOf(message) : undefined
    const copy = new Copy(this, message, key, this.#arrived++, redeliveries)
    if (key !== undefined) {
      const last = this.#last.get(key)
      this.#last.set(key, copy)
      if (last !== undefined) {
        last.behind = copy
        return
      }
    }
    this.#ready.push(copy)
  }

  #hasReady(): boolean {
    return this.#ready.size > 0 || this.#returned.size > 0
  }

  /** The next member in turn that may take one more. */
  #next(): Member | undefined {
    const members = this.#members
    for (let i = 0; i < members.length; i++) {
      const at = (this.#turn + i) % members.length
      const member = members[at]!
      if (!member.hasRoom) continue
      this.#turn = at + 1
      return member
    }
    return undefined
  }

  #tellRoom(): void {
    if (this.publishes.first !== undefined) this.#host.roomIn(this)
  }

  /** Takes out what is handed out to nobody, in the order of arrival. */
  #takeAll(): Copy[] {
    const firsts = [...this.#returned.clear(), ...this.#ready.clear()]
    this.#last.clear()
    const copies: Copy[] = []
    for (const first of firsts) {
      for (let copy: Copy | undefined = first; copy !== undefined; copy = copy.behind) copies.push(copy)
    }
    return copies.toSorted((a, b) => a.place - b.place)
  }
}

function hasRoom(member: Member): boolean {
  return member.hasRoom
}
