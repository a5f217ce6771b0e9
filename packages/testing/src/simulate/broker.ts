import { type EventIdentity, GroupInUseError, type Inbox, memoryInbox, type Message } from '@tidings/bus'
import type { Group, GroupRequest, Outgoing } from '@tidings/bus/transport'
import type { Copy } from './copy.ts'
import type { Counts } from './counts.ts'
import { SimulatedDatabase } from './database.ts'
import { type Decisions, lateness } from './decisions.ts'
import { SimulatedDelivery } from './delivery.ts'
import { SimulatedGroup } from './group.ts'
import type { Ledger } from './ledger.ts'
import { SimulatedLetters } from './letters.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'

/**
 * What a broker is like. A `'store'` orders by key, and does all of a settlement in one commit, as a database does. A
 * `'queue'` orders by key, and does it step by step. A `'log'` gives a partition to one member, commits a position for
 * each group, and goes back to it after a crash.
 */
export type BrokerKind = 'store' | 'queue' | 'log'

export const brokerKinds: readonly BrokerKind[] = ['store', 'queue', 'log']

/** What all parts of a run share. */
export interface Stage {
  readonly timeline: Timeline
  readonly decisions: Decisions
  readonly trace: Trace
  readonly ledger: Ledger
  readonly counts: Counts
  readonly kind: BrokerKind
}

/**
 * A broker that survives every crash: groups, their messages, what they have handled, dead letters and a database. What it
 * does wrong is decided elsewhere.
 */
export class SimulatedBroker {
  readonly letters: SimulatedLetters
  readonly database: SimulatedDatabase = new SimulatedDatabase()
  readonly #stage: Stage
  readonly #inbox: Inbox
  readonly #groups = new Map<string, SimulatedGroup>()
  /** All that was published to everybody, for groups that begin with the earliest. */
  readonly #history: Message[] = []
  /** How to take back delayed messages, by the id of the event. */
  readonly #delayed = new Map<string, (() => void)[]>()

  constructor(stage: Stage) {
    this.#stage = stage
    this.letters = new SimulatedLetters(stage)
    this.#inbox = memoryInbox({ max: Number.MAX_SAFE_INTEGER, ttl: Infinity, clock: stage.timeline })
  }

  isMarked(event: EventIdentity, group: string): boolean {
    return this.#inbox.has(event, group) === true
  }

  mark(event: EventIdentity, group: string): void {
    this.#inbox.add(event, group)
  }

  /** The group that is asked for, made where there is none. */
  group({ group: name, from, temporary }: GroupRequest, life: Life): SimulatedGroup {
    const known = this.#groups.get(name)
    if (known !== undefined) return known
    const group = new SimulatedGroup(
      name,
      this.#stage,
      temporary ? life : undefined,
      (...handed) => new SimulatedDelivery(this.#stage, this, ...handed),
    )
    this.#groups.set(name, group)
    if (from === 'earliest') group.onFirstJoin = () => this.#tellHistory(group)
    return group
  }

  groups(): Group[] {
    return [...this.#groups.values()].map((group) => group.facts())
  }

  removeGroup(name: string): boolean {
    const group = this.#groups.get(name)
    if (group === undefined) return false
    if (group.members > 0) throw new GroupInUseError(name, group.members)
    this.#stage.ledger.removes(group.label)
    return this.#groups.delete(name)
  }

  unbind(name: string, types: readonly string[]): boolean {
    const group = this.#groups.get(name)
    group?.unbind(types)
    return group !== undefined
  }

  /** A process is gone, or its connection: what it held goes back. */
  disconnect(life: Life): void {
    for (const [name, group] of this.#groups) {
      group.leave(life)
      if (group.owner !== life) continue
      this.#stage.ledger.removes(group.label)
      this.#groups.delete(name)
    }
    life.loseConnection()
  }

  /** Takes a message for good; says whether anybody gets it. */
  store({ message, group: name, notBefore, ahead }: Outgoing): boolean {
    const { timeline, ledger } = this.#stage
    const groups = this.#groupsFor(message, name)
    ledger.stored(message, name === undefined)
    if (name === undefined) this.#history.push(message)
    const wait = (notBefore ?? 0) - timeline.now()
    for (const group of groups) {
      if (wait <= 0) this.#arrive(group, message, ahead)
      else this.#delay(group, message, wait, name === undefined)
    }
    return groups.length > 0
  }

  cancel(id: string): boolean {
    const cancels = this.#delayed.get(id)
    if (cancels === undefined) return false
    this.#delayed.delete(id)
    for (const cancel of cancels) cancel()
    return true
  }

  /** What is wrong with deliveries when everything has come to rest. */
  get violations(): readonly string[] {
    return [...this.#groups.values()].flatMap(({ label, unsettled }) =>
      unsettled.map((name) => `group ${label} was handed ${name} and never settles it`),
    )
  }

  /** Whether a group still has an event before it. */
  isQueued(group: string, id: string): boolean {
    return [...this.#groups.values()].some((each) => each.label === group && each.has(id))
  }

  #groupsFor(message: Message, name: string | undefined): readonly SimulatedGroup[] {
    if (name === undefined) return [...this.#groups.values()].filter((group) => group.wants(message))
    const group = this.#groups.get(name)
    return group === undefined ? [] : [group]
  }

  #arrive(group: SimulatedGroup, message: Message, ahead = false): void {
    const { decisions } = this.#stage
    const latenessOf = (copy: Copy): number => lateness(decisions.at('arrive', () => `${group.label} ${copy.label}`))
    group.add(message, latenessOf, ahead)
  }

  #delay(group: SimulatedGroup, message: Message, wait: number, canBeTakenBack: boolean): void {
    group.delayed++
    const arrive = (): void => {
      group.delayed--
      if (this.#groups.get(group.name) === group) this.#arrive(group, message)
    }
    const cancel = this.#stage.timeline.after(wait, arrive)
    if (!canBeTakenBack) return
    const id = String(message.attributes['id'])
    const cancels = this.#delayed.get(id) ?? []
    this.#delayed.set(id, cancels)
    cancels.push(() => {
      group.delayed--
      cancel()
    })
  }

  #tellHistory(group: SimulatedGroup): void {
    for (const message of this.#history) if (group.wants(message)) this.#arrive(group, message)
  }
}
