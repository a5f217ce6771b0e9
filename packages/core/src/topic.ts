import { resume, watch } from './delivery.ts'
import type { Guard } from './guard.ts'
import type { Handler } from './keys.ts'
import type { Breaker } from './storm-breaker.ts'
import { Entry, type EntryOptions, type Shelf } from './subscription.ts'

/** An empty list of the kind that a list of functions is: `[]` is another to the engine, and loops would meet both. */
const nobody: Handler[] = [(): void => {}].slice(1)

/**
 * An event type and who is subscribed to it.
 *
 * A publish works on `snapshot`, which is never changed: a change of subscriptions drops it, and the next publish makes
 * a new one. So a publish under way sees that `snapshot` was replaced and looks again at whom it may still call.
 */
export class Topic implements Shelf {
  // Declared only: a field that is defined first may hold anything to the engine, which then looks each time.
  declare readonly key: string
  declare readonly guard: Guard
  /** How the event gets to the handlers; replaced by the fast path while subscriptions stay the same. */
  declare publish: (payload: unknown) => unknown
  /** In the order of calls. Grows and shrinks in place; may hold inactive entries. */
  entries: Entry[] = []
  snapshot: readonly Entry[] | undefined = undefined
  /** The functions of the snapshot, where each may be called as it is; undefined sends a publish the careful way. */
  calls: Handler[] | undefined = undefined
  /** The definition by which this topic is found in `Topics.bound`. */
  definition: unknown = undefined
  /** Publishes since the last change, as far as the fast path wants to know. */
  quiet = 0
  /** Somebody holds this very topic, so that it must stay although nobody is subscribed. */
  pinned = false
  breaker: Breaker | undefined = undefined
  /** The `publish` for all that the fast path leaves. */
  declare readonly careful: (payload: unknown) => unknown
  /** Inactive ones in `entries`. */
  #dead = 0

  constructor(key: string, guard: Guard, careful: (this: Topic, payload: unknown) => unknown) {
    this.key = key
    this.guard = guard
    // Bound, so that it may be taken off the handle.
    this.careful = careful.bind(this)
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
    const last = entries.length - 1
    if (entries[last]!.active || (last > 0 && !entries[last - 1]!.active)) this.#compact()
    else entries.pop()
    this.#changed()
  }

  #compact(): void {
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
  }

  /**
   * Calls all functions in `calls`, whatever their number. It serves all topics of all dispatchers, so that no handler
   * can be inlined.
   *
   * The loop does not ask after each handler whether a subscription changed: a change empties `calls`, so that the loop
   * ends early, and the rest is up to the careful path.
   */
  publishPlain(payload: unknown): number {
    const { calls, guard } = this
    const { depth } = guard
    if (calls === undefined || depth >= guard.open) return this.careful(payload) as number
    const { key } = this
    const entries = this.snapshot!
    guard.depth = depth + 1
    // One handler without a loop: a tenth of the whole publish.
    if (calls.length === 1) {
      const handler = calls[0]!
      try {
        const result = handler(payload, key)
        if (result !== undefined) watch(this, entries[0]!, handler, payload, result)
      } catch (error) {
        guard.fail(error, key, payload, entries[0]!.nameOf(handler))
      }
      guard.depth = depth
      return 1
    }
    let next = 0
    for (; next < calls.length; next++) {
      const handler = calls[next]!
      try {
        const result = handler(payload, key)
        if (result !== undefined) watch(this, entries[next]!, handler, payload, result)
      } catch (error) {
        guard.fail(error, key, payload, entries[next]!.nameOf(handler))
      }
    }
    if (this.calls !== calls) return resume(this, entries, next, payload)
    guard.depth = depth
    return next
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
    const snapshot = this.#dead === 0 ? this.entries.slice() : this.entries.filter((entry) => entry.active)
    const empty = snapshot.length === 0 && this.guard.wantsUnhandled
    if (!empty && snapshot.every((entry) => entry.plain)) {
      this.calls = snapshot.length === 0 ? nobody : snapshot.map((entry) => entry.handler)
    }
    this.snapshot = snapshot
    return snapshot
  }

  #changed(): void {
    if (this.snapshot === undefined) return
    // Ends the loops that are under way.
    if (this.calls !== undefined && this.guard.depth > 0) this.calls.length = 0
    this.snapshot = undefined
    this.calls = undefined
    this.quiet = 0
    this.publish = this.careful
  }
}
