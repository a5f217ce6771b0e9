import { type Bus, createBus, handler, PermanentError, type Transport } from '@tidings/bus'
import { type Duration, isTidingsError, milliseconds } from '@tidings/core'
import { type DefinedEvent, defineEvent } from '@tidings/events'
import { z } from 'zod'
import { LoadBook } from './load-book.ts'

/** What {@link faultLoad} takes. */
export interface FaultLoadOptions {
  /** A way to the broker, always the same broker. Called once for each of the buses. */
  transport(): Transport
  /** Disturbs the broker, the network or whatever is to fail, and mends it; `round` counts from 0. */
  fault(round: number): Promise<void>
  /** How many faults, one after the other. */
  readonly rounds: number
  /** The event type, whose last part names the group, so that loads on one broker keep apart. Default `load.counted`. */
  readonly type?: string | undefined
  /** Default 100, each with a key of its own, over four buses. */
  readonly publishers?: number | undefined
  /** Buses that share the group. Default 2. */
  readonly members?: number | undefined
  /** Between an event's confirm and the next event of its publisher. Default `'20ms'`. */
  readonly pause?: Duration | undefined
  /** Before the first fault, so that the broker has what it needs to survive it. Default `'1s'`. */
  readonly before?: Duration | undefined
  /** Between two faults at most; half of it at least. Default `'1s'`. */
  readonly between?: Duration | undefined
  /** For all that is confirmed to arrive, and for the dead letters to come back, behind the last fault. Default `'60s'`. */
  readonly within?: Duration | undefined
}

/** What came of a load. All is well when the three lists are empty. */
export interface FaultLoadReport {
  readonly rounds: number
  readonly confirmed: number
  readonly handled: number
  /** Were given up by their handler, and came back when the dead letters were replayed. */
  readonly deadLettered: number
  readonly handledAgain: number
  /** Publishes that nobody knew the outcome of, by the codes of their errors; each was made again. */
  readonly publishedAgain: Readonly<Record<string, number>>
  /** Confirmed events that were neither handled nor given up in time. */
  readonly missing: readonly string[]
  /** Confirmed events that were given up, and are no dead letters. */
  readonly lostLetters: readonly string[]
  /** Events that came behind a later one of their key; empty where the transport keeps no order. */
  readonly outOfOrder: readonly string[]
}

/**
 * Publishes and handles all the while that faults happen, and says what came of it: every confirmed event must be handled
 * or dead-lettered, in the order of its key, however often the broker is killed. One event in twenty is given up by its
 * handler, one in thirty fails once; behind the last fault all dead letters are replayed.
 *
 * Rejects with what a fault or an unknown failure of a publish throws; the buses are closed then too.
 *
 * @example
 * const report = await faultLoad({
 *   transport: () => myTransport({ port: broker.port }),
 *   rounds: 20,
 *   async fault() {
 *     await broker.kill()
 *     await broker.start()
 *   },
 * })
 * console.log(faultLoadLine(report))
 */
export async function faultLoad(options: FaultLoadOptions): Promise<FaultLoadReport> {
  const { rounds, type = 'load.counted', publishers = 100, members = 2 } = options
  const between = milliseconds(options.between ?? '1s', 'between')
  const load = new Load(type, publishers, milliseconds(options.pause ?? '20ms', 'pause'))
  const within = milliseconds(options.within ?? '60s', 'within')
  const { ordering, delay } = options.transport().capabilities
  const buses: Bus[] = []
  const start = async (handlers: readonly ReturnType<typeof handler>[]): Promise<Bus> => {
    const bus = await createBus({ source: '/load', transport: options.transport(), handlers, log: false })
    buses.push(bus)
    return bus
  }
  try {
    const work = load.handler(ordering === 'none' ? 'none' : 'per-key', delay)
    for (let member = 0; member < members; member++) await start([work])
    const lines: Bus[] = []
    for (let line = 0; line < Math.min(4, publishers); line++) lines.push(await start([]))
    const stop = new AbortController()
    const publishing = Promise.all(
      Array.from({ length: publishers }, (_, key) => load.publish(lines[key % lines.length]!, key, stop.signal)),
    )
    // Whatever fails first is told, and what fails behind it has been.
    publishing.catch(() => stop.abort())
    try {
      await pauseFor(milliseconds(options.before ?? '1s', 'before'), stop.signal)
      for (let round = 0; round < rounds && !stop.signal.aborted; round++) {
        if (round > 0) await pauseFor(between * (0.5 + Math.random() / 2), stop.signal)
        await options.fault(round)
      }
      await pauseFor(between, stop.signal)
    } finally {
      stop.abort()
      await publishing
    }
    const { book } = load
    const until = performance.now() + within
    while (book.missing.length > 0 && performance.now() < until) await pauseFor(200)
    const outOfOrder = ordering === 'none' ? [] : [...book.outOfOrder]
    const { handled, handledAgain, missing } = book
    await load.replay(buses[0]!, within)
    const { confirmed, replayed: deadLettered, lostLetters } = book
    const publishedAgain = Object.fromEntries(load.publishedAgain)
    return {
      rounds,
      confirmed,
      handled,
      deadLettered,
      handledAgain,
      publishedAgain,
      missing,
      lostLetters,
      outOfOrder,
    }
  } finally {
    await Promise.all(buses.map((bus) => bus.close()))
  }
}

/** The counts of a report in a line, for the log. */
export function faultLoadLine(report: FaultLoadReport): string {
  const { rounds, confirmed, handled, deadLettered, handledAgain, publishedAgain, missing, lostLetters, outOfOrder } =
    report
  const again = Object.entries(publishedAgain).map(([code, times]) => `${times} ${code}`)
  return [
    `${rounds} faults: ${confirmed} confirmed, ${handled} handled, ${deadLettered} dead letters`,
    `${handledAgain} handled again`,
    `published again: ${again.join(' and ') || 'none'}`,
    `${missing.length} missing, ${lostLetters.length} dead letters lost, ${outOfOrder.length} out of order`,
  ].join('; ')
}

type Counted = z.ZodObject<{ key: z.ZodInt; number: z.ZodInt }>

/** Who publishes, and who handles. */
class Load {
  readonly book: LoadBook
  readonly publishedAgain: Map<string, number> = new Map()
  readonly #event: DefinedEvent<string, Counted>
  readonly #pause: number
  /** Those that are to fail once, and did. */
  readonly #failed = new Set<string>()
  #isReplaying = false

  constructor(type: string, publishers: number, pause: number) {
    this.book = new LoadBook(publishers)
    this.#event = defineEvent(type, {
      schema: z.object({ key: z.int(), number: z.int() }),
      key: ({ key }) => String(key),
    })
    this.#pause = pause
  }

  handler(ordering: 'per-key' | 'none', delay: boolean): ReturnType<typeof handler> {
    const group = this.#event.type.split('.').at(-1)!
    const retry = { attempts: delay || ordering === 'per-key' ? 3 : 1, delay: '20ms' } as const
    return handler(this.#event, { group, ordering, concurrency: 50, retry }, ({ data: { key, number } }) => {
      if (this.#isReplaying) return this.book.replay(key, number)
      if (number % 20 === 19) {
        this.book.decline(key, number)
        throw new PermanentError('one event in twenty is given up')
      }
      const name = `${key} ${number}`
      if (number % 30 === 7 && !this.#failed.has(name)) {
        this.#failed.add(name)
        throw new Error('one event in thirty fails once')
      }
      this.book.handle(key, number)
    })
  }

  /** One event after the other; one of which nobody knows is published again, under its id. */
  async publish(bus: Bus, key: number, stop: AbortSignal): Promise<void> {
    for (let number = 0; !stop.aborted; number++) {
      const event = this.#event.create({ key, number }, { source: '/load' })
      while (!(await this.#isConfirmed(bus.publish(event, { timeout: '30s' })))) if (stop.aborted) return
      this.book.confirm(key)
      await pauseFor(this.#pause, stop)
    }
  }

  async #isConfirmed(published: Promise<unknown>): Promise<boolean> {
    try {
      await published
      return true
    } catch (error) {
      if (!isTidingsError(error) || error.code === 'BUS_CLOSED') throw error
      this.publishedAgain.set(error.code, (this.publishedAgain.get(error.code) ?? 0) + 1)
      return false
    }
  }

  /** Has the dead letters come back to their group, until each that there must be has come. */
  async replay(bus: Bus, within: number): Promise<void> {
    this.#isReplaying = true
    const { groups } = await bus.health()
    const until = performance.now() + within
    while (this.book.lostLetters.length > 0 && performance.now() < until) {
      await bus.deadLetters.replay({ group: groups[0]!.group }, { rate: Infinity })
      const { replayed } = this.book
      await pauseFor(500)
      // Those of the last replay are on their way.
      while (this.book.replayed > replayed && this.book.lostLetters.length > 0) await pauseFor(200)
    }
  }
}

function pauseFor(time: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, time)
    signal?.addEventListener('abort', done)
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
  })
}
