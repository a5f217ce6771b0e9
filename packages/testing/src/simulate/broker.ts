import {
  type DeadLetter,
  type DeadLetterStore,
  type GroupRequest,
  type Inbox,
  keyOf,
  memoryInbox,
  type Message,
  type Outgoing,
} from '@tidings/bus'
import { type Decisions, lateness } from './decisions.ts'
import { type Copy, SimulatedGroup } from './group.ts'
import type { Life } from './life.ts'
import type { Ledger } from './ledger.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'

/** What all parts of a run share. */
export interface Stage {
  readonly timeline: Timeline
  readonly decisions: Decisions
  readonly trace: Trace
  readonly ledger: Ledger
  /**
   * Whether the broker is a log, which commits a position for each group, and after a crash goes back to it; else a
   * queue, which settles each message.
   */
  readonly isLog: boolean
}

/** A broker that survives every crash: groups, their messages, what they have handled and dead letters. What it does wrong is decided elsewhere. */
export class SimulatedBroker {
  readonly deadLetters: DeadLetterStore
  readonly inbox: Inbox
  readonly #stage: Stage
  readonly #counts = new Map<string, number>()
  readonly #groups = new Map<string, SimulatedGroup>()
  /** All that was published to everybody, for groups that begin with the earliest. */
  readonly #history: Message[] = []
  /** How to take back delayed messages, by the id of the event. */
  readonly #delayed = new Map<string, (() => void)[]>()

  constructor(stage: Stage) {
    this.#stage = stage
    this.deadLetters = keepInOrder()
    this.inbox = memoryInbox({ max: Number.MAX_SAFE_INTEGER, ttl: Infinity, clock: stage.timeline })
  }

  /** How often something was done before, by all processes, so that each time has a name of its own. */
  count(what: string): number {
    const count = this.#counts.get(what) ?? 0
    this.#counts.set(what, count + 1)
    return count
  }

  /** The group that is asked for, made where there is none. */
  group({ group: name, from, temporary }: GroupRequest, life: Life): SimulatedGroup {
    const known = this.#groups.get(name)
    if (known !== undefined) return known
    const group = new SimulatedGroup(name, this.#stage, temporary ? life : undefined)
    this.#groups.set(name, group)
    if (from === 'earliest') group.onFirstJoin = () => this.#tellHistory(group)
    return group
  }

  /** A process is gone, or its connection: what it held goes back. */
  disconnect(life: Life): void {
    for (const [name, group] of this.#groups) {
      group.leave(life)
      if (group.owner === life) this.#groups.delete(name)
    }
    life.loseConnection()
  }

  /** Takes a message for good; says whether anybody gets it. */
  store({ message, group: name, notBefore }: Outgoing): boolean {
    const { timeline, ledger } = this.#stage
    ledger.stored(message)
    const groups = this.#groupsFor(message, name)
    if (name === undefined) this.#history.push(message)
    const wait = (notBefore ?? 0) - timeline.now()
    for (const group of groups) {
      if (wait <= 0) {
        this.#arrive(group, message)
        continue
      }
      const cancel = timeline.after(wait, () => this.#arrive(group, message))
      if (name === undefined) this.#noteDelayed(message, cancel)
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

  #arrive(group: SimulatedGroup, message: Message): void {
    const { decisions } = this.#stage
    group.add(message, (copy: Copy) => lateness(decisions.at('arrive', () => `${group.label} ${copy.label}`)))
  }

  #noteDelayed({ attributes }: Message, cancel: () => void): void {
    const id = String(attributes['id'])
    const cancels = this.#delayed.get(id)
    if (cancels === undefined) this.#delayed.set(id, [cancel])
    else cancels.push(cancel)
  }

  #tellHistory(group: SimulatedGroup): void {
    for (const message of this.#history) if (group.wants(message)) this.#arrive(group, message)
  }
}

/** Dead letters in the order of their arrival. */
function keepInOrder(): DeadLetterStore {
  const letters = new Map<string, DeadLetter>()
  const all = (group?: string): DeadLetter[] =>
    [...letters.values()].filter((letter) => group === undefined || letter.group === group)
  return {
    add: (letter) => void letters.set(letter.id, letter),
    get: (id) => letters.get(id),
    list({ group, after, limit }) {
      const found = all(group)
      const begin = after === undefined ? 0 : found.findIndex(({ id }) => id === after) + 1
      return found.slice(begin, begin + limit)
    },
    remove: (id) => letters.delete(id),
    firstOfKey: (group, key) => all(group).find(({ message }) => keyOf(message) === key),
  }
}
