import type { HeldCall } from '../wrapping/calls.ts'

/** Why a hole in a sequence is not waited for any longer. */
export type GapReason = 'timeout' | 'overflow' | 'flush'

/** An event that came early. */
export interface Held {
  readonly call: HeldCall
  readonly id: string | undefined
  /** When it came, on the clock of `performance.now()`. */
  readonly since: number
  /** Ends its waiting for a signal. */
  settle: () => void
}

interface Watcher {
  /** A hole was passed over. */
  gap(from: number, to: number, reason: GapReason): void
  /** An event is not held any more. */
  left(): void
}

/** The events of one source on their way into order. */
export class Lane {
  /** The sequence that is to come next. */
  expected: number
  readonly #gapTimeout: number
  readonly #watcher: Watcher
  readonly #held = new Map<number, Held[]>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(first: number, gapTimeout: number, watcher: Watcher) {
    this.expected = first
    this.#gapTimeout = gapTimeout
    this.#watcher = watcher
  }

  /** How many places are held. */
  get size(): number {
    return this.#held.size
  }

  holds(sequence: number): boolean {
    return this.#held.has(sequence)
  }

  /** The held event that one of this place and id repeats. */
  find(sequence: number, id: string | undefined): Held | undefined {
    return this.#held.get(sequence)?.find((held) => held.id === undefined || id === undefined || held.id === id)
  }

  hold(sequence: number, entry: Held): void {
    const place = this.#held.get(sequence)
    if (place) place.push(entry)
    else this.#held.set(sequence, [entry])
    this.#timer ??= setTimeout(() => this.#timeUp(), this.#gapTimeout)
  }

  remove(sequence: number, entry: Held): void {
    const place = this.#held.get(sequence)
    const index = place?.indexOf(entry) ?? -1
    if (place === undefined || index < 0) return
    place.splice(index, 1)
    this.#watcher.left()
    if (place.length === 0) this.#held.delete(sequence)
    if (this.#held.size === 0) this.#stop()
  }

  /** Starts the call that was expected, then those held right behind it. */
  async pass(call: HeldCall): Promise<void> {
    this.expected++
    // Started one after the other, before anything is awaited: nothing may come in between.
    const started = [call.start(), ...this.#follow()]
    await Promise.all(started)
  }

  /** Gives up waiting for what is missing before the first held event. */
  async passGap(reason: GapReason): Promise<void> {
    if (this.#held.size > 0) await Promise.all(this.#skipTo(Math.min(...this.#held.keys()), reason))
  }

  /** Starts all that is held, in order. */
  async releaseAll(reason: GapReason): Promise<void> {
    await Promise.all(this.#releaseTo(Infinity, reason))
  }

  cancel(error: () => Error): void {
    this.#stop()
    for (const place of this.#held.values()) {
      for (const { call, settle } of place) {
        settle()
        this.#watcher.left()
        call.fail(error())
      }
    }
    this.#held.clear()
  }

  /** Starts what is held up to a sequence, and what follows without a gap. */
  #releaseTo(sequence: number, reason: GapReason): Promise<void>[] {
    const due = [...this.#held.keys()].filter((key) => key <= sequence).toSorted((a, b) => a - b)
    // A place may be gone by its turn: released as a follower, or by a handler that came back here.
    return due.flatMap((key) => (this.#held.has(key) ? this.#skipTo(key, reason) : []))
  }

  #skipTo(sequence: number, reason: GapReason): Promise<void>[] {
    const from = this.expected
    this.expected = sequence
    if (sequence > from) this.#watcher.gap(from, sequence - 1, reason)
    return this.#follow()
  }

  /** Starts what is held from the expected sequence on, as far as there is no gap. */
  #follow(): Promise<void>[] {
    const started: Promise<void>[] = []
    for (let place = this.#held.get(this.expected); place; place = this.#held.get(this.expected)) {
      this.#held.delete(this.expected)
      this.expected++
      for (const { call, settle } of place) {
        settle()
        this.#watcher.left()
        started.push(call.start())
      }
    }
    if (this.#held.size === 0) this.#stop()
    return started
  }

  /** Releases all whose time is up, and what must come before them, and waits for the others' time. */
  #timeUp(): void {
    this.#timer = undefined
    const now = performance.now()
    // A timer may fire a fraction early: a millisecond of grace spares a second one.
    const due = [...this.#held].filter(([, place]) => place.some(({ since }) => since + this.#gapTimeout - now < 1))
    void Promise.all(this.#releaseTo(Math.max(...due.map(([sequence]) => sequence)), 'timeout'))
    const rest = [...this.#held.values()].flat().map(({ since }) => since)
    if (rest.length === 0) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#timeUp(), Math.max(0, Math.min(...rest) + this.#gapTimeout - now))
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
