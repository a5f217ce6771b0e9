import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import type { Clock } from '@tidings/bus'
import { turns } from './real-turn.ts'

/** A clock that stands still until a test moves it. */
export interface VirtualClock extends Clock {
  /** Timers that wait. */
  readonly timers: number
  /** When the next timer is due, milliseconds since 1970; undefined without one. */
  readonly next: number | undefined
  /**
   * Moves the time and calls what becomes due, by time and then by age, timers that are made on the way included. Between
   * two timers promises run, in real turns of the event loop. Calls that overlap are done one after the other.
   *
   * Rejects with what a timer throws; the time then stands where it was due.
   */
  advance(duration: Duration): Promise<void>
  /** Resolves when so much virtual time has passed; rejects with the reason of the signal. */
  sleep(duration: Duration, signal?: AbortSignal): Promise<void>
}

export interface VirtualClockOptions {
  /** Where the time begins: milliseconds since 1970, a date, or a text that a date can be made of. Default 2026-01-01, UTC. */
  readonly start?: number | string | Date | undefined
  /** What is awaited after each timer. Default: two turns of the event loop, so that promises and immediates run. */
  readonly between?: (() => Promise<unknown>) | undefined
}

/**
 * A clock for tests: give it to `createBus` and to your own code, and move it.
 *
 * @example
 * const clock = virtualClock()
 * clock.after(1000, () => console.log('a second has passed'))
 * await clock.advance('1s')
 *
 * @throws TidingsError `INVALID_ARGUMENT` for a start that is no time
 */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  return handMovedClock(options)
}

/** The same, for a harness. */
export function handMovedClock(options: VirtualClockOptions, ownerNow?: () => unknown): HandMovedClock {
  const { start = '2026-01-01T00:00:00Z', between = () => turns(2) } = options
  const begun = new Date(start).getTime()
  if (Number.isNaN(begun)) {
    throw new TidingsError(
      'INVALID_ARGUMENT',
      `\`start\` must be a time, received ${JSON.stringify(start)}\nSuch as '2026-01-01T00:00:00Z'.`,
    )
  }
  return new HandMovedClock(begun, between, ownerNow)
}

interface Timer {
  readonly at: number
  readonly callback: () => void
  readonly owner: unknown
}

/** The owner of the timers that a bus makes. */
export const theBus: unique symbol = Symbol('the bus')

/** What a virtual clock is. It knows whose its timers are. */
export class HandMovedClock implements VirtualClock {
  readonly #between: () => Promise<unknown>
  readonly #ownerNow: () => unknown
  /** By time, those of one time by age. */
  readonly #timers: Timer[] = []
  #now: number
  #moving: Promise<void> = Promise.resolve()

  /** @param ownerNow tells whose a timer is that is made now; undefined for nobody's */
  constructor(start: number, between: () => Promise<unknown>, ownerNow: () => unknown = () => undefined) {
    this.#now = start
    this.#between = between
    this.#ownerNow = ownerNow
  }

  get timers(): number {
    return this.#timers.length
  }

  get next(): number | undefined {
    return this.#timers[0]?.at
  }

  now(): number {
    return this.#now
  }

  /** The owners of the timers that wait, but for those of the bus. */
  owners(): Set<unknown> {
    const owners = new Set(this.#timers.map(({ owner }) => owner))
    owners.delete(theBus)
    return owners
  }

  after(delay: number, callback: () => void, owner: unknown = this.#ownerNow()): () => void {
    const timer = { at: this.#now + Math.max(0, delay), callback, owner }
    let place = this.#timers.length
    while (place > 0 && this.#timers[place - 1]!.at > timer.at) place--
    this.#timers.splice(place, 0, timer)
    return () => {
      const at = this.#timers.indexOf(timer)
      if (at >= 0) this.#timers.splice(at, 1)
    }
  }

  advance(duration: Duration): Promise<void> {
    const by = milliseconds(duration, 'duration')
    const moved = this.#moving.then(() => this.#moveTo(this.#now + by))
    this.#moving = moved.catch(() => {})
    return moved
  }

  sleep(duration: Duration, signal?: AbortSignal): Promise<void> {
    const delay = milliseconds(duration, 'duration')
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        cancel()
        reject(signal!.reason)
      }
      const cancel = this.after(delay, () => {
        signal?.removeEventListener('abort', aborted)
        resolve()
      })
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }

  async #moveTo(time: number): Promise<void> {
    await this.#between()
    for (let timer = this.#timers[0]; timer !== undefined && timer.at <= time; timer = this.#timers[0]) {
      this.#timers.shift()
      this.#now = timer.at
      timer.callback()
      await this.#between()
    }
    this.#now = time
  }
}
