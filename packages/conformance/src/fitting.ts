import type { AnyHandler, Capabilities } from '@tidings/bus'

/**
 * A handler of a case, as the transport can carry it: in no order where the transport keeps none, without dead letters
 * where it has nowhere for them, and with a `timeout` that is short enough for `maxHold`. A case that is about one of these says so in what it needs.
 */
export function fitting(handler: AnyHandler, capabilities: Capabilities): AnyHandler {
  const { ordering, delay, deadLetters, maxHold } = capabilities
  const { timeout, attempts, longestBackoff } = handler.policy
  // What waits for its next attempt at the broker is held for one of them, else for all and the waits between them.
  const isKeyed = ordering !== 'none' && handler.policy.ordering === 'per-key'
  const waitsThere = delay && (ordering === 'key' || !isKeyed)
  const longest = waitsThere ? maxHold : (maxHold - longestBackoff) / attempts
  const policy = {
    ...(ordering === 'none' ? ({ ordering } as const) : {}),
    ...(deadLetters === 'none' ? ({ deadLetter: 'discard' } as const) : {}),
    ...(longest > 0 && longest < timeout ? { timeout: longest } : {}),
  }
  return { ...handler, options: { ...handler.options, ...policy }, policy: { ...handler.policy, ...policy } }
}
