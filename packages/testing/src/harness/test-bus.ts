import {
  type Bus,
  type BusOptions,
  type Clock,
  createBus,
  type DeadLetter,
  type DeadLetterFilter,
  memory,
  type Observer,
} from '@tidings/bus'
import { type Duration, milliseconds } from '@tidings/core'
import type { AnyDefinedEvent, EventOf, TidingsEvent } from '@tidings/events'
import { AskedInboxes } from './asked-inboxes.ts'
import { type Attempt, AttemptLog, type RunningAttempt } from './attempt-log.ts'
import { HandlerWaits } from './handler-waits.ts'
import { LastFailure } from './last-failure.ts'
import { type LoggedLine, logInto } from './logged.ts'
import { OrderedFailures } from './ordered-failures.ts'
import { realWork } from './real-work.ts'
import { Rest, type SettledOptions } from './rest.ts'
import {
  handMovedClock,
  type HandMovedClock,
  theBus,
  type VirtualClock,
  type VirtualClockOptions,
} from './virtual-clock.ts'

/** What {@link testBus} takes: what `createBus` takes, and nothing is required. */
export interface TestBusOptions extends Partial<Omit<BusOptions, 'clock'>> {
  /** When the virtual time begins. Default 2026-01-01, UTC. */
  readonly start?: VirtualClockOptions['start']
  /**
   * Real time for which a handler may wait for something real without getting on, before virtual time passes its
   * `timeout`. Shorten it to test a handler that something real never answers. Default `'4s'`: less than the 5 s that
   * Vitest and Jest give a test, so that the test can still say why.
   */
  readonly patience?: Duration | undefined
}

/** A bus under test, with virtual time, and with all that happened. */
export interface TestBus extends AsyncDisposable {
  readonly bus: Bus
  /** As `bus.publish`. */
  readonly publish: Bus['publish']
  readonly request: Bus['request']
  /** The time of the bus. `advance` also waits for the handlers that run between two timers. */
  readonly clock: VirtualClock
  /**
   * The next calls of a group's handlers, or of the handler of that name, throw instead of running. Default: one call,
   * and an error that says so.
   *
   * @throws TidingsError `INVALID_ARGUMENT` where there is no such group or handler
   */
  failNext(groupOrHandler: string, error?: Error): void
  failNext(groupOrHandler: string, times: number, error?: unknown): void
  /**
   * Resolves when nothing runs, waits or is ready any more. Virtual time passes on the way, through retries, delays and
   * timeouts, without waiting. A handler that waits for something real (a request, a file, the thread pool, a worker) is
   * waited for, as long as `patience` allows; one that has nothing real under way waits for the time, so its `timeout`
   * passes at once.
   *
   * @throws NotSettledError when it does not come to rest; the message names what goes on
   */
  settled(options?: SettledOptions): Promise<void>
  /** Calls of the handlers that `testBus` was given, in order; of one group or handler where it is given. */
  attempts<Definition extends AnyDefinedEvent>(
    definition: Definition,
    groupOrHandler?: string,
  ): readonly Attempt<EventOf<Definition>>[]
  /** Events that a handler has handled, once for each handler that did. */
  handled<Definition extends AnyDefinedEvent>(
    definition: Definition,
    groupOrHandler?: string,
  ): readonly EventOf<Definition>[]
  /** Events that the broker has confirmed, in order, those that handlers published included. */
  published<Definition extends AnyDefinedEvent>(definition: Definition): readonly EventOf<Definition>[]
  deadLetters(filter?: DeadLetterFilter): Promise<readonly DeadLetter[]>
  /**
   * What was logged: by handlers, and by the bus of each attempt that failed, in the handler or outside (an inbox, a
   * middleware, an event that cannot be read). Empty where you gave a `log` of your own, which is told instead.
   */
  logged(): readonly LoggedLine[]
  /** Closes the bus; a handler that does not end is given up when its virtual time is up. Idempotent. */
  close(): Promise<void>
}

/**
 * A bus for the tests of handlers: with `memory()`, virtual time and no jitter where you name nothing else, and nothing
 * on the console.
 *
 * @example
 * await using t = await testBus({ handlers: [billing] })
 * t.failNext('billing', 2)
 * await t.publish(OrderPlaced, sample(OrderPlaced))
 * await t.settled()
 * expect(t.attempts(OrderPlaced, 'billing').length).toBe(3)
 */
export async function testBus(options: TestBusOptions = {}): Promise<TestBus> {
  const {
    start,
    handlers = [],
    observer = [],
    inbox,
    transport = memory(),
    patience: given = '4s',
    ...others
  } = options
  const patience = milliseconds(given, 'patience')
  const rest = { calm: async (): Promise<void> => {} }
  const clock = handMovedClock({ start, between: () => rest.calm() }, () => realWork.call)
  const timers = new CountingClock(clock)
  const failures = new OrderedFailures(handlers)
  const attempts = new AttemptLog(() => clock.now(), failures)
  const lines: LoggedLine[] = []
  const log = options.log ?? logInto(lines)
  const failed = new LastFailure()
  const inboxes = new AskedInboxes((call, error) =>
    failed.note(call === 'settle' ? 'a settlement' : `${call}() of the inbox`, error),
  )
  const published: TidingsEvent[] = []
  const stopWatching = realWork.watch()
  const bus = await createBus({
    source: '/test',
    random: () => 0,
    ...others,
    transport: inboxes.behind(transport),
    ...(inbox === undefined ? {} : { inbox: inboxes.follow(inbox) }),
    handlers: handlers.map((each) => attempts.wrap(each)),
    clock: timers,
    log,
    // The harness knows what happened before the test is told.
    observer: [noting(attempts, published, failed), ...[observer].flat()],
  }).catch((error: unknown) => {
    stopWatching()
    throw error
  })
  let publishing = 0
  let changes = 0
  /** The same call on the bus, counted while it is under way. */
  const following =
    (method: 'publish' | 'request') =>
    async (...args: unknown[]): Promise<never> => {
      publishing++
      changes++
      try {
        // What the overloads say of the types, they say to the caller.
        return await (bus[method] as (...args: unknown[]) => Promise<never>).apply(bus, args)
      } finally {
        publishing--
        changes++
      }
    }
  const running = (): readonly RunningAttempt[] => attempts.running()
  const watched = new Rest({
    bus,
    clock,
    log: log === false ? logInto([]) : log,
    patience,
    running,
    waits: new HandlerWaits(clock, running, patience),
    foreignTimers: () => clock.timers - timers.count,
    publishing: () => publishing,
    asked: () => inboxes.pending,
    lastFailure: () => failed.inWords,
    changes: () => changes + inboxes.changes + attempts.changes + published.length + timers.changes,
  })
  rest.calm = () => watched.calm()
  const close = async (): Promise<void> => {
    const closing = bus.close()
    while ((await bus.health()).status !== 'closed') {
      await watched.calm()
      if (clock.next !== undefined) await clock.advance(clock.next - clock.now())
    }
    await closing
    stopWatching()
  }
  return {
    bus,
    clock,
    publish: following('publish'),
    request: following('request'),
    failNext: (target: string, times: number | Error = 1, error?: unknown) =>
      typeof times === 'number' ? failures.order(target, times, error) : failures.order(target, 1, times),
    settled: (settledOptions = {}) => watched.settled(settledOptions),
    attempts: (definition, target) => attempts.of(definition, target),
    handled: (definition, target) =>
      attempts
        .of(definition, target)
        .filter(({ outcome }) => outcome === 'handled')
        .map(({ event }) => event),
    published: <Definition extends AnyDefinedEvent>({ type }: Definition) =>
      // One definition made all events of a type.
      published.filter((event) => event.type === type) as EventOf<Definition>[],
    deadLetters: async (filter) => {
      const letters: DeadLetter[] = []
      for await (const letter of bus.deadLetters.list(filter)) letters.push(letter)
      return letters
    },
    logged: () => lines,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The clock that the bus is given, so that its timers can be told from those of handlers and tests. */
class CountingClock implements Clock {
  readonly #clock: HandMovedClock
  count = 0
  changes = 0

  constructor(clock: HandMovedClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  after(delay: number, callback: () => void): () => void {
    this.count++
    this.changes++
    let waits = true
    const ended = (): boolean => {
      if (!waits) return false
      waits = false
      this.count--
      this.changes++
      return true
    }
    const cancel = this.#clock.after(
      delay,
      () => {
        if (ended()) callback()
      },
      theBus,
    )
    return () => {
      if (ended()) cancel()
    }
  }
}

/** Notes what happens. */
function noting(attempts: AttemptLog, published: TidingsEvent[], failures: LastFailure): Observer {
  return {
    published: (event) => void published.push(event),
    handled: (delivery) => attempts.handled(delivery),
    failed(delivery) {
      attempts.failed(delivery, delivery.error)
      failures.note(`an attempt of group "${delivery.group}"`, delivery.error)
    },
  }
}
