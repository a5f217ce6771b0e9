import {
  type AnyHandler,
  type BatchContext,
  type Bus,
  createBus,
  type HandlerLog,
  type Inbox,
  keyOf,
  type Message,
  type Observer,
} from '@tidings/bus'
import { milliseconds } from '@tidings/core'
import { isThenable } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import type { Chance } from '../harness/chance.ts'
import type { ProcessTools, Simulated } from './app.ts'
import type { SimulatedBroker, Stage } from './broker.ts'
import { simulatedTransport } from './connection.ts'
import { lateness } from './decisions.ts'
import { Life, never } from './life.ts'
import { markingInbox } from './marking-inbox.ts'

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
    const { timeline, trace } = this.#stage
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
    const { handlers = [], inbox, ...others } = started
    trace.knowGroups(handlers.map(({ group }) => group))
    bus = await createBus({
      ...others,
      source,
      transport: simulatedTransport(this.#stage, this.#broker, life, 'process'),
      handlers: handlers.map((each) => this.#wrap(each, life)),
      ...(inbox === undefined ? {} : { inbox: this.#marking(inbox, life) }),
      observer: this.#observer(life, handlers),
      log: silent,
      clock: life.clock,
      random: () => this.#by.next(),
    })
  }

  /** What is no inbox is left as it is, for `createBus` to refuse. */
  #marking(inbox: Inbox, life: Life): Inbox {
    const given: Partial<Inbox> | null = inbox
    const isInbox = typeof given?.has === 'function' && typeof given.add === 'function'
    return isInbox ? markingInbox(inbox, this.#stage, this.#broker, life) : inbox
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
    }
  }

  #wrap(handler: AnyHandler, life: Life): AnyHandler {
    if (!handler.batch) {
      const handle = (event: TidingsEvent, context: never): unknown =>
        this.#call(handler, [event], life, () => handler.handle(event, context))
      return { ...handler, handle }
    }
    const handle = (events: readonly TidingsEvent[], context: BatchContext): unknown => {
      const failed = new Set<TidingsEvent>()
      const fail = (event: TidingsEvent, error: unknown): void => {
        failed.add(event)
        context.fail(event, error)
      }
      const noting: BatchContext = Object.create(context, { fail: { value: fail } }) as BatchContext
      return this.#call(handler, events, life, () => handler.handle(events, noting), failed)
    }
    return { ...handler, handle }
  }

  /** `failed`: the events of a batch that its handler marks so. */
  #call(
    { group, policy }: AnyHandler,
    events: readonly TidingsEvent[],
    life: Life,
    handle: () => unknown,
    failed: ReadonlySet<TidingsEvent> = new Set(),
  ): unknown {
    // Dead at its last ack, the bus would go on with what it holds.
    if (life.dead) return never()
    const { decisions, trace, ledger } = this.#stage
    const names = events.map(({ id }) => trace.nameOfId(id)).join(', ')
    const [first] = events
    const ordered = policy.ordering === 'per-key'
    let call = 0
    for (const { id, subject, extensions } of events) {
      const key = ordered ? keyOf({ attributes: { ...extensions, subject } as never }) : undefined
      call = ledger.begins(group, id, key)
    }
    const fate = decisions.at('handle', () => `${group} ${names}.${call}`)
    const about = trace.nameOfId(first!.id)
    if (fate === 'fail-before') {
      trace.say(() => `${group} fails before it handles ${names}`, about, true)
      throw new Error('simulated: the handler fails before it runs')
    }
    life.running++
    life.changes++
    const ends = (): void => {
      life.running--
      life.changes++
    }
    const succeeds = (): void => {
      ends()
      for (const event of events) if (!failed.has(event)) ledger.reachesEnd(group, event.id)
      if (life.dead) return
      if (fate === 'fail-after') {
        trace.say(() => `${group} has done its work on ${names}, and fails`, about, true)
        throw new Error('simulated: the handler fails after it has run')
      }
      trace.say(() => `${group} has handled ${names}`, about)
      for (const event of events) if (!failed.has(event)) ledger.completes(group, event)
    }
    const fails = (error: unknown): never => {
      ends()
      if (!life.dead) trace.say(() => `${group} throws at ${names}: ${String(error)}`, about)
      throw error
    }
    let result: unknown
    try {
      result = handle()
    } catch (error) {
      return fails(error)
    }
    if (isThenable(result)) return Promise.resolve(result).then(succeeds, fails)
    return succeeds()
  }

  /** What the bus says that it left out counts only where that may be. */
  #observer(life: Life, handlers: readonly AnyHandler[]): Observer {
    const { ledger, trace, timeline } = this.#stage
    const discarding = new Set(
      handlers.flatMap(({ group, policy }) => (policy.deadLetter === 'discard' ? [group] : [])),
    )
    const leavesOut = (message: Message, group: string, how: string, may: boolean): void => {
      if (life.dead) return
      if (may) ledger.givesUp(trace.group(group), String(message.attributes['id']))
      trace.say(() => `${trace.group(group)} ${how} ${trace.nameOf(message)}`, trace.nameOf(message))
    }
    return {
      published: (event) => void ledger.published.push(event),
      duplicate: ({ message, group }) => {
        leavesOut(message, group, 'has handled before, and leaves out,', false)
        if (!life.dead) ledger.leavesOut(trace.group(group), String(message.attributes['id']))
      },
      expired: ({ message, group }) => {
        const expiry = Date.parse(String(message.attributes['expirytime']))
        leavesOut(message, group, 'leaves out the expired', expiry <= timeline.now())
      },
      discarded: ({ message, group }) => {
        leavesOut(message, group, 'discards', discarding.has(trace.group(group)))
      },
      deadLettered: ({ message, group }) => leavesOut(message, group, 'gives up', false),
    }
  }
}
