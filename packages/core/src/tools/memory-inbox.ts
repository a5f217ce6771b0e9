import { knownOptions } from '../check.ts'
import { type Duration, milliseconds } from '../duration.ts'
import { whole } from './check.ts'
import { EventSet, hashOf } from './event-set.ts'
import type { EventIdentity, Inbox } from './inbox.ts'

export interface MemoryInboxOptions {
  /** Events that are known at most, of all groups together; half of them at least. Default 100,000. */
  readonly max?: number | undefined
  /** How long an event is known; it is forgotten some time after. Default `'24h'`. */
  readonly ttl?: Duration | undefined
  /** Milliseconds since some moment. Default the time of the machine. */
  readonly clock?: { now(): number } | undefined
}

/** What {@link memoryInbox} makes. */
export interface MemoryInbox extends Inbox {
  has(event: EventIdentity, group: string): boolean
  /** Whether it was not known before. */
  add(event: EventIdentity, group: string): boolean
}

/**
 * An inbox in memory. **It is lost when the process ends**, and knows nothing of what other processes handle: what comes
 * again then is handled again. `memory()` and the decorator `idempotent` have one of their own; give one to a bus whose
 * transport has none where that will do, or to several handlers that share what they know.
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function memoryInbox(options: MemoryInboxOptions = {}): MemoryInbox {
  knownOptions(options, ['max', 'ttl', 'clock'], 'memoryInbox')
  const { max = 100_000, ttl = '24h', clock = systemTime } = options
  return new Generations(whole(max, 2, 'max'), milliseconds(ttl, 'ttl'), clock)
}

const systemTime = { now: () => Date.now() }

/** What was added in one period. */
interface Generation {
  readonly events: EventSet
  readonly since: number
}

/**
 * Knows an event for `ttl` milliseconds, and as one of the last `max / 2` that were seen at least, of the last `max` at
 * most. It forgets by generations, a whole one at a time: to look for the oldest event each time would cost more than
 * all else.
 */
class Generations implements MemoryInbox {
  readonly #half: number
  readonly #ttl: number
  readonly #clock: { now(): number }
  #young: Generation
  #old: Generation | undefined
  #last: (EventIdentity & { readonly group: string; readonly hash: number }) | undefined

  constructor(max: number, ttl: number, clock: { now(): number }) {
    this.#half = Math.floor(max / 2)
    this.#ttl = ttl
    this.#clock = clock
    this.#young = { events: new EventSet(), since: clock.now() }
  }

  has(event: EventIdentity, group: string): boolean {
    const hash = this.#hashOf(event, group)
    if (this.#young.events.has(hash, group, event)) return true
    if (this.#old === undefined || !this.#old.events.has(hash, group, event)) return false
    // Seen again, so it is not among those to be forgotten next.
    this.#add(hash, group, event)
    return true
  }

  add(event: EventIdentity, group: string): boolean {
    const hash = this.#hashOf(event, group)
    const wasOld = this.#old?.events.has(hash, group, event) === true
    return this.#add(hash, group, event) && !wasOld
  }

  /** Who asks for an event and then adds it has its hash computed once. */
  #hashOf(event: EventIdentity, group: string): number {
    const { source, id } = event
    const last = this.#last
    if (last !== undefined && last.id === id && last.source === source && last.group === group) return last.hash
    const hash = hashOf(group, event)
    this.#last = { id, source, group, hash }
    return hash
  }

  #add(hash: number, group: string, event: EventIdentity): boolean {
    const now = this.#clock.now()
    const age = now - this.#young.since
    if (this.#young.events.size >= this.#half || age > this.#ttl) {
      this.#old = age > 2 * this.#ttl ? undefined : this.#young
      this.#young = { events: new EventSet(), since: now }
    }
    return this.#young.events.add(hash, group, event)
  }
}
