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
  for (const { name, policy, types } of handlers) {
    const want = (is: boolean, capability: string, why: string): void => {
      if (!is) missing.push({ capability, wantedBy: `handler ${name}: ${why}` })
    }
    const keyed = policy.ordering === 'per-key'
    const keeps = capabilities.deadLetters || deadLetters !== undefined
    want(!keyed || capabilities.ordering !== 'none', 'ordering', "ordering: 'per-key'")
    want(policy.deadLetter === 'discard' || keeps, 'deadLetters', `deadLetter: '${policy.deadLetter}'`)
    want(!policy.idempotent || capabilities.inbox || inbox !== undefined, 'inbox', 'idempotent: true')
    want(policy.from === 'latest' || capabilities.history, 'history', "from: 'earliest'")
    want(capabilities.patterns || !types.some(isPattern), 'patterns', `the pattern "${types.find(isPattern)}"`)
    const held =
      keyed || !capabilities.delay ? policy.attempts * policy.timeout + policy.longestBackoff : policy.timeout
    const why = `its attempts may take ${held}ms, the broker waits ${capabilities.maxHold}ms`
    // Whoever pulls takes the time that it takes; what the broker takes back comes again.
    want(isPulled || held <= capabilities.maxHold, 'maxHold', why)
  }
  if (missing.length > 0) throw new CapabilityMissingError(transport.name, missing)
}
