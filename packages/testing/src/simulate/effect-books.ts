import type { TidingsEvent } from '@tidings/events'
import type { Account, Call } from './account.ts'
import type { BrokerKind } from './broker.ts'
import type { Trace } from './trace.ts'

/** What handlers publish, as far as it is held back until they have succeeded. */
export class EffectBooks {
  readonly #events = new Map<string, TidingsEvent>()
  /** How often the broker has taken each event. */
  readonly #stored = new Map<string, number>()
  readonly #trace: Trace
  readonly #kind: BrokerKind

  constructor(trace: Trace, kind: BrokerKind) {
    this.#trace = trace
    this.#kind = kind
  }

  /** A call has published it. */
  note({ effects }: Call, event: TidingsEvent): void {
    effects.push(event.id)
    this.#events.set(event.id, event)
    const { id, type, correlationId } = event
    // So that one which never reaches the broker has a name too.
    this.#trace.nameOf({ attributes: { specversion: '1.0', source: '', id, type, correlationid: correlationId ?? id } })
  }

  eventOf(id: string): TidingsEvent | undefined {
    return this.#events.get(id)
  }

  stored(id: string): void {
    this.#stored.set(id, (this.#stored.get(id) ?? 0) + 1)
  }

  /** `done`: those that the broker does not have before it any more. */
  violations(all: readonly Account[], done: readonly Account[], hasOwnInbox: boolean): readonly string[] {
    return [
      ...done.flatMap((account) => this.#lost(account)),
      ...this.#leaked(all),
      ...(this.#kind === 'store' && !hasOwnInbox ? this.#doubled(all) : []),
    ]
  }

  #nameOf(id: string): string {
    return this.#trace.nameOfId(id)
  }

  /** What an event was handled by, but for its effects. */
  #lost({ group, event, calls, completed, givenUp }: Account): readonly string[] {
    const ended = calls.filter((call) => call.ended)
    if (!completed || givenUp || ended.length === 0) return []
    const missing = ended.map(({ effects }) => effects.find((id) => !this.#stored.has(id)))
    if (missing.includes(undefined)) return []
    return [`the effect ${this.#nameOf(missing.at(-1)!)} of ${this.#nameOf(event)} by group ${group} is lost`]
  }

  /** What went out although no attempt that published it has succeeded. */
  #leaked(all: readonly Account[]): readonly string[] {
    const calls = all.flatMap((account) => account.calls)
    const due = new Set(calls.flatMap(({ effects, succeeded }) => (succeeded ? effects : [])))
    return all.flatMap(({ group, event, calls: own }) =>
      own
        .flatMap(({ effects }) => effects)
        .filter((id) => this.#stored.has(id) && !due.has(id))
        .map((id) => `the effect ${this.#nameOf(id)} of ${this.#nameOf(event)} went out, though group ${group} failed`),
    )
  }

  /** What went out more often than it was published, although its event was marked in the same commit. */
  #doubled(all: readonly Account[]): readonly string[] {
    const claims = new Map<string, { readonly accounts: Set<Account>; most: number }>()
    for (const account of all) {
      for (const { effects } of account.calls) {
        for (const id of effects) {
          const claim = claims.get(id) ?? { accounts: new Set(), most: 0 }
          claims.set(id, claim)
          claim.accounts.add(account)
          claim.most = Math.max(claim.most, effects.filter((other) => other === id).length)
        }
      }
    }
    return [...claims].flatMap(([id, { accounts, most }]) => {
      const [account] = accounts
      const times = this.#stored.get(id) ?? 0
      if (accounts.size > 1 || !account!.policy?.idempotent || times <= most) return []
      const { group, event } = account!
      return [`the effect ${this.#nameOf(id)} of ${this.#nameOf(event)} by group ${group} went out ${times} times`]
    })
  }
}
