import {
  type Bus,
  type BusOptions,
  createBus,
  type HandlerLog,
  type Message,
  systemClock,
  type Transport,
} from '@tidings/bus'
import type { Connection, ConnectionState, Delivery, GroupRequest, Settled, Settlement } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { ConformanceError, type Expect, expectations, shown } from './expect.ts'
import { fitting } from './fitting.ts'
import type { ResolvedKit } from './kit.ts'
import { Member, type React } from './member.ts'
import { type Draft, messageOf } from './message.ts'
import { over } from '@tidings/core/tools'
import { Steps } from './steps.ts'
import { tracedKit } from './traced-kit.ts'

/** A connection, with what it told. */
export interface Line extends Connection {
  readonly states: readonly ConnectionState[]
  readonly unroutable: readonly Message[]
}

/** The stage of one case: names that nobody else has, and everything that it opens, closed behind it. */
export class Scene {
  readonly id: string
  readonly kit: ResolvedKit
  readonly expect: Expect
  readonly full: boolean
  readonly #run: string
  readonly #open: { close(): Promise<unknown> }[] = []
  readonly #failures: unknown[] = []
  readonly #steps = new Steps()
  #count = 0

  constructor(id: string, kit: ResolvedKit) {
    this.id = id
    this.kit = tracedKit(kit, this.#steps)
    const fail = this.failure.bind(this)
    this.expect = expectations(fail, kit.within, kit.quiet)
    this.full = kit.size === 'full'
    this.#run = `${id.toLowerCase()}-${Date.now().toString(36)}${Math.floor(Math.random() * 36 ** 5).toString(36)}`
  }

  /** The failure of this case: what was expected, what was seen, at which check, and behind which steps. */
  failure(what: string, seen: unknown, check?: number): ConformanceError {
    return new ConformanceError(this.id, {
      what: this.#steps.numbered(what),
      seen: this.#steps.numbered(shown(seen)),
      check,
      after: this.#steps.told(),
      cause: seen instanceof Error ? seen : undefined,
    })
  }

  /** How many, by the size of the run. */
  size(quick: number, full: number): number {
    return this.full ? full : quick
  }

  /** An event type that only this run of this case has. */
  type(name = 'happened'): string {
    return `conformance.${this.#run}.${name}`
  }

  /** The whole name of a group that only this run of this case has. */
  group(name = 'group'): string {
    return `${this.#run}.${name}`
  }

  /** The source of a bus that only this run of this case has. */
  source(name = 'app'): string {
    return `/${this.#run}-${name}`
  }

  message(draft: Draft = {}): Message {
    return messageOf({ type: this.type(), ...draft, number: ++this.#count, source: this.source() })
  }

  /** Several messages, in the order in which they are to be published. */
  messages(count: number, draft: (index: number) => Draft = () => ({})): Message[] {
    return Array.from({ length: count }, (_, index) => this.message(draft(index)))
  }

  async connect(transport: Transport = this.kit.transport()): Promise<Line> {
    const states: ConnectionState[] = []
    const unroutable: Message[] = []
    const connection = await this.expect.inTime(
      transport.connect({
        name: this.source(),
        clock: systemClock,
        onState: (state) => states.push(state),
        onUnroutable: (message) => unroutable.push(message),
      }),
      'connect() resolves',
    )
    this.#open.push(connection)
    // What a transport gives may be an instance with private fields: it is passed through, not copied.
    return new Proxy(connection, {
      get(target, key) {
        if (key === 'states') return states
        if (key === 'unroutable') return unroutable
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    }) as Line
  }

  /** Joins a group, by default the one for the type of `message()`; settles by `react`, by default each at once. */
  async join(connection: Connection, request: Partial<GroupRequest> = {}, react?: React): Promise<Member> {
    const whole: GroupRequest = {
      group: this.group(),
      types: [this.type()],
      prefetch: 10,
      ordered: false,
      from: 'latest',
      temporary: false,
      marks: false,
      ...request,
    }
    const member = new Member(react, (error) => this.#failures.push(error))
    const deliver = (delivery: Delivery): void => member.deliver(delivery)
    member.joined(await this.expect.inTime(connection.subscribe(whole, deliver), `subscribe(${whole.group}) resolves`))
    return member
  }

  /**
   * A bus on the transport under test. It logs to nobody, and is closed behind the case. Where the transport keeps no
   * order or no dead letters, none are asked for: a case that is about them says so in what it needs.
   */
  async bus(options: Partial<BusOptions> = {}): Promise<Bus> {
    const given = this.kit.bus
    const middleware = [...(given?.middleware ?? []), ...(options.middleware ?? [])]
    const { ordering, deadLetters } = this.kit.about.capabilities
    const { handlers = [] } = options
    const bus = await this.expect.inTime(
      createBus({
        source: this.source(),
        transport: this.kit.transport(),
        log: silent,
        ...given,
        ...options,
        handlers: handlers.map((handler) => fitting(handler, this.kit.about.capabilities)),
        middleware,
      }),
      'createBus() resolves',
    )
    this.#open.push({ close: () => bus.close({ timeout: 1000 }) })
    const less = {
      ...(ordering === 'none' ? { ordering } : {}),
      ...(deadLetters === 'none' ? ({ deadLetter: 'discard' } as const) : {}),
    }
    return over(bus, { events: (key, pulling) => bus.events(key, { ...pulling, ...less }) })
  }

  /** Publishes one after the other, as one caller does. */
  async publish(connection: Connection, messages: readonly Message[]): Promise<void> {
    for (const message of messages) {
      await this.expect.inTime(Promise.resolve(connection.publish({ message })), 'publish() resolves')
    }
  }

  /**
   * Publishes all at once: the order of the calls is that of the messages, and those who handle them have something to
   * overtake each other with, however slowly the broker confirms.
   */
  async publishTogether(connection: Connection, messages: readonly Message[]): Promise<void> {
    const published = messages.map(async (message) => connection.publish({ message }))
    await this.expect.inTime(Promise.all(published), 'every publish() resolves')
  }

  /** Settles a delivery, as far as it can be in time. */
  settle(delivery: Delivery, settlement: Settlement): Promise<Settled> {
    return this.expect.inTime(
      Promise.resolve(delivery.settle(settlement)),
      `settling a delivery as ${settlement.as} resolves`,
    )
  }

  /** Waits until a member was handed so many, and gives the last one. */
  async delivered(member: Member, count: number, what = `${count} deliveries arrive`): Promise<Delivery> {
    await this.expect.eventually(
      () => member.deliveries.length >= count,
      what,
      () => member.ids,
    )
    return member.deliveries[count - 1]!
  }

  /**
   * Closes all that was opened, then takes away the groups that were made. What cannot be closed in time is a failure of
   * the case.
   */
  async close(): Promise<void> {
    await Promise.all(
      this.#open.splice(0).map(async (open) => {
        try {
          await this.expect.inTime(open.close(), 'close() resolves behind the case')
        } catch (error) {
          this.#failures.push(error)
        }
      }),
    )
    const groups = [...this.#steps.groups]
    if (groups.length === 0) return
    try {
      if (this.kit.removeGroups !== undefined) {
        await this.expect.inTime(this.kit.removeGroups(groups), 'removeGroups() resolves behind the case')
      } else if (this.kit.about.capabilities.groups) {
        await this.expect.inTime(this.#remove(groups), 'the groups of the case are taken away behind it')
      }
    } catch (error) {
      this.#failures.push(error)
    }
  }

  async #remove(groups: readonly string[]): Promise<void> {
    const ignore = (): void => {}
    const connection = await this.kit.transport().connect({
      name: this.source(),
      clock: systemClock,
      onState: ignore,
      onUnroutable: ignore,
    })
    try {
      for (const group of groups) {
        try {
          await connection.groups?.remove(group)
        } catch (error) {
          // Somebody may be in it that the case knows nothing of.
          if (!isTidingsError(error, 'GROUP_IN_USE')) throw error
        }
      }
    } finally {
      await connection.close()
    }
  }

  /** Throws the first thing that failed where nobody waited for it: in a settlement, or in closing. */
  throwFailures(): void {
    const [first] = this.#failures
    if (this.#failures.length === 0) return
    throw first instanceof ConformanceError ? first : this.failure('settling and closing do not fail', first)
  }
}

const silent: HandlerLog = { debug() {}, info() {}, warn() {}, error() {} }
