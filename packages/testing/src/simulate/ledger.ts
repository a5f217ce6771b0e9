import type { DeadLetter, Message } from '@tidings/bus'
import type { TidingsEvent } from '@tidings/events'

/** What one group owes, or has done with, one event. */
interface Account {
  readonly event: string
  /** How often its handler was called. */
  calls: number
  /** Its handler has come to its end at least once, whatever the bus has heard of it. */
  ended: boolean
  /** Its handler has ended without an error at least once, or had come to its end when a duplicate was left out. */
  completed: boolean
  /** It was given up or left out in one of the ways that a policy allows. */
  givenUp: boolean
  /** The group has acked it, rightly or not. */
  acked: boolean
}

/** Keeps the books of a run, apart from the bus and from the broker, and finds out where they do not agree. */
export class Ledger {
  readonly published: TidingsEvent[] = []
  readonly deadLetters: DeadLetter[] = []
  /** Calls of handlers that ended without an error, in order. */
  readonly handlings: { readonly group: string; readonly event: TidingsEvent }[] = []
  readonly #stored = new Set<string>()
  readonly #accounts = new Map<string, Map<string, Account>>()
  /** The events of each key of each ordered group, in the order in which they came in. */
  readonly #lanes = new Map<string, string[]>()
  readonly #violations: string[] = []
  readonly #nameOf: (id: string) => string

  constructor(nameOf: (id: string) => string) {
    this.#nameOf = nameOf
  }

  /** The broker has taken it; `groups` are to get it. */
  stored({ attributes }: Message): void {
    this.#stored.add(String(attributes['id']))
  }

  /** It stands in the queue of a group; `key` where the group keeps the order. */
  queued(group: string, id: string, key: string | undefined): void {
    const accounts = this.#of(group)
    if (accounts.has(id)) return
    accounts.set(id, { event: id, calls: 0, ended: false, completed: false, givenUp: false, acked: false })
    if (key === undefined) return
    const lane = `${group} ${key}`
    const events = this.#lanes.get(lane)
    if (events === undefined) this.#lanes.set(lane, [id])
    else events.push(id)
  }

  /** A handler is called; says the how manieth time it is. */
  begins(group: string, id: string, key: string | undefined): number {
    const account = this.#of(group).get(id)
    if (account === undefined) {
      this.#violations.push(`group ${group} handles ${this.#nameOf(id)}, which nobody published to it`)
      return 1
    }
    if (account.calls === 0 && key !== undefined) this.#checkOrder(group, id, key)
    return ++account.calls
  }

  /** A handler has nothing more to do: what its failure or the end of its process undoes is not its work. */
  reachesEnd(group: string, id: string): void {
    const account = this.#of(group).get(id)
    if (account !== undefined) account.ended = true
  }

  /** A duplicate is left out. That its inbox knows it is proof of nothing: a mark may come before the work. */
  leavesOut(group: string, id: string): void {
    const account = this.#of(group).get(id)
    if (account?.ended) account.completed = true
  }

  completes(group: string, event: TidingsEvent): void {
    const account = this.#of(group).get(event.id)
    if (account !== undefined) account.completed = true
    this.handlings.push({ group, event })
  }

  givesUp(group: string, id: string): void {
    const account = this.#of(group).get(id)
    if (account !== undefined) account.givenUp = true
  }

  acks(group: string, id: string): void {
    const account = this.#of(group).get(id)
    if (account !== undefined) account.acked = true
  }

  /** What is wrong when everything has come to rest; `isQueued` says whether the broker still has it for the group. */
  violations(isQueued: (group: string, id: string) => boolean): readonly string[] {
    const lost: string[] = []
    for (const { id } of this.published) {
      if (!this.#stored.has(id)) lost.push(`${this.#nameOf(id)} was confirmed, and the broker never had it`)
    }
    for (const [group, accounts] of this.#accounts) {
      for (const { event, completed, givenUp } of accounts.values()) {
        if (completed || givenUp || isQueued(group, event)) continue
        lost.push(`${this.#nameOf(event)} is lost to group ${group}: not handled, no dead letter, not in the queue`)
      }
    }
    return [...this.#violations, ...lost]
  }

  #checkOrder(group: string, id: string, key: string): void {
    for (const before of this.#lanes.get(`${group} ${key}`) ?? []) {
      if (before === id) return
      const { completed, givenUp, acked } = this.#of(group).get(before)!
      if (completed || givenUp || acked) continue
      this.#violations.push(
        `group ${group} begins ${this.#nameOf(id)} before it is done with ${this.#nameOf(before)} of the same key`,
      )
      return
    }
  }

  #of(group: string): Map<string, Account> {
    let accounts = this.#accounts.get(group)
    if (accounts === undefined) this.#accounts.set(group, (accounts = new Map()))
    return accounts
  }
}
