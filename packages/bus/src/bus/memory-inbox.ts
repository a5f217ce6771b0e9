import type { IdempotencyStore } from '@tidings/decorators'
import type { Clock } from '../clock.ts'

/** Keys that were added in one period. */
interface Generation {
  readonly keys: Set<string>
  readonly since: number
}

/**
 * An inbox in memory: knows a key for `ttl` milliseconds, and as one of the last `max / 2` that were seen at least, of the
 * last `max` at most. It forgets
 * by generations, a whole set at a time: to look for the oldest key at each event would cost more than all else.
 */
export class MemoryInbox implements IdempotencyStore {
  readonly #max: number
  readonly #ttl: number
  readonly #clock: Clock
  #young: Generation
  #old: Generation | undefined

  constructor(max: number, ttl: number, clock: Clock) {
    this.#max = max
    this.#ttl = ttl
    this.#clock = clock
    this.#young = { keys: new Set(), since: clock.now() }
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#young.keys.size + (this.#old?.keys.size ?? 0)
  }

  has(key: string): boolean {
    if (this.#young.keys.has(key)) return true
    if (this.#old?.keys.has(key) !== true) return false
    // Seen again, so it is not among those to be forgotten next.
    this.add(key)
    return true
  }

  add(key: string): void {
    const now = this.#clock.now()
    if (this.#young.keys.size >= this.#max / 2 || now - this.#young.since > this.#ttl) {
      this.#old = now - this.#young.since > 2 * this.#ttl ? undefined : this.#young
      this.#young = { keys: new Set(), since: now }
    }
    this.#young.keys.add(key)
  }
}
