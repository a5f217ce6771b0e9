import { Heap } from '../collections/heap.ts'

/** A member as far as suspects go. */
export interface SuspectTaker {
  readonly paused: boolean
  /** What it has been handed and has not settled. */
  readonly held: { readonly size: number }
}

/** What may be a suspect. */
export interface Suspect<Member> {
  /** Its place in the order of the group. */
  readonly place: number
  /** Where it stands in a heap. */
  slot: number
  /** Whom it was handed to. */
  readonly member: Member | undefined
}

/**
 * Messages that may be what ends their member. One of them is handed out at a time, to a member that holds nothing else
 * and gets nothing else meanwhile: so the next death blames one message and no other.
 */
export class Suspects<Member extends SuspectTaker, Copy extends Suspect<unknown>> {
  readonly #waiting = new Heap<Copy>((a, b) => a.place < b.place)
  #out: Copy | undefined
  /** Who is given nothing until it holds nothing, for the next one. */
  #taker: Member | undefined

  /** Whether there is any, waiting or handed out. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#out === undefined
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0
  }

  add(copy: Copy): void {
    this.#waiting.push(copy)
  }

  /** Whether a member may be handed nothing else now. */
  bars(member: Member): boolean {
    return member === this.#taker || (this.#out !== undefined && this.#out.member === member)
  }

  /** Who takes the next one, if anybody can now; else a member is chosen that is to hold nothing first. */
  taker(members: readonly Member[]): Member | undefined {
    if (this.#waiting.size === 0 || this.#out !== undefined) return undefined
    const able = members.filter((member) => !member.paused)
    const idle = able.find((member) => member.held.size === 0)
    if (idle !== undefined) return idle
    if (this.#taker === undefined || !able.includes(this.#taker)) {
      this.#taker = able.toSorted((a, b) => a.held.size - b.held.size)[0]
    }
    return undefined
  }

  /** The next one, on its way to its member. */
  take(): Copy {
    const copy = this.#waiting.pop()!
    this.#out = copy
    this.#taker = undefined
    return copy
  }

  /** A message came to an end, or back. */
  ended(copy: Copy): void {
    if (this.#out === copy) this.#out = undefined
    if (this.isEmpty) this.#taker = undefined
  }

  /** Takes out all that wait. */
  clear(): Copy[] {
    this.#taker = undefined
    return this.#waiting.clear()
  }
}
