/**
 * Where something takes the time from. Tests give one whose time they move themselves; a waiting time that is asked of
 * the clock passes there without waiting.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back once, no earlier than after `delay` milliseconds. The function returned takes it back; idempotent. */
  after(delay: number, callback: () => void): () => void
}

/** Longer waits are made of several timers: beyond it a timer fires at once. */
const longest = 2 ** 31 - 1

/** The time of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delay, callback) {
    let timer: ReturnType<typeof setTimeout>
    const wait = (left: number): void => {
      timer = setTimeout(() => (left > longest ? wait(left - longest) : callback()), Math.min(left, longest))
    }
    wait(delay)
    return () => clearTimeout(timer)
  },
}
