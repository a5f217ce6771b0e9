import { List } from '../collections/list.ts'
import type { Delivery } from '../transport/transport.ts'
import type { Client } from './client.ts'
import type { Copy, CopyHolder } from './copy.ts'

/** One member of one group, with what it holds. */
export class Member implements CopyHolder {
  readonly client: Client
  readonly types: readonly string[]
  readonly lost: AbortSignal
  /** What it has been handed and has not settled. */
  readonly held: List<Copy> = new List()
  paused = false
  readonly #prefetch: number
  readonly #deliver: (delivery: Delivery) => void
  readonly #onEnd: () => void
  #stopped = false

  /** `onEnd` is called when it has stopped and holds nothing any more. */
  constructor(
    client: Client,
    types: readonly string[],
    prefetch: number,
    deliver: (delivery: Delivery) => void,
    lost: AbortSignal,
    onEnd: () => void,
  ) {
    this.client = client
    this.types = types
    this.lost = lost
    this.#prefetch = prefetch
    this.#deliver = deliver
    this.#onEnd = onEnd
  }

  get hasRoom(): boolean {
    return !this.paused && this.held.size < this.#prefetch
  }

  stop(): void {
    this.#stopped = true
    if (this.held.size === 0) this.#onEnd()
  }

  hand(copy: Copy): void {
    copy.member = this
    copy.held = this.held.push(copy)
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
    this.held.remove(copy.held!)
    copy.held = undefined
    if (this.#stopped && this.held.size === 0) this.#onEnd()
  }
}
