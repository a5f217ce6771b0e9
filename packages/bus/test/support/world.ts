import { defineEvent } from '@tidings/events'
import { z } from 'zod'
import { type Bus, createBus, memory, memoryInbox, type Transport } from '../../src/index.ts'
import { heldRetries } from '../../src/delivery/job-queue.ts'
import { flapping } from './flapping.ts'
import { Ledger } from './ledger.ts'
import { logTransport } from './log-transport.ts'
import { ManualClock, quiet } from './recording-member.ts'
import { stepwise } from './stepwise.ts'
import {
  type Course,
  Free,
  Keyed,
  type Played,
  type Published,
  ScriptedHandlers,
  type Setting,
} from './scripted-handlers.ts'
import { logOfProblems } from './shop.ts'

/** One group on one broker, with a bus that comes and goes, and the book of what must hold. */
export class World {
  readonly clock: ManualClock = new ManualClock()
  readonly #setting: Setting
  readonly #ledger = new Ledger()
  readonly #broker: ReturnType<typeof flapping> | ReturnType<typeof logTransport>
  readonly #store = memory()
  readonly #inbox = memoryInbox({ clock: this.clock })
  readonly #replays = new AbortController()
  readonly #course: Course = { isUndisturbed: true, wasCut: false, buses: 0 }
  readonly #handlers: ScriptedHandlers
  #bus!: Bus
  /** Handler types that came later, each of which has the group joined again. */
  #joins = 0

  constructor(setting: Setting) {
    this.#setting = setting
    this.#broker = setting.transport === 'log' ? logTransport() : flapping(memory())
    this.#handlers = new ScriptedHandlers(setting, this.clock, this.#ledger, this.#course)
  }

  async open(): Promise<void> {
    const store = await this.#store.connect({ name: '/model', clock: this.clock, onState() {}, onUnroutable() {} })
    this.#course.buses++
    this.#bus = await createBus({
      source: '/model',
      transport: this.#transport(),
      clock: this.clock,
      random: () => 0,
      ...(this.#setting.transport === 'memory'
        ? {}
        : { deadLetters: this.#ledger.store(store.deadLetters!), inbox: this.#ledger.inbox(this.#inbox) }),
      log: logOfProblems((problem) => this.#problem(problem)),
      observer: {
        discarded: ({ message }) => {
          this.#ledger.of(message).discarded++
        },
      },
      handlers: [this.#handlers.handler(this.#course.buses)],
    })
  }

  /** By steps, so that the book sees the copies; or as the broker does it, in one commit. */
  #transport(): Transport {
    const seen = this.#ledger.transport(this.#broker.transport)
    return this.#setting.transport === 'queue' ? stepwise(seen) : seen
  }

  async publish({ key, turns, endings, troubles }: Published): Promise<void> {
    const { attempts } = this.#setting
    const n = this.#ledger.facts.length
    const course = endings.slice(0, attempts)
    const isGivenUp = course.includes('permanent') || course.length === attempts
    const fact: Played = {
      n,
      key,
      turns,
      endings: [...endings],
      expected: isGivenUp ? 'given-up' : 'handled',
      troubles: [...troubles],
      hasTroubles: troubles.length > 0,
      copies: new Set(),
      failures: 0,
      unparked: 0,
      isMarked: false,
      wasLost: false,
      handled: 0,
      isLetter: false,
      wasLetter: false,
      discarded: 0,
      isTwice: false,
    }
    this.#ledger.facts.push(fact)
    await this.#send(fact)
  }

  async publishAgain(index: number): Promise<void> {
    const fact = this.#facts[index % this.#facts.length]
    if (fact === undefined) return
    fact.isTwice = true
    this.#course.isUndisturbed = false
    await this.#send(fact)
  }

  async pass(milliseconds: number): Promise<void> {
    for (let part = 0; part < 4; part++) {
      this.clock.advance(milliseconds / 4)
      await quiet(3)
    }
  }

  /** Ends the bus, with so much time for its handlers, and begins another one. */
  async reopen(deadline: number): Promise<void> {
    this.#course.isUndisturbed = false
    await this.#close(deadline)
    await this.open()
  }

  async cut(): Promise<void> {
    this.#course.isUndisturbed = false
    this.#course.wasCut = true
    await this.#broker.cut()
  }

  async replay(turns: number): Promise<void> {
    this.#course.isUndisturbed = false
    const { signal } = this.#replays
    this.#bus.deadLetters.replay({}, { rate: Infinity, signal }).catch(() => {})
    await quiet(turns)
  }

  /** Another handler of the group, which therefore joins again. */
  async join(): Promise<void> {
    const type = `model.other${this.#joins++}`
    await this.#bus.subscribe(defineEvent(type, z.object({})), () => {}, this.#handlers.options).ready
  }

  /** What must hold at any time. */
  get problems(): readonly string[] {
    return [...new Set(this.#ledger.problems)]
  }

  /** Lets everything come to rest, and looks at what is left. */
  async finish(): Promise<void> {
    await quiet(3)
    // What waits for a replay that was marked and never sent waits for ten minutes.
    for (let i = 0; i < 700 && !(await this.#isAtRest()); i++) await this.pass(1000)
    this.#replays.abort()
    await this.pass(1000)
    if (!(await this.#isAtRest())) this.#problem(`no rest: ${JSON.stringify((await this.#bus.health()).groups)}`)
    for (const fact of this.#facts) this.#checkEnd(fact)
    this.#checkOrder()
    this.#checkHeld()
    await this.#close(10)
    this.#handlers.letGo()
    await quiet(3)
    if (this.clock.timers > 0) this.#problem(`${this.clock.timers} timers are left behind`)
  }

  get #facts(): readonly Played[] {
    return this.#ledger.facts as Played[]
  }

  async #send({ n, key }: Played): Promise<void> {
    const options = { id: String(n) }
    if (key === undefined) await this.#bus.publish(Free, { n }, options)
    else await this.#bus.publish(Keyed, { n, key }, options)
  }

  #checkEnd(fact: Played): void {
    const { n, expected, handled, isLetter, wasLetter, discarded } = fact
    if (handled === 0 && !isLetter && discarded === 0) this.#problem(`event ${n} is lost`)
    const mayDiffer = !this.#course.isUndisturbed || fact.isTwice || this.#setting.deadLetter === 'park-key'
    // What could not be parked is tried again, and may succeed then.
    if (mayDiffer || fact.unparked > 0) return
    const became = wasLetter || discarded > 0 ? 'given-up' : 'handled'
    const isHandled = handled > 0
    if (became !== expected || isHandled !== (became === 'handled')) {
      this.#problem(`event ${n} was to be ${expected}, and was ${became}, ${handled} times handled`)
    }
  }

  #checkOrder(): void {
    for (const [key, all] of this.#handlers.order) {
      // What was parked may come back whenever somebody replays it, unless its key waits for it.
      const keeps = this.#setting.deadLetter === 'park-key'
      const isGivenUp = (n: number): boolean => this.#facts[n]!.wasLetter || this.#facts[n]!.discarded > 0
      const order = all.filter((n) => keeps || !isGivenUp(n))
      const isKept = order.every((n, i) => i === 0 || n > order[i - 1]!)
      if (!isKept) this.#problem(`the order of ${key} is ${order.join()}`)
    }
  }

  #checkHeld(): void {
    const { prefetch, transport, batch } = this.#setting
    const { mostHeld, mostFresh } = this.#ledger
    // On a log the bus itself holds what waits for its next attempt, beside the prefetch.
    const held = transport === 'log' ? prefetch * (1 + heldRetries) : prefetch
    const most = this.#joins > 0 ? 2 * held : held
    if (mostHeld > most) this.#problem(`held ${mostHeld} of ${most}`)
    // Of a batch that took too long those wait that have not failed, and a log that is joined again may run ahead.
    if (batch > 0 || !this.#course.isUndisturbed) return
    if (mostFresh > prefetch) this.#problem(`held ${mostFresh} that have not failed, of ${prefetch}`)
  }

  async #isAtRest(): Promise<boolean> {
    const [group] = (await this.#bus.health()).groups
    const { running, held, waiting, retrying } = group!
    if (running + held + (waiting ?? 0) + retrying > 0) return false
    return this.#setting.transport === 'log' || this.#facts.every(({ copies }) => copies.size === 0)
  }

  async #close(deadline: number): Promise<void> {
    const closed = this.#bus.close({ timeout: deadline })
    await quiet(2)
    for (let i = 0; i < 12; i++) {
      this.clock.advance(Math.max(1, deadline / 10))
      await quiet(2)
    }
    await closed
  }

  #problem(text: string): void {
    this.#ledger.problems.push(text)
  }
}
