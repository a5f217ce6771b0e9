import type { Bus, GroupHealth, HandlerLog } from '@tidings/bus'
import { type Duration, TidingsError } from '@tidings/core'
import { milliseconds } from '@tidings/core'
import type { RunningAttempt } from './attempt-log.ts'
import type { HandlerWaits } from './handler-waits.ts'
import { activeResources, realNow, realPause, turns } from './real-turn.ts'
import { realWork } from './real-work.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface SettledOptions {
  /** Whether virtual time passes as far as something waits for it. Default true; else rest is what comes without it. */
  readonly advance?: boolean | undefined
  /** Timers that may run on the way. Default 10,000. */
  readonly maxTimers?: number | undefined
  /** Real time on the way, without the patience that was in vain. Default `'10s'`. */
  readonly timeout?: Duration | undefined
}

/** A bus did not come to rest within the bounds of `settled`. */
export class NotSettledError extends TidingsError<'NOT_SETTLED'> {
  override readonly name = 'NotSettledError'

  constructor(bound: string, goingOn: string) {
    super(
      'NOT_SETTLED',
      `the bus did not come to rest within ${bound}: ${goingOn}\n` +
        'What failed last may fail each time, events may cause each other without end, a handler may never return, ' +
        'or a timer may start itself anew: pass `{ advance: false }` where that is meant.',
    )
  }
}

/** What is watched for rest. */
export interface Watched {
  readonly bus: Bus
  readonly clock: VirtualClock
  /** Timers made by the test and its handlers, not by the bus. */
  readonly foreignTimers: () => number
  readonly running: () => readonly RunningAttempt[]
  readonly waits: HandlerWaits
  /** Real milliseconds for which something real may do nothing that can be seen. */
  readonly patience: number
  readonly log: HandlerLog
  readonly publishing: () => number
  /** What the inbox was asked, and has not answered yet. */
  readonly asked: () => number
  /** What failed last, in words. */
  readonly lastFailure: () => string | undefined
  /** Goes up with everything that happens. */
  readonly changes: () => number
}

/** Real milliseconds for what can be seen nowhere, before it counts as waiting for the time. */
const grace = 25
/** The same for the thread pool: it comes to its end, unless it reads what nobody writes. */
const computingPatience = 60_000

/** Brings a bus to rest, and tells when it is. */
export class Rest {
  readonly #watched: Watched
  readonly #resources: number
  /** Real milliseconds of patience that were in vain. */
  #inVain = 0
  /** Whether the real time of the `settled` that runs is over. */
  #isOver = (): boolean => false

  constructor(watched: Watched) {
    this.#watched = watched
    this.#resources = activeResources()
  }

  /** Resolves when nothing can happen before time passes. */
  async calm(): Promise<void> {
    const { changes } = this.#watched
    let before = -1
    let quiet = 0
    let since = realNow()
    while (quiet < 3 || (await this.#mayGoOn(since))) {
      const isLong = quiet > 20
      await realWork.unseen(() => (isLong ? realPause(1) : turns(1)))
      if (this.#isOver()) return
      const now = changes()
      if (now === before) {
        quiet++
        continue
      }
      before = now
      quiet = 0
      since = realNow()
    }
  }

  /** Rejects with {@link NotSettledError}. */
  async settled(options: SettledOptions): Promise<void> {
    const timeout = milliseconds(options.timeout ?? '10s', 'timeout')
    const begun = realNow() - this.#inVain
    const outer = this.#isOver
    const isOver = (): boolean => realNow() - this.#inVain - begun > timeout
    this.#isOver = isOver
    try {
      await this.#settle(options, timeout, isOver)
    } finally {
      this.#isOver = outer
    }
  }

  async #settle(
    { advance = true, maxTimers = 10_000 }: SettledOptions,
    timeout: number,
    isOver: () => boolean,
  ): Promise<void> {
    const { clock } = this.#watched
    for (let passed = 0; ; passed++) {
      await this.calm()
      if (isOver()) throw new NotSettledError(`${timeout}ms of real time`, await this.#goingOn())
      if (clock.next === undefined || !advance) break
      if (passed >= maxTimers) throw new NotSettledError(`${maxTimers} timers`, await this.#goingOn())
      await clock.advance(Math.max(0, clock.next - clock.now()))
    }
    const { groups } = await this.#watched.bus.health()
    const left = groups.some(isActive)
    if ((left || this.#watched.publishing() > 0) && clock.next === undefined) {
      throw new NotSettledError('any time', await this.#goingOn())
    }
  }

  /** Whether something real may still happen, where nothing has since then. */
  async #mayGoOn(since: number): Promise<boolean> {
    const { waits, patience, foreignTimers } = this.#watched
    const waited = realNow() - since
    const { computing, real, nothing } = waits.now()
    const bound = computing.length > 0 ? computingPatience : patience
    if (computing.length + real.length > 0) {
      if (waited < bound) return true
      this.#giveUp([...computing, ...real], waited)
    }
    if (nothing.length > 0 && waited < grace) return true
    return foreignTimers() === 0 && (await this.#isBusy()) && this.#isPatient(since)
  }

  #giveUp(attempts: readonly RunningAttempt[], waited: number): void {
    const { waits, log } = this.#watched
    for (const { handler, wholeGroup: group, attempt, event, call } of attempts) {
      const facts = { handler, group, type: event.type, id: event.id, attempt, open: waits.openOf(call) }
      log.warn(`a handler has not got on for ${Math.floor(waited)}ms of real time, so the virtual time goes on`, facts)
    }
    waits.giveUp(attempts)
    this.#inVain += waited
  }

  /** Whether something besides the handlers goes on, or is about to, that needs no time. */
  async #isBusy(): Promise<boolean> {
    const { bus, running, publishing, asked } = this.#watched
    if (publishing() > 0 || asked() > 0) return true
    const { groups } = await bus.health()
    const isRunning = running().length > 0
    // Where others are held, those that wait may wait behind them.
    return groups.some(({ held, running: now, waiting = 0 }) => (now > 0 && !isRunning) || (waiting > 0 && held === 0))
  }

  #isPatient(since: number): boolean {
    // An inbox that waits for no timer of the clock waits for something real, on a socket perhaps that was open before.
    const isReal = this.#watched.asked() > 0 || activeResources() > this.#resources
    return realNow() - since < (isReal ? this.#watched.patience : grace)
  }

  async #goingOn(): Promise<string> {
    const { bus, clock, running, waits, publishing, asked, lastFailure } = this.#watched
    const { groups } = await bus.health()
    const failure = lastFailure()
    const calls = running().map(({ handler, event, attempt, call }) => {
      const open = waits.openOf(call)
      return `${handler} runs attempt ${attempt} at ${event.type}${open.length > 0 ? `, with ${open.join(', ')} open` : ''}`
    })
    return [
      ...calls.slice(0, 5),
      ...(calls.length > 5 ? [`${calls.length - 5} more handlers run`] : []),
      ...groups.filter(isActive).map(groupInWords),
      ...(publishing() > 0 ? [`${publishing()} publishes wait for the broker`] : []),
      ...(asked() > 0 ? [`${asked()} questions wait for the inbox`] : []),
      ...(clock.timers > 0 ? [`${clock.timers} timers wait, the next one for ${clock.next! - clock.now()}ms`] : []),
      ...(failure === undefined ? [] : [`what failed last: ${failure}`]),
    ].join('; ')
  }
}

function isActive({ running, held, retrying, waiting = 0 }: GroupHealth): boolean {
  return running > 0 || held > 0 || retrying > 0 || waiting > 0
}

function groupInWords({ group, running, held, retrying, waiting = 0 }: GroupHealth): string {
  const retries = retrying > 0 ? `, ${retrying} waiting for a retry` : ''
  return `group "${group}" has ${running} running, ${held} held, ${waiting} waiting${retries}`
}
