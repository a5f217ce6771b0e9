import type { Delivery } from './transport.ts'

/** How often a message may come back without an end before it is handed out alone. */
const mostUnended = 2

/**
 * Whether a message may be what ends its members: it is handed out to one that holds nothing else, and gets nothing else
 * meanwhile. So the next death blames it, or nobody.
 */
export function isSuspect({ redeliveries = 0 }: Pick<Delivery, 'redeliveries'>): boolean {
  return redeliveries >= mostUnended
}
