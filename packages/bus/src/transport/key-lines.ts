import { Deque } from '../collections/deque.ts'

/** What stands in the line of its key. */
export interface Standing<Self> {
  /** Undefined for what stands in no line. */
  readonly key: string | undefined
  /** Published `ahead`. */
  readonly isAhead: boolean
  /** The next one of its key; the lines' own. */
  behind: Self | undefined
}

interface Line<Copy> {
  /** Undefined once the line is gone. */
  last: Copy | undefined
}

/**
 * The line of each key in a group whose transport orders by key. At its front is the one copy that is ready, handed out, given back, or waits for its next
 * attempt; the others are chained behind it, so that a line costs one entry in a map. What is published `ahead` goes
 * before all that waits, and behind the front unless that waits for its next attempt and was not published `ahead` itself.
 */
export class KeyLines<Copy extends Standing<Copy>> {
  /**
   * Of each key that has any copy. A line lets go of its last one in the end: a map that comes and goes leaves old tables
   * behind, and what these hold the collector of garbage takes for alive, 1 kB for each event.
   */
  readonly #lines = new Map<string, Line<Copy>>()
  /** Fronts that wait for their next attempt. */
  readonly #waiting = new Map<string, Copy>()
  /** Copies that wait for their next attempt, at the front or behind one that was let pass. */
  readonly #retrying = new Set<Copy>()
  /** What goes before all that is chained, once the front has come to its end. */
  readonly #ahead = new Map<string, Deque<Copy>>()

  /** Whether any of this key stands in its line. */
  has(key: string): boolean {
    return this.#lines.has(key)
  }

  /** Whether it is at the front, and so ready. */
  enter(copy: Copy): boolean {
    const { key } = copy
    if (key === undefined) return true
    const line = this.#lines.get(key)
    if (line === undefined) {
      this.#lines.set(key, { last: copy })
      return true
    }
    line.last!.behind = copy
    line.last = copy
    return false
  }

  /** The copy itself where it is at the front, and so ready. */
  enterAhead(copy: Copy): Copy | undefined {
    const { key } = copy
    if (key === undefined || !this.#lines.has(key)) return this.enter(copy) ? copy : undefined
    const front = this.#waiting.get(key)
    if (front === undefined || front.isAhead) {
      const ahead = this.#ahead.get(key) ?? new Deque()
      this.#ahead.set(key, ahead)
      ahead.push(copy)
      return undefined
    }
    this.#waiting.delete(key)
    copy.behind = front
    return copy
  }

  /** A front has come to its end. The one that is ready now. */
  leave(copy: Copy): Copy | undefined {
    const { key, behind } = copy
    if (key === undefined) return undefined
    copy.behind = undefined
    const ahead = this.#ahead.size > 0 ? this.#takeAhead(key, behind) : undefined
    if (ahead !== undefined) return ahead
    if (behind === undefined) this.#end(key)
    else if (this.#retrying.size > 0 && this.#retrying.has(behind)) this.#waiting.set(key, behind)
    else return behind
    return undefined
  }

  /** A front is given back as another copy, which is the front then. */
  replace(copy: Copy, again: Copy): void {
    const { key, behind } = copy
    if (key === undefined) return
    again.behind = behind
    copy.behind = undefined
    if (behind === undefined) this.#lines.get(key)!.last = again
  }

  /** A front waits for its next attempt, as another copy. The one that is ready meanwhile, if any. */
  retryLater(copy: Copy, again: Copy): Copy | undefined {
    this.replace(copy, again)
    this.#retrying.add(again)
    const key = again.key!
    // What came ahead after it is younger, and waits behind it.
    const ahead = again.isAhead ? undefined : this.#takeAhead(key, again)
    if (ahead === undefined) this.#waiting.set(key, again)
    return ahead
  }

  /** Its time has come: it is ready, or stands behind one that was let pass; `'none'` where it is in no line any more. */
  resume(copy: Copy): 'ready' | 'behind' | 'none' {
    const key = copy.key!
    if (!this.#retrying.delete(copy)) return 'none'
    if (this.#waiting.get(key) !== copy) return 'behind'
    this.#waiting.delete(key)
    return 'ready'
  }

  /**
   * Takes out all copies that do not wait for their next attempt; `fronts` are those that are ready. What waits is then in
   * no line, and comes as a new one when it is due.
   */
  clear(fronts: readonly Copy[]): Copy[] {
    const all: Copy[] = []
    for (const front of [...fronts, ...this.#waiting.values()]) {
      for (let copy: Copy | undefined = front; copy !== undefined; copy = copy.behind) {
        if (!this.#retrying.has(copy)) all.push(copy)
      }
    }
    for (const ahead of this.#ahead.values()) all.push(...ahead.clear())
    this.#lines.clear()
    this.#waiting.clear()
    this.#retrying.clear()
    this.#ahead.clear()
    return all
  }

  #end(key: string): void {
    this.#lines.get(key)!.last = undefined
    this.#lines.delete(key)
  }

  #takeAhead(key: string, behind: Copy | undefined): Copy | undefined {
    const waiting = this.#ahead.get(key)
    const ahead = waiting?.shift()
    if (waiting?.size === 0) this.#ahead.delete(key)
    if (ahead === undefined) return undefined
    ahead.behind = behind
    if (behind === undefined) this.#lines.get(key)!.last = ahead
    return ahead
  }
}
