import type { AnyHandler, Capabilities } from '@tidings/bus'

/**
 * A handler of a case, as the transport can carry it: in no order where the transport keeps none, and with a `timeout`
 * that is short enough for `maxHold`. A case that is about one of these says so in what it needs.
 */
export function fitting(handler: AnyHandler, { ordering, delay, maxHold }: Capabilities): AnyHandler {
  const { timeout, attempts, longestBackoff } = handler.policy
  // Tried again in its place, an event is held for all attempts and the waits between them; as a copy, for one.
  const asCopies = delay && (ordering === 'none' || handler.policy.ordering === 'none')
  const longest = asCopies ? maxHold : (maxHold - longestBackoff) / attempts
  const policy = {
    ...(ordering === 'none' ? ({ ordering } as const) : {}),
    ...(longest > 0 && longest < timeout ? { timeout: longest } : {}),
  }
  return { ...handler, options: { ...handler.options, ...policy }, policy: { ...handler.policy, ...policy } }
}
