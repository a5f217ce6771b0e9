import type { RunningAttempt } from './attempt-log.ts'
import { lastingResources } from './real-turn.ts'
import { type Call, type OpenResource, realWork } from './real-work.ts'
import type { HandMovedClock } from './virtual-clock.ts'

/** What the running handlers wait for. */
export interface Waits {
  /** These have work of theirs in the thread pool. */
  readonly computing: readonly RunningAttempt[]
  /** Something real may end these. */
  readonly real: readonly RunningAttempt[]
  /** Nothing that can be seen will end these before time passes. */
  readonly nothing: readonly RunningAttempt[]
}

/** Tells the handlers that wait for something real from those that wait for the virtual time. */
export class HandlerWaits {
  readonly #clock: HandMovedClock
  readonly #running: () => readonly RunningAttempt[]
  readonly #patience: number
  /** Calls that were waited for in vain, and how far they had got. */
  readonly #givenUp = new WeakMap<Call, number>()

  /** @param patience real milliseconds; what takes longer than that is not waited for */
  constructor(clock: HandMovedClock, running: () => readonly RunningAttempt[], patience: number) {
    this.#clock = clock
    this.#running = running
    this.#patience = patience
  }

  now(): Waits {
    const running = this.#running()
    if (running.length === 0) return { computing: [], real: [], nothing: [] }
    const open = realWork.open()
    const owners = this.#clock.owners()
    const calls = new Set<unknown>(running.map(({ call }) => call))
    // Those of the test itself, which may well be what a handler waits for.
    const testWaitsForTime = [...owners].some((owner) => !calls.has(owner))
    const isElsewhere = lastingResources() > 0 || open.some((each) => this.#mayEndOthers(each))
    const computing: RunningAttempt[] = []
    const real: RunningAttempt[] = []
    const nothing: RunningAttempt[] = []
    for (const attempt of running) {
      const { call } = attempt
      if (this.#givenUp.get(call) === call.progress) continue
      const own = open.filter((each) => each.call === call)
      if (own.some(({ state }) => state === 'computes')) computing.push(attempt)
      else if (own.some((each) => this.#isCertain(each))) real.push(attempt)
      else if (owners.has(call)) continue
      else if (own.length > 0) real.push(attempt)
      else if (testWaitsForTime) continue
      else if (isElsewhere || !realWork.sees) real.push(attempt)
      else if (owners.size === 0) nothing.push(attempt)
    }
    return { computing, real, nothing }
  }

  /** Waits for these no more, until they have got on. */
  giveUp(attempts: readonly RunningAttempt[]): void {
    for (const { call } of attempts) this.#givenUp.set(call, call.progress)
  }

  /** What is open of a call, each kind once. */
  openOf(call: Call): string[] {
    return [...new Set(realWork.open().flatMap((each) => (each.call === call ? [each.type] : [])))]
  }

  /** Even a handler that waits for the virtual time as well is not passed while it has such a thing. */
  #isCertain({ state, delay }: OpenResource): boolean {
    return state === 'works' && delay <= this.#patience
  }

  /** A handler may wait for what another began, or the test; not for every timer of the test runner. */
  #mayEndOthers(open: OpenResource): boolean {
    if (!open.referenced || open.type === 'Immediate') return false
    return open.type === 'Timeout' ? this.#isCertain(open) : true
  }
}
