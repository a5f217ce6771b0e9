import {
  type AnyHandler,
  type BatchContext,
  type Bus,
  createBus,
  type DeadLetter,
  type HandlerLog,
  type Inbox,
  keyOf,
  type Observer,
} from '@tidings/bus'
import { milliseconds } from '@tidings/core'
import { isThenable } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { Chance } from '../harness/chance.ts'
import type { Call } from './account.ts'
import type { ProcessTools, Simulated } from './app.ts'
import type { SimulatedBroker, Stage } from './broker.ts'
import { simulatedTransport } from './connection.ts'
import { lateness } from './decisions.ts'
import { Life, never } from './life.ts'
import { markingInbox } from './marking-inbox.ts'
import { noting, notingBatch } from './noting.ts'

export const source = '/simulated'
/** Milliseconds from the end of a process to the beginning of the next one. */
const downtime = 100

export const silent: HandlerLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** The process of the application: one after the other, each with nothing of the one before. */
export class SimulatedProcess<World> {
  crashes = 0
  /** Why it could not be started. */
  failure: { readonly error: unknown } | undefined
  life: Life | undefined
  readonly #stage: Stage
  readonly #broker: SimulatedBroker
  readonly #app: Simulated<World>
  readonly #world: World
  readonly #by: Chance
  #pauses = 0

  constructor(stage: Stage, broker: SimulatedBroker, app: Simulated<World>, world: World, by: Chance) {
    this.#stage = stage
    this.#broker = broker
    this.#app = app
    this.#world = world
    this.#by = by
  }

  async start(): Promise<void> {
    const { timeline, trace, ledger } = this.#stage
    let bus: Bus | undefined
    const startAgain = (): void => {
      timeline.after(downtime, () => {
        trace.say(() => 'the process starts again')
        this.start().catch((error: unknown) => {
          this.failure = { error }
        })
      })
    }
    const life = new Life(
      timeline,
      () => {
        this.crashes++
        // What runs at this moment comes to its next await first.
        timeline.after(0, () => {
          this.#broker.disconnect(life)
          startAgain()
        })
      },
      () => {
        const closing = bus
        bus = undefined
        void closing?.close().then(() => {
          trace.say(() => 'the process has closed')
          startAgain()
        })
      },
    )
    this.life = life
    const started = await this.#app.start(this.#world, this.#tools(life))
    const { handlers = [], inbox, transport: wrap = (simulated) => simulated, ...others } = started
    trace.knowGroups(handlers.map(({ group }) => group))
    ledger.begin(handlers, inbox !== undefined)
    bus = await createBus({
      ...others,
      source,
      transport: wrap(simulatedTransport(this.#stage, this.#broker, life, 'process')),
      handlers: handlers.map((each) => this.#wrap(each, life)),
      ...(inbox === undefined ? {} : { inbox: this.#marking(inbox, life) }),
      observer: this.#observer(life),
      log: silent,
      clock: life.clock,
      random: () => this.#by.next(),
    })
  }

  /** What is no inbox is left as it is, for `createBus` to refuse. */
  #marking(inbox: Inbox, life: Life): Inbox {
    const given: Partial<Inbox> | null = inbox
    const isInbox = typeof given?.has === 'function' && typeof given.add === 'function'
    return isInbox ? markingInbox(inbox, this.#stage, life) : inbox
  }

  #tools(life: Life): ProcessTools {
    const { decisions, trace } = this.#stage
    return {
      clock: life.ownClock,
      random: () => this.#by.next(),
      pause: (duration = 0) => {
        if (life.dead) return never()
        const number = this.#pauses++
        const fate = decisions.at('pause', () => String(number))
        if (fate === 'crash') {
          trace.say(() => 'the process dies in a pause', undefined, true)
          life.crash()
          return never()
        }
        return life.wait(milliseconds(duration, 'duration') + lateness(fate))
      },
      die: () => {
        if (!life.dead) trace.say(() => 'the process ends itself')
        life.crash()
        return never()
      },
    }
  }

  /** What a handler does, in the books. */
  #wrap(handler: AnyHandler, life: Life): AnyHandler {
    const { ledger } = this.#stage
    if (!handler.batch) {
      const handle = (event: TidingsEvent, context: never): unknown =>
        this.#call(handler, [event], life, ([call]) => handler.handle(event, noting(ledger.effects, context, call!)))
      return { ...handler, handle }
    }
    const handle = (events: readonly TidingsEvent[], context: BatchContext): unknown => {
      const failed = new Set<TidingsEvent>()
      const fail = (event: TidingsEvent, error: unknown): void => {
        failed.add(event)
        context.fail(event, error)
      }
      const handling = (calls: readonly Call[]): unknown =>
        handler.handle(events, notingBatch(ledger.effects, { ...context, fail }, events, calls))
      return this.#call(handler, events, life, handling, failed)
    }
    return { ...handler, handle }
  }

  /** `failed`: the events of a batch that its handler marks so. */
  #call(
    handler: AnyHandler,
    events: readonly TidingsEvent[],
    life: Life,
    handle: (calls: readonly Call[]) => unknown,
    failed: ReadonlySet<TidingsEvent> = new Set(),
  ): unknown {
    // Dead at its last settlement, the bus would go on with what it holds.
    if (life.dead) return never()
    const { group, policy } = handler
    const { decisions, trace, ledger, timeline } = this.#stage
    const names = events.map(({ id }) => trace.nameOfId(id)).join(', ')
    const ordered = policy.ordering === 'per-key'
    const calls = events.map(({ id, subject, extensions }) => {
      const key = ordered ? keyOf({ attributes: { ...extensions, subject } as never }) : undefined
      return ledger.begins(handler, id, key)
    })
    const fate = decisions.at('handle', () => `${group} ${names}.${calls.at(-1)!.number}`)
    const about = trace.nameOfId(events[0]!.id)
    const begun = timeline.now()
    const throwing = (error: Error): never => {
      // Later than that its attempt had failed already.
      const isInTime = timeline.now() - begun < policy.timeout
      if (isInTime) for (const { id } of events) ledger.fails(group, id, error, timeline.now())
      throw error
    }
    if (fate === 'fail-before') {
      trace.say(() => `${group} fails before it handles ${names}`, about, true)
      return throwing(new Error('simulated: the handler fails before it runs'))
    }
    life.running++
    life.changes++
    const ends = (): void => {
      life.running--
      life.changes++
    }
    const succeeds = (): void => {
      ends()
      const good = [...events.entries()].filter(([, event]) => !failed.has(event))
      for (const [at] of good) calls[at]!.ended = true
      if (life.dead) return
      if (fate === 'fail-after') {
        trace.say(() => `${group} has done its work on ${names}, and fails`, about, true)
        throwing(new Error('simulated: the handler fails after it has run'))
      }
      trace.say(() => `${group} has handled ${names}`, about)
      for (const [at, event] of good) {
        calls[at]!.succeeded = true
        ledger.completes(group, event)
      }
    }
    const fails = (error: unknown): never => {
      ends()
      if (life.dead) throw error
      trace.say(() => `${group} throws at ${names}: ${String(error)}`, about)
      return throwing(error as Error)
    }
    let result: unknown
    try {
      result = handle(calls)
    } catch (error) {
      return fails(error)
    }
    if (isThenable(result)) return Promise.resolve(result).then(succeeds, fails)
    return succeeds()
  }

  #observer(life: Life): Observer {
    const { ledger, trace } = this.#stage
    const leavesOut = ({ message, group }: Pick<DeadLetter, 'message' | 'group'>, how: string): void => {
      if (!life.dead) trace.say(() => `${trace.group(group)} ${how} ${trace.nameOf(message)}`, trace.nameOf(message))
    }
    return {
      published: (event) => ledger.confirms(event),
      duplicate: (delivery) => leavesOut(delivery, 'has handled before, and leaves out,'),
      expired: (delivery) => leavesOut(delivery, 'leaves out the expired'),
      discarded: (delivery) => leavesOut(delivery, 'discards'),
      deadLettered: (letter) => leavesOut(letter, `gives up, since ${letter.error?.message ?? letter.reason},`),
    }
  }
}
