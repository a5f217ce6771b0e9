import type { Clock } from '@tidings/bus'
import type { Timeline } from './timeline.ts'

// Made once: each one has a stack trace, and many processes die.
const lost = new DOMException('the connection is lost', 'AbortError')

/** Somebody with a connection to the broker: a process until it dies, or a client. */
export class Life {
  /** Whether the process is gone. What its code still does, nobody hears. */
  dead = false
  /** How often something of it waits for the timeline, other than by its clock. */
  waits = 0
  /** Handlers that are under way. */
  running = 0
  /** What an inbox was asked, and has not answered yet. */
  asked = 0
  /** Goes up whenever one of them begins or ends. */
  changes = 0
  /** For its bus. */
  readonly clock: Clock
  /** For its handlers: who waits for it waits for the timeline. */
  readonly ownClock: Clock
  readonly #lost = new AbortController()
  readonly #timers = new Set<() => void>()
  readonly #onCrash: () => void
  readonly #onRestart: () => void

  constructor(timeline: Timeline, onCrash: () => void, onRestart: () => void) {
    this.#onCrash = onCrash
    this.#onRestart = onRestart
    this.clock = {
      now: () => timeline.now(),
      after: (delay, callback) => {
        if (this.dead) return () => {}
        const cancel = timeline.after(delay, () => {
          this.#timers.delete(cancel)
          callback()
        })
        this.#timers.add(cancel)
        return () => {
          this.#timers.delete(cancel)
          cancel()
        }
      },
    }
    this.ownClock = {
      now: () => timeline.now(),
      after: (delay, callback) => {
        let pending = true
        const ended = (): boolean => {
          if (!pending) return false
          pending = false
          this.waits--
          return true
        }
        this.waits++
        const cancel = this.clock.after(delay, () => {
          if (ended()) callback()
        })
        return () => {
          if (ended()) cancel()
        }
      },
    }
  }

  /** Aborts when its connection is gone. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /**
   * From here on nothing of it reaches the broker or the time. What runs at this very moment may still come to its next
   * `await`, as if it had happened just before.
   */
  crash(): void {
    if (this.dead) return
    this.#die()
    this.#onCrash()
  }

  restart(): void {
    if (!this.dead) this.#onRestart()
  }

  /** Its connection is gone: handlers that heed their signal stop. */
  loseConnection(): void {
    this.#die()
    this.#lost.abort(lost)
  }

  /** Resolves after so much virtual time, and never when it is dead by then. */
  wait(delay: number): Promise<void> {
    if (this.dead) return never()
    return new Promise((resolve) => void this.ownClock.after(delay, resolve))
  }

  /** What an inbox was asked on its behalf, which may be real I/O: counted while it is under way. */
  async asks<T>(question: PromiseLike<T>): Promise<T> {
    this.asked++
    this.changes++
    try {
      const answer = await question
      return this.dead ? await never() : answer
    } catch (error) {
      return this.dead ? await never() : Promise.reject(error)
    } finally {
      this.asked--
      this.changes++
    }
  }

  #die(): void {
    this.dead = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }
}

/** What a dead process waits for. */
export function never(): Promise<never> {
  return new Promise(() => {})
}
