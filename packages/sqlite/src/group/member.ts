import type { Delivery, Message } from '@tidings/bus/transport'
import type { Copy } from './copy.ts'

/** Settlements on their way beyond which a member is handed no more for them. */
const mostSettling = 1000

/** One member of one group in this process, with what it holds. */
export class Member {
  readonly types: readonly string[]
  readonly lost: AbortSignal
  /** Tells the bus of a message that reached no group. */
  readonly unroutable: (message: Message) => void
  readonly held: Set<Copy> = new Set()
  /** What is about to be handed to it, once that is noted. */
  expected = 0
  /** Of what it holds, what is on its way to be settled. */
  settling = 0
  paused = false
  readonly prefetch: number
  readonly #deliver: (delivery: Delivery) => void
  readonly #onEnd: () => void
  #stopped = false

  /** `onEnd` is called when it has stopped and holds nothing any more. */
  constructor(
    types: readonly string[],
    prefetch: number,
    deliver: (delivery: Delivery) => void,
    lost: AbortSignal,
    unroutable: (message: Message) => void,
    onEnd: () => void,
  ) {
    this.types = types
    this.lost = lost
    this.unroutable = unroutable
    this.prefetch = prefetch
    this.#deliver = deliver
    this.#onEnd = onEnd
  }

  /** How many more it may be handed. */
  get room(): number {
    if (!this.isOpen) return 0
    // What is on its way need not keep others waiting; but where it does not get there, no heap is to grow of it.
    return this.prefetch - this.held.size + Math.min(this.settling, mostSettling) - this.expected
  }

  get isOpen(): boolean {
    return !this.paused && !this.#stopped && !this.lost.aborted
  }

  has(copy: Copy): boolean {
    return this.held.has(copy)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    if (this.held.size === 0) this.#onEnd()
  }

  hand(copy: Copy): void {
    this.held.add(copy)
    try {
      this.#deliver(copy)
    } catch (error) {
      // Not ours to handle, and no reason to keep others from their messages.
      queueMicrotask(() => {
        throw error
      })
    }
  }

  /** It is settled or given back: the member can do nothing about it any more. */
  take(copy: Copy): void {
    if (!this.held.delete(copy)) return
    if (copy.isSettling) this.settling--
    if (this.#stopped && this.held.size === 0) this.#onEnd()
  }
}
