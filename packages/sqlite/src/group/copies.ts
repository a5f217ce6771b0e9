import { Deque, type Due, Heap, isSuspect, KeyLines, Suspects, type Timetable } from '@tidings/bus/transport'
import type { Copy } from './copy.ts'
import type { Member } from './member.ts'

interface Retry extends Due {
  readonly copy: Copy
}

/** The time, and what is to happen at one. */
export interface Times {
  readonly timetable: Timetable
  now(): number
}

/**
 * What of a group is at hand in this process and not handed out, in the order in which it is to be: of a key one is at the
 * front, and no other can be handed out meanwhile.
 */
export class Copies {
  readonly #times: Times
  readonly #timetable: Timetable
  readonly #onDue: (copy: Copy) => void
  readonly #ready = new Deque<Copy>()
  /** Given back: before all that is ready, in the order of arrival. */
  readonly #givenBack = new Heap<Copy>((a, b) => a.place < b.place)
  readonly #suspects = new Suspects<Member, Copy>()
  readonly #lines = new KeyLines<Copy>()
  readonly #retries = new Map<Copy, Retry>()
  /** Whose turn it is. */
  #turn = 0

  /** `onDue` is told what has no place in a line, and is due. */
  constructor(times: Times, onDue: (copy: Copy) => void) {
    this.#times = times
    this.#timetable = times.timetable
    this.#onDue = onDue
  }

  /** Those that could be handed out now. */
  get ready(): number {
    return this.#ready.size + this.#givenBack.size
  }

  get hasSuspects(): boolean {
    return this.#suspects.hasWaiting
  }

  /** Whether others of this key are before it. */
  isKept(key: string): boolean {
    return this.#lines.has(key)
  }

  /** Behind all others of its key. */
  add(copy: Copy): void {
    const { due = 0, inPlace } = copy.held ?? {}
    if (due > this.#times.now()) {
      if (inPlace === true && copy.key !== undefined && this.#lines.enter(copy)) this.#lines.retryLater(copy, copy)
      this.#waits(copy, due)
    } else if (this.#lines.enter(copy)) this.#readies(copy)
  }

  /** In this order. */
  addAll(copies: readonly Copy[]): void {
    for (const copy of copies) this.add(copy)
  }

  /** Before what waits of its key. */
  addAhead(copy: Copy): void {
    this.#readies(this.#lines.enterAhead(copy))
  }

  /** It is handed out already, and keeps its key. */
  addHandedOut(copy: Copy): void {
    this.#lines.enter(copy)
  }

  /** It has come to its end. */
  ended(copy: Copy): void {
    this.#suspects.ended(copy)
    this.#readies(this.#lines.leave(copy))
  }

  /** It goes on as another one, in its place. */
  comesBack(copy: Copy, again: Copy): void {
    this.#suspects.ended(copy)
    this.#lines.replace(copy, again)
    if (isSuspect(again)) this.#suspects.add(again)
    else this.#givenBack.push(again)
  }

  /** It is tried again later as another one, which keeps its place where that says so. */
  waits(copy: Copy, again: Copy): void {
    this.#suspects.ended(copy)
    const { due = 0, inPlace = false } = again.held ?? {}
    const keepsPlace = inPlace && again.key !== undefined
    this.#readies(keepsPlace ? this.#lines.retryLater(copy, again) : this.#lines.leave(copy))
    this.#waits(again, due)
  }

  /**
   * The next one that can be handed out, and to whom; it is that member's from then on. With `may`, none where that denies
   * the one whose turn it is.
   */
  next(members: readonly Member[], may?: (copy: Copy) => boolean): Copy | undefined {
    if (may !== undefined) {
      const first = this.#givenBack.first ?? this.#ready.first
      if (first === undefined || !may(first) || this.#suspects.hasWaiting) return undefined
    }
    const taker = this.#suspects.isEmpty ? undefined : this.#suspects.taker(members)
    const member = taker ?? (this.ready > 0 ? this.#next(members) : undefined)
    if (member === undefined) return undefined
    const copy = taker ? this.#suspects.take() : (this.#givenBack.pop() ?? this.#ready.shift()!)
    copy.member = member
    return copy
  }

  /** It was to be handed out, and nobody may have it now. */
  putBack(copy: Copy): void {
    this.#suspects.ended(copy)
    copy.member = undefined
    if (isSuspect(copy)) this.#suspects.add(copy)
    else this.#givenBack.push(copy)
  }

  clear(): void {
    this.#lines.clear([])
    this.#ready.clear()
    this.#givenBack.clear()
    this.#suspects.clear()
    for (const retry of this.#retries.values()) this.#timetable.remove(retry)
    this.#retries.clear()
  }

  #waits(copy: Copy, due: number): void {
    const retry: Retry = { copy, due, slot: 0, added: 0, arrive: () => this.#arrives(copy) }
    this.#retries.set(copy, retry)
    this.#timetable.add(retry)
  }

  #arrives(copy: Copy): void {
    this.#retries.delete(copy)
    const place = copy.held?.inPlace === true && copy.key !== undefined ? this.#lines.resume(copy) : 'none'
    if (place === 'ready') this.#ready.push(copy)
    else if (place === 'none' && this.#lines.enter(copy)) this.#readies(copy)
    this.#onDue(copy)
  }

  /** It may be handed out; alone where it may be what ends its member. */
  #readies(copy: Copy | undefined): void {
    if (copy === undefined) return
    if (isSuspect(copy)) this.#suspects.add(copy)
    else this.#ready.push(copy)
  }

  /** The next member in turn that may take one more. */
  #next(members: readonly Member[]): Member | undefined {
    const hasSuspects = !this.#suspects.isEmpty
    for (let i = 0; i < members.length; i++) {
      const at = (this.#turn + i) % members.length
      const member = members[at]!
      if (member.room <= 0 || (hasSuspects && this.#suspects.bars(member))) continue
      this.#turn = at + 1
      return member
    }
    return undefined
  }
}
