import {
  type DeadLettered,
  inSafeOrder,
  type Later,
  type Message,
  MessageTooLargeError,
  type Outgoing,
  oversize,
  type Settlement,
  SettlementRefusedError,
} from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'

/** What settlements send, and by what. */
export interface Sender {
  readonly maxMessageSize: number
  /** Resolves when it is confirmed. */
  publish(outgoing: Outgoing): Promise<void>
  /** Resolves when the letter is in its queue. */
  park(letter: DeadLettered['letter']): Promise<void>
  onUnroutable(message: Message): void
}

/** Whether nothing is to be done but to acknowledge. */
export function isBare(settlement: Settlement): boolean {
  return (settlement.as === 'handled' || settlement.as === 'discarded') && settlement.effects.length === 0
}

/**
 * Does all of a settlement but the acknowledgement, in the safe order. Rejects with `SettlementRefusedError` where the
 * same would be refused again, before anything of it was done.
 */
export async function carryOut(settlement: Settlement, group: string, message: Message, sender: Sender): Promise<void> {
  if ('effects' in settlement) for (const effect of settlement.effects) checkSize(effect, sender)
  // Nothing keeps its place in a queue: what waits is a copy, whatever was asked for.
  const possible = settlement.as === 'later' ? { ...settlement, inPlace: false } : settlement
  await inSafeOrder(possible, {
    publish: (effect) => publishEffect(effect, sender),
    park: (letter) => sender.park(letter),
    copy: (later) => sender.publish({ ...copyOf(later, message), group }),
  })
}

/** What waits for its next attempt is a copy, for its group alone. */
function copyOf({ due, headers }: Later, message: Message): Outgoing {
  return { message: { ...message, headers: { ...message.headers, ...headers } }, notBefore: due, beyond: true }
}

async function publishEffect(effect: Outgoing, sender: Sender): Promise<void> {
  try {
    await sender.publish({ ...effect, beyond: true })
  } catch (error) {
    // Who asked may be gone: that concerns neither the others nor what was handled.
    if (isTidingsError(error, 'UNKNOWN_GROUP')) sender.onUnroutable(effect.message)
    else throw error
  }
}

function checkSize({ message }: Outgoing, { maxMessageSize }: Sender): void {
  const size = oversize(message, maxMessageSize)
  if (size === undefined) return
  const type = String(message.attributes['type'])
  throw new SettlementRefusedError(new MessageTooLargeError(type, size, maxMessageSize))
}
