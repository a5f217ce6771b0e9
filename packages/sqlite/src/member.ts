import type { Delivery, Message } from '@tidings/bus/transport'
import type { Copy } from './copy.ts'

/** One member of one group in this process, with what it holds. */
export class Member {
  readonly types: readonly string[]
  readonly lost: AbortSignal
  /** Tells the bus of a message that reached no group. */
  readonly unroutable: (message: Message) => void
  readonly held: Set<Copy> = new Set()
  /** What is about to be handed to it, once that is noted. */
  expected = 0
  /** Of what it holds, what the file has the settlement of. */
  applied = 0
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
    return this.isOpen ? this.prefetch - this.held.size + this.applied - this.expected : 0
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
    if (copy.isApplied) this.applied--
    if (this.#stopped && this.held.size === 0) this.#onEnd()
  }
}
