import { isPattern, patternMatcher } from '@tidings/core'
import { type Delivery, type GroupRequest, keyOf, type Message } from '@tidings/bus'
import type { Stage } from './broker.ts'
import type { Life } from './life.ts'

/** A message in the queue of one group. */
export interface Copy {
  readonly message: Message
  readonly id: string
  /** Unlike that of any other copy in the group. */
  readonly label: string
  readonly key: string | undefined
  /** Before which others it stands. */
  place: number
  due: number
  /** Times that it was about to be handed out. */
  turns: number
  /** Times that it was handed out. */
  handed: number
  /** Those that were not given back as they were. */
  counted: number
  member: SimulatedMember | undefined
  /** Of a log: settled, and not yet forgotten, since something before it is not. */
  acked: boolean
}

/** One process's place in a group. */
export interface SimulatedMember {
  readonly life: Life
  readonly prefetch: number
  readonly deliver: (delivery: Delivery) => void
  paused: boolean
  stopped: boolean
  held: number
}

/** What one group has before it, as a queue or as a log. */
export class SimulatedGroup {
  readonly owner: Life | undefined
  /** As the application names it. */
  readonly label: string
  /** Called when the first member joins, and knows what the group wants. */
  onFirstJoin: (() => void) | undefined
  readonly #stage: Stage
  readonly #copies: Copy[] = []
  /** How many copies of an event there have been. */
  readonly #counts = new Map<string, number>()
  #wants: (type: string) => boolean = () => false
  #ordered = true
  #places = 0
  #member: SimulatedMember | undefined
  #scheduled = false

  /** `owner`: whose connection it lives as long as, where it is temporary. */
  constructor(name: string, stage: Stage, owner: Life | undefined) {
    this.owner = owner
    this.label = stage.trace.group(name)
    this.#stage = stage
  }

  get waiting(): number {
    return this.#copies.filter(({ member, due }) => member === undefined && due <= this.#stage.timeline.now()).length
  }

  wants({ attributes }: Message): boolean {
    return this.#wants(String(attributes['type']))
  }

  has(id: string): boolean {
    return this.#copies.some((copy) => copy.id === id)
  }

  /** Copies that a living process was handed, and has neither acked nor given back. */
  get unsettled(): readonly string[] {
    return this.#copies.flatMap(({ member, acked, label }) => (member === undefined || acked ? [] : [label]))
  }

  add(message: Message, latenessOf: (copy: Copy) => number): void {
    const { timeline, trace, ledger } = this.#stage
    const id = String(message.attributes['id'])
    const name = trace.nameOf(message)
    const count = (this.#counts.get(id) ?? 0) + 1
    this.#counts.set(id, count)
    const copy: Copy = {
      message,
      id,
      label: count === 1 ? name : `${name}/${count}`,
      key: this.#ordered ? keyOf(message) : undefined,
      place: this.#places++,
      due: timeline.now(),
      turns: 0,
      handed: 0,
      counted: 0,
      member: undefined,
      acked: false,
    }
    const late = latenessOf(copy)
    copy.due += late
    if (late > 0) trace.say(() => `${copy.label} comes to ${this.label} ${late}ms late`, name, true)
    this.#copies.push(copy)
    ledger.queued(this.label, id, copy.key)
    this.#wake(late)
  }

  join({ types, ordered, prefetch }: GroupRequest, life: Life, deliver: (delivery: Delivery) => void): SimulatedMember {
    const matchers = types.map((type) => (isPattern(type) ? patternMatcher(type) : (other: string) => other === type))
    this.#wants = (type) => matchers.some((matches) => matches(type))
    this.#ordered = ordered
    this.#member = { life, prefetch, deliver, paused: false, stopped: false, held: 0 }
    this.onFirstJoin?.()
    this.onFirstJoin = undefined
    this.#wake(0)
    return this.#member
  }

  resume(member: SimulatedMember): void {
    member.paused = false
    this.#wake(0)
  }

  /** The connection is gone: what it held goes back to its place. */
  leave(life: Life): void {
    for (const copy of this.#copies) {
      if (copy.member?.life !== life) continue
      copy.member = undefined
      copy.acked = false
    }
    if (this.#member?.life === life) this.#member = undefined
  }

  #wake(delay: number): void {
    if (delay > 0) {
      this.#stage.timeline.after(delay, () => this.#wake(0))
      return
    }
    if (this.#scheduled) return
    this.#scheduled = true
    this.#stage.timeline.after(0, () => {
      this.#scheduled = false
      this.#dispatch()
    })
  }

  /** Hands out one copy; each further one is a step of its own. */
  #dispatch(): void {
    const member = this.#member
    if (member === undefined || member.life.dead || member.paused || member.stopped || member.held >= member.prefetch)
      return
    const copy = this.#next()
    if (copy === undefined) return
    this.#wake(0)
    const { decisions, trace } = this.#stage
    const name = trace.nameOf(copy.message)
    const turn = copy.turns++
    const fate = decisions.at('handOut', () => `${this.label} ${copy.label}.${turn}`)
    if (fate === 'crash') {
      trace.say(() => `the process dies as ${this.label} is about to be handed ${name}`, name, true)
      member.life.crash()
      return
    }
    if (fate === 'restart') {
      trace.say(() => `the process is told to close as ${this.label} is about to be handed ${name}`, name, true)
      member.life.restart()
      return
    }
    copy.member = member
    member.held++
    trace.say(() => `${this.label} is handed ${name}${copy.handed > 0 ? ', once more' : ''}`, name)
    copy.handed++
    member.deliver(this.#delivery(copy, member))
  }

  #next(): Copy | undefined {
    const now = this.#stage.timeline.now()
    const busy = new Set<string>()
    for (const copy of this.#copies) {
      if (copy.member === undefined && copy.due <= now && !(copy.key !== undefined && busy.has(copy.key))) return copy
      // A log hands a key out in order, and leaves the rest to the member; a queue hands out one of a key at a time.
      if (copy.key !== undefined && !(this.#stage.isLog && copy.member !== undefined)) busy.add(copy.key)
    }
    return undefined
  }

  #delivery(copy: Copy, member: SimulatedMember): Delivery {
    let settled = false
    const redeliveries = copy.counted++
    const settle = (how: () => void): void => {
      if (settled || member.life.dead) return
      settled = true
      how()
    }
    return {
      message: copy.message,
      redeliveries,
      lost: member.life.lost,
      ack: () => settle(() => this.#ack(copy, member)),
      nack: (options) =>
        settle(() => {
          this.#stage.trace.say(() => `${this.label} gives ${copy.label} back`, this.#nameOf(copy))
          if (options?.begun === false) copy.counted--
          this.#free(copy, member)
        }),
    }
  }

  #ack(copy: Copy, member: SimulatedMember): void {
    const { decisions, trace, ledger } = this.#stage
    const fate = decisions.at('ack', () => `${this.label} ${copy.label}.${copy.handed}`)
    if (fate === 'crash') {
      const what = (): string => `the process dies before the ack of ${copy.label} by ${this.label} reaches the broker`
      trace.say(what, this.#nameOf(copy), true)
      member.life.crash()
      return
    }
    ledger.acks(this.label, copy.id)
    if (fate === undefined) {
      member.held--
      this.#settle(copy)
      this.#wake(0)
      return
    }
    // A log hands out nothing again before others that it has handed out; what comes twice was published twice there.
    const behind = fate === 'duplicate-behind' || this.#stage.isLog
    const what = (): string => `the ack of ${copy.label} by ${this.label} is lost: it will be handed out again`
    trace.say(() => what() + (behind ? ', behind all others' : ''), this.#nameOf(copy), true)
    if (behind) {
      this.#remove(copy)
      copy.place = this.#places++
      this.#copies.push(copy)
    }
    this.#free(copy, member)
  }

  #free(copy: Copy, member: SimulatedMember): void {
    copy.member = undefined
    member.held--
    this.#wake(0)
  }

  /** A queue forgets it; a log only moves its position, past all that is settled from the beginning on. */
  #settle(copy: Copy): void {
    if (!this.#stage.isLog) {
      this.#remove(copy)
      return
    }
    copy.acked = true
    while (this.#copies[0]?.acked) this.#copies.shift()
  }

  #remove(copy: Copy): void {
    this.#copies.splice(this.#copies.indexOf(copy), 1)
  }

  #nameOf({ message }: Copy): string {
    return this.#stage.trace.nameOf(message)
  }
}
