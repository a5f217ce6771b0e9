import type { Guard } from './guard.ts'
import type { Handler } from './keys.ts'

import type { Breaker } from './storm-breaker.ts'
import { Entry, type EntryOptions, type Shelf } from './subscription.ts'

/**
 * An event type and who is subscribed to it.
 *
 * A publish works on `snapshot`, which is never changed: a change of subscriptions drops it, and the next publish makes
 * a new one. So a publish under way sees that `snapshot` was replaced and looks again at whom it may still call.
 */
export class Topic implements Shelf {
  readonly key: string
  readonly guard: Guard
  /** How the event gets to the handlers; replaced by the fast path while subscriptions stay the same. */
  publish: (payload: unknown) => unknown
  /** In the order of calls. Grows and shrinks in place; may hold inactive entries. */
  entries: Entry[] = []
  snapshot: readonly Entry[] | undefined = undefined
  /** The functions of the snapshot, where each may be called as it is; undefined sends a publish the careful way. */
  calls: readonly Handler[] | undefined = undefined
  /** The function of a snapshot of one, likewise. */
  only: Handler | undefined = undefined
  /** The definition by which this topic is found in `Topics.bound`. */
  definition: unknown = undefined
  /** Publishes since the last change, as far as the fast path wants to know. */
  quiet = 0
  /** Somebody holds this very topic, so that it must stay although nobody is subscribed. */
  pinned = false
  breaker: Breaker | undefined = undefined
  /** The `publish` for all that the fast path leaves. */
  readonly careful: (payload: unknown) => unknown
  #dead = 0

  constructor(key: string, guard: Guard, careful: (this: Topic, payload: unknown) => unknown) {
    this.key = key
    this.guard = guard
    // Bound, so that it may be taken off the handle.
    this.careful = (payload) => careful.call(this, payload)
    this.publish = this.careful
  }

  subscribe(handler: Handler, options?: EntryOptions): Entry {
    this.guard.checkHandler(this.key, handler)
    const entry = new Entry(this, handler, options ?? undefined)
    this.add(entry)
    return entry.follow()
  }

  /** Takes the entry in behind those of its priority and above. */
  add(entry: Entry): void {
    const { entries } = this
    let at = entries.length
    while (at > 0 && entries[at - 1]!.priority < entry.priority) at--
    // An array that grew from empty keeps room for many more; most topics have one entry.
    if (entries.length === 0) this.entries = [entry]
    else if (at === entries.length) entries.push(entry)
    else entries.splice(at, 0, entry)
    this.#changed()
  }

  /** Forgets an entry that has become inactive: amortised constant time, in any order. */
  remove(): void {
    const { entries } = this
    this.#dead++
    while (entries.length > 0 && !entries[entries.length - 1]!.active) {
      entries.pop()
      this.#dead--
    }
    if (this.#dead * 2 > entries.length) {
      this.entries = entries.filter((other) => other.active)
      this.#dead = 0
    }
    this.#changed()
  }

  /** The active entries that were subscribed to this very type. */
  own(): Entry[] {
    return this.entries.filter((entry) => entry.active && entry.shelf === this)
  }

  /** Whether nobody would miss it. */
  get idle(): boolean {
    return !this.pinned && (this.breaker?.state ?? 'closed') === 'closed' && this.own().length === 0
  }

  /** The active entries in the order of calls, as a list that stays as it is. */
  plan(): readonly Entry[] {
    if (this.snapshot) return this.snapshot
    const snapshot = this.entries.filter((entry) => entry.active)
    const empty = snapshot.length === 0 && this.guard.wantsUnhandled
    if (!empty && snapshot.every((entry) => entry.plain)) this.calls = snapshot.map((entry) => entry.handler)
    this.only = this.calls?.length === 1 ? this.calls[0] : undefined
    this.snapshot = snapshot
    return snapshot
  }

  #changed(): void {
    if (this.snapshot === undefined) return
    this.snapshot = undefined
    this.calls = undefined
    this.only = undefined
    this.quiet = 0
    this.publish = this.careful
  }
}
