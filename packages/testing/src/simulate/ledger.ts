import type { AnyHandler, DeadLetter, Message } from '@tidings/bus'
import { deliveryHeaders, type Settlement } from '@tidings/bus/transport'
import type { TidingsEvent } from '@tidings/events'
import { type Account, accountOf, type Call, isDone } from './account.ts'
import type { BrokerKind } from './broker.ts'
import { EffectBooks } from './effect-books.ts'
import type { Trace } from './trace.ts'

type Final = Exclude<Settlement, { readonly as: 'later' | 'given-back' }>

/** Keeps the books of a run, apart from the bus and from the broker, and finds out where they do not agree. */
export class Ledger {
  /** What was confirmed to clients and handlers, and the effects that the broker has. */
  readonly published: TidingsEvent[] = []
  /** Calls of handlers that ended without an error, in order. */
  readonly handlings: { readonly group: string; readonly event: TidingsEvent }[] = []
  /** Processes so far. */
  lives = 0
  /** Whether the application keeps an inbox of its own, which is no part of a commit. */
  hasOwnInbox = false
  /** What went against the order, or came from nowhere. */
  readonly disorder: string[] = []
  /** What went against the books of attempts. */
  readonly miscounts: string[] = []
  readonly effects: EffectBooks
  readonly #stored = new Set<string>()
  readonly #accounts = new Map<string, Map<string, Account>>()
  /** The events of each key of each ordered group, in the order in which they came in. */
  readonly #lanes = new Map<string, string[]>()
  readonly #discarding = new Set<string>()
  readonly #trace: Trace
  readonly #kind: BrokerKind

  constructor(trace: Trace, kind: BrokerKind) {
    this.#trace = trace
    this.#kind = kind
    this.effects = new EffectBooks(trace, kind)
  }

  /** A process begins. */
  begin(handlers: readonly AnyHandler[], hasOwnInbox: boolean): void {
    this.lives++
    this.hasOwnInbox = hasOwnInbox
    for (const { group, policy } of handlers) if (policy.deadLetter === 'discard') this.#discarding.add(group)
  }

  /** The broker has taken it; for all that want it, or for one group, as a reply or a replay. */
  stored({ attributes }: Message, forAll: boolean): void {
    const id = String(attributes['id'])
    this.#stored.add(id)
    if (!forAll) return
    this.effects.stored(id)
    const effect = this.effects.eventOf(id)
    if (effect !== undefined) this.published.push(effect)
  }

  /** The bus says that it is confirmed: of what is held back the broker knows better, and sooner. */
  confirms(event: TidingsEvent): void {
    if (this.effects.eventOf(event.id) === undefined) this.published.push(event)
  }

  /** It stands in the queue of a group; `key` where the group keeps the order. */
  queued(group: string, id: string, key: string | undefined): void {
    const accounts = this.#of(group)
    const known = accounts.get(id)
    if (known !== undefined) {
      known.copies++
      return
    }
    const account = accountOf(group, id)
    account.copies = 1
    accounts.set(id, account)
    if (key === undefined) return
    const lane = `${group} ${key}`
    const events = this.#lanes.get(lane)
    if (events === undefined) this.#lanes.set(lane, [id])
    else events.push(id)
  }

  /** It comes once more. */
  copied(group: string, id: string): void {
    const account = this.#of(group).get(id)
    if (account !== undefined) account.copies++
  }

  /** A copy for its next attempt has taken its place. */
  replaced(group: string, id: string): void {
    const account = this.#of(group).get(id)
    if (account !== undefined) account.copies--
  }

  /** A group is gone, and with it what it owed. */
  removes(group: string): void {
    this.#accounts.delete(group)
  }

  /** A handler is called. */
  begins({ group, policy, batch }: AnyHandler, id: string, key: string | undefined): Call {
    const account = this.#of(group).get(id)
    const call: Call = { number: (account?.calls.length ?? 0) + 1, effects: [], ended: false, succeeded: false }
    if (account === undefined) {
      this.disorder.push(`group ${group} handles ${this.#nameOf(id)}, which nobody published to it`)
      return call
    }
    if (account.calls.length === 0 && key !== undefined) this.#checkOrder(group, id, key)
    if (account.marked) {
      this.miscounts.push(`group ${group} is called with ${this.#nameOf(id)}, which it has handled and marked`)
    }
    account.policy = policy
    account.batch = batch
    account.calls.push(call)
    return call
  }

  fails(group: string, id: string, error: unknown, at: number): void {
    const account = this.#of(group).get(id)
    if (account === undefined) return
    account.failures.push({ error, at })
    this.#checkFailures(account)
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

  /** The broker has its letter. */
  parks(group: string, letter: DeadLetter): void {
    const account = this.#of(group).get(String(letter.message.attributes['id']))
    if (account === undefined) return
    account.givenUp = true
    // A duplicate of what was handled may be parked behind others; nothing waits for it.
    account.parksKey = letter.parksKey && !account.completed
    if (letter.replayedAt === undefined) this.#checkLetter(account, letter)
  }

  /** Its letter is gone: unless it was handled, nothing is left of it. */
  unparks(group: string, id: string): void {
    const account = this.#of(group).get(id)
    if (account === undefined) return
    account.givenUp = false
    account.parksKey = false
  }

  /** The broker has done what a settlement says. That an inbox knows an event is proof of nothing: marks may come early. */
  settles(group: string, { attributes, headers }: Message, settlement: Final, now: number): void {
    const account = this.#of(group).get(String(attributes['id']))
    if (account === undefined) return
    account.settled = true
    if (settlement.as === 'handled' && account.policy?.idempotent && !this.hasOwnInbox) account.marked = true
    if (settlement.as !== 'discarded') return
    const hasExpired = Date.parse(String(attributes['expirytime'])) <= now
    const isAnswered = headers[deliveryHeaders.replyTo] !== undefined && settlement.effects.length > 0
    const mayGo = this.#discarding.has(group) && account.failures.length > 0
    if (hasExpired || isAnswered || mayGo) account.givenUp = true
    else if (account.calls.some(({ ended }) => ended)) account.completed = true
  }

  /** What is wrong with events when everything has come to rest; `isQueued`: whether the broker still has it for the group. */
  violations(isQueued: (group: string, id: string) => boolean): readonly string[] {
    const lost: string[] = []
    for (const { id } of this.published) {
      if (!this.#stored.has(id)) lost.push(`${this.#nameOf(id)} was confirmed, and the broker never had it`)
    }
    for (const { group, event, completed, givenUp } of this.#all()) {
      if (completed || givenUp || isQueued(group, event)) continue
      lost.push(`${this.#nameOf(event)} is lost to group ${group}: not handled, no dead letter, not in the queue`)
    }
    return [...this.disorder, ...lost]
  }

  /** What is wrong with what follows from attempts. */
  halves(isQueued: (group: string, id: string) => boolean): readonly string[] {
    const done = [...this.#all()].filter(({ group, event }) => !isQueued(group, event))
    return [...this.miscounts, ...this.effects.violations([...this.#all()], done, this.hasOwnInbox)]
  }

  #checkOrder(group: string, id: string, key: string): void {
    for (const before of this.#lanes.get(`${group} ${key}`) ?? []) {
      if (before === id) return
      if (isDone(this.#of(group).get(before)!)) continue
      this.disorder.push(
        `group ${group} begins ${this.#nameOf(id)} before it is done with ${this.#nameOf(before)} of the same key`,
      )
      return
    }
  }

  /** An attempt is made once more where a process dies before the broker knows of it. A log's member keeps the count. */
  #checkFailures({ group, event, failures, policy, batch, copies }: Account): void {
    if (batch || policy === undefined) return
    const deaths = this.lives - 1
    const most = policy.attempts * copies * (this.#kind === 'log' ? this.lives : 1) + deaths
    if (failures.length !== most + 1) return
    this.miscounts.push(
      `group ${group} has failed ${failures.length} times at ${this.#nameOf(event)}, which has ${policy.attempts} attempts`,
    )
  }

  /** Where no attempt was lost, the letter has all of them. */
  #checkLetter({ group, event, failures, calls, policy, batch, copies }: Account, letter: DeadLetter): void {
    const isPlain = letter.reason === 'attempts-exhausted' && copies === 1 && !batch
    if (!isPlain || failures.length !== policy?.attempts || calls.length !== failures.length) return
    const [first, last] = [failures[0]!, failures.at(-1)!]
    const where = `the letter of ${this.#nameOf(event)} of group ${group} says`
    if (letter.attempts !== failures.length) {
      this.miscounts.push(`${where} ${letter.attempts} attempts, and there were ${failures.length}`)
    }
    if (letter.firstFailedAt !== new Date(first.at).toISOString()) {
      this.miscounts.push(`${where} that it first failed at ${letter.firstFailedAt}, which is not when it did`)
    }
    if (last.error instanceof Error && !last.error.message.startsWith(letter.error?.message.slice(0, 2000) ?? '-')) {
      this.miscounts.push(`${where} "${letter.error?.message}", and the last error was "${last.error.message}"`)
    }
  }

  #nameOf(id: string): string {
    return this.#trace.nameOfId(id)
  }

  *#all(): Generator<Account> {
    for (const accounts of this.#accounts.values()) yield* accounts.values()
  }

  #of(group: string): Map<string, Account> {
    let accounts = this.#accounts.get(group)
    if (accounts === undefined) this.#accounts.set(group, (accounts = new Map()))
    return accounts
  }
}
