import { isPattern } from '@tidings/core'
import { CapabilityMissingError } from '../errors.ts'
import type { AnyHandler } from '../handler/handler.ts'
import type { BusOptions } from './options.ts'

/** Throws where a handler asks for what the transport cannot do: at start-up, rather than when it is too late. */
export function checkCapabilities(
  { transport, deadLetters, inbox }: Pick<BusOptions, 'transport' | 'deadLetters' | 'inbox'>,
  handlers: Iterable<AnyHandler>,
  isPulled = false,
): void {
  const { capabilities } = transport
  const missing: { capability: string; wantedBy: string }[] = []
  for (const { name, policy, types, transaction } of handlers) {
    const want = (is: boolean, capability: string, why: string): void => {
      if (!is) missing.push({ capability, wantedBy: `handler ${name}: ${why}` })
    }
    const keyed = policy.ordering === 'per-key'
    const hasStore = capabilities.deadLetters === 'store' || deadLetters !== undefined
    const keeps = hasStore || capabilities.deadLetters === 'sink'
    want(!keyed || capabilities.ordering !== 'none', 'ordering', "ordering: 'per-key'")
    want(policy.deadLetter === 'discard' || keeps, 'deadLetters', `deadLetter: '${policy.deadLetter}'`)
    want(policy.deadLetter !== 'park-key' || hasStore, "deadLetters: 'store'", "deadLetter: 'park-key'")
    want(!policy.idempotent || capabilities.inbox || inbox !== undefined, 'inbox', 'idempotent: true')
    want(!policy.temporary || capabilities.temporaryGroups, 'temporaryGroups', 'temporary: true')
    if (transaction !== undefined) {
      const joins = capabilities.transactions && transaction.transport === transport.name
      want(joins, 'transactions', `a transaction of ${transaction.transport}`)
      // Marks and letters of another store would be no part of the commit.
      want(
        deadLetters === undefined && inbox === undefined,
        'one commit with `inbox` or `deadLetters` of createBus',
        'its transaction',
      )
    }
    want(policy.from === 'latest' || capabilities.history, 'history', "from: 'earliest'")
    want(capabilities.wildcards || !types.some(isPattern), 'wildcards', `the pattern "${types.find(isPattern)}"`)
    const waitsHere = !capabilities.delay || (keyed && capabilities.ordering !== 'key')
    const held = waitsHere ? policy.attempts * policy.timeout + policy.longestBackoff : policy.timeout
    const why = `its attempts may take ${held}ms, the broker waits ${capabilities.maxHold}ms`
    // Whoever pulls takes the time that it takes; what the broker takes back comes again.
    want(isPulled || held <= capabilities.maxHold, 'maxHold', why)
  }
  if (missing.length > 0) throw new CapabilityMissingError(transport.name, missing)
}
