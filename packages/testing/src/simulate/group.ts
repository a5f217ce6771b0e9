import { isPattern, patternMatcher } from '@tidings/core'
import { keyOf, type Message } from '@tidings/bus'
import { type Delivery, type Group, type GroupRequest, isSuspect, type Later } from '@tidings/bus/transport'
import type { Stage } from './broker.ts'
import type { Copy } from './copy.ts'
import type { Life } from './life.ts'
import type { SimulatedMember } from './member.ts'

export type DeliveryOf = (group: SimulatedGroup, copy: Copy, member: SimulatedMember) => Delivery

/** What one group has before it, and how it is handed out. */
export class SimulatedGroup {
  readonly name: string
  readonly owner: Life | undefined
  /** As the application names it. */
  readonly label: string
  /** Called when the first member joins, and knows what the group wants. */
  onFirstJoin: (() => void) | undefined
  /** Messages that are published to it, and not due yet. */
  delayed = 0
  readonly #stage: Stage
  readonly #deliveryOf: DeliveryOf
  /** In the order in which they are handed out. */
  readonly #copies: Copy[] = []
  /** How many copies of an event there have been. */
  readonly #counts = new Map<string, number>()
  readonly #types = new Map<string, (type: string) => boolean>()
  #ordered = true
  #member: SimulatedMember | undefined
  #scheduled = false

  /** `owner`: whose connection it lives as long as, where it is temporary. */
  constructor(name: string, stage: Stage, owner: Life | undefined, deliveryOf: DeliveryOf) {
    this.name = name
    this.owner = owner
    this.label = stage.trace.group(name)
    this.#stage = stage
    this.#deliveryOf = deliveryOf
  }

  get members(): number {
    return this.#member === undefined || this.#member.stopped ? 0 : 1
  }

  facts(): Group {
    const now = this.#stage.timeline.now()
    const open = this.#copies.filter(({ settledBy }) => settledBy === undefined)
    const retries = open.flatMap(({ retrying, due }) => (retrying && due > now ? [due] : []))
    return {
      group: this.name,
      types: [...this.#types.keys()],
      members: this.members,
      ordered: this.#ordered,
      temporary: this.owner !== undefined,
      waiting: open.filter(({ member, due }) => member === undefined && due <= now).length,
      handedOut: open.filter(({ member }) => member !== undefined).length,
      delayed: this.delayed,
      retrying: retries.length,
      retryAt: retries.length === 0 ? undefined : Math.min(...retries),
      full: false,
    }
  }

  wants({ attributes }: Message): boolean {
    return [...this.#types.values()].some((matches) => matches(String(attributes['type'])))
  }

  unbind(types: readonly string[]): void {
    for (const type of types) this.#types.delete(type)
  }

  has(id: string): boolean {
    return this.#copies.some((copy) => copy.id === id)
  }

  /** Copies that a living process was handed, and has neither settled nor given back. */
  get unsettled(): readonly string[] {
    return this.#copies.flatMap(({ member, label }) => (member === undefined ? [] : [label]))
  }

  add(message: Message, latenessOf: (copy: Copy) => number, ahead = false): void {
    const { timeline, trace, ledger } = this.#stage
    const copy = this.#copyOf(message, ahead)
    const late = latenessOf(copy)
    copy.due = timeline.now() + late
    if (late > 0) {
      trace.say(() => `${copy.label} comes to ${this.label} ${late}ms late`, trace.nameOf(message), true)
    }
    this.#insert(copy)
    // Where replies come, nobody has a handler.
    if (this.owner === undefined || this.#types.size > 0) ledger.queued(this.label, copy.id, copy.key)
    this.#wake(late)
  }

  join(
    { types, ordered, prefetch }: GroupRequest,
    life: Life,
    deliver: (delivery: Delivery) => void,
    onUnroutable: (message: Message) => void,
  ): SimulatedMember {
    for (const type of types) {
      this.#types.set(type, isPattern(type) ? patternMatcher(type) : (other: string) => other === type)
    }
    this.#ordered = ordered
    this.#member = { life, prefetch, deliver, onUnroutable, paused: false, stopped: false, held: 0 }
    this.onFirstJoin?.()
    this.onFirstJoin = undefined
    this.#wake(0)
    return this.#member
  }

  resume(member: SimulatedMember): void {
    member.paused = false
    this.#wake(0)
  }

  /** The connection is gone: what it held goes back to its place, under suspicion. */
  leave(life: Life): void {
    for (const copy of this.#copies) {
      if (copy.settledBy === life) copy.settledBy = undefined
      if (copy.member?.life !== life) continue
      copy.member = undefined
      copy.redeliveries++
    }
    if (this.#member?.life === life) this.#member = undefined
  }

  /** It is done with. A queue forgets it; a log moves its position, past all that is settled from the beginning on. */
  end(copy: Copy, member: SimulatedMember): void {
    this.#takeFrom(copy, member)
    copy.redeliveries = 0
    if (this.#stage.kind !== 'log') return this.#remove(copy)
    copy.settledBy = member.life
    while (this.#copies[0]?.settledBy) this.#copies.shift()
  }

  /** It was done with, and comes once more: in its place, or behind all others. */
  repeat(copy: Copy, member: SimulatedMember, behind: boolean): void {
    this.#takeFrom(copy, member)
    copy.redeliveries = 0
    this.#stage.ledger.copied(this.label, copy.id)
    if (!behind) return
    this.#remove(copy)
    this.#copies.push(copy)
  }

  /** It has failed, and waits for its next attempt: its key with it where it keeps its place. */
  retryLater(copy: Copy, member: SimulatedMember, { due, headers, inPlace }: Later): void {
    this.#takeFrom(copy, member)
    copy.redeliveries = 0
    this.#retryAt(copy, due, headers)
    // What was published ahead itself lets nothing pass: that is younger.
    if (inPlace && copy.ahead) return
    this.#remove(copy)
    if (!inPlace) return void this.#copies.push(copy)
    // It keeps its place, but for those that are published ahead: while it waits, they pass.
    copy.ahead = true
    this.#insert(copy)
    copy.ahead = false
  }

  /** Another copy of one that has failed, for its next attempt. */
  addRetry(copy: Copy, { due, headers }: Later): void {
    const again = this.#copyOf(copy.message, false)
    this.#copies.push(again)
    this.#stage.ledger.copied(this.label, copy.id)
    this.#retryAt(again, due, headers)
  }

  /** What nothing was done with does not count as handed out. */
  giveBack(copy: Copy, member: SimulatedMember, begun: boolean): void {
    this.#takeFrom(copy, member)
    if (begun) copy.redeliveries++
  }

  #copyOf(message: Message, ahead: boolean): Copy {
    const id = String(message.attributes['id'])
    const count = (this.#counts.get(id) ?? 0) + 1
    this.#counts.set(id, count)
    const name = this.#stage.trace.nameOf(message)
    return {
      message,
      id,
      label: count === 1 ? name : `${name}/${count}`,
      key: this.#ordered ? keyOf(message) : undefined,
      // A log can only be added to.
      ahead: ahead && this.#stage.kind !== 'log',
      due: 0,
      retrying: false,
      turns: 0,
      handed: 0,
      redeliveries: 0,
      member: undefined,
      settledBy: undefined,
    }
  }

  #insert(copy: Copy): void {
    const isBefore = ({ key, ahead, member }: Copy): boolean => key === copy.key && !ahead && member === undefined
    const at = copy.ahead ? this.#copies.findIndex(isBefore) : -1
    if (at < 0) this.#copies.push(copy)
    else this.#copies.splice(at, 0, copy)
  }

  #retryAt(copy: Copy, due: number, headers: Later['headers']): void {
    copy.message = { ...copy.message, headers: { ...copy.message.headers, ...headers } }
    copy.due = due
    copy.retrying = true
    this.#wake(due - this.#stage.timeline.now())
  }

  #takeFrom(copy: Copy, member: SimulatedMember): void {
    copy.member = undefined
    member.held--
    this.#wake(0)
  }

  #remove(copy: Copy): void {
    this.#copies.splice(this.#copies.indexOf(copy), 1)
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
    if (member === undefined || member.life.dead || member.paused || member.stopped) return
    if (member.held >= member.prefetch) return
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
    copy.retrying = false
    member.held++
    trace.say(() => `${this.label} is handed ${name}${copy.handed > 0 ? ', once more' : ''}`, name)
    copy.handed++
    member.deliver(this.#deliveryOf(this, copy, member))
  }

  /** A suspect comes when nothing else is handed out, and nothing else while it is. */
  #next(): Copy | undefined {
    const now = this.#stage.timeline.now()
    const busy = new Set<string>()
    let suspect: Copy | undefined
    let isIdle = true
    for (const copy of this.#copies) {
      if (copy.member === undefined) continue
      if (isSuspect(copy)) return undefined
      isIdle = false
    }
    for (const copy of this.#copies) {
      const { key, member, due, settledBy } = copy
      if (settledBy !== undefined) continue
      const isAble = member === undefined && due <= now && !(key !== undefined && busy.has(key))
      if (isAble && !isSuspect(copy)) return copy
      if (isAble) suspect ??= copy
      // A log hands a key out in order, and leaves the rest to the member; the others hand out one of a key at a time.
      if (key !== undefined && !(this.#stage.kind === 'log' && member !== undefined)) busy.add(key)
    }
    return isIdle ? suspect : undefined
  }
}
