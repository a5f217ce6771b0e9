import type { Transport } from '../../src/index.ts'
import {
  type Connection,
  type Delivery,
  discarded,
  inSafeOrder,
  type Settled,
  type Settlement,
} from '../../src/transport/index.ts'
import { altered, alteredDelivery } from './altered.ts'

/**
 * A transport as one that is not atomic: what a settlement says is done step by step over the connection, which may be an
 * altered one, and what is left is acknowledged.
 */
export function stepwise(transport: Transport): Transport {
  const { capabilities } = transport
  return {
    ...altered(transport, (connection) => ({
      subscribe: (request, deliver, signal) =>
        connection.subscribe(request, (real) => deliver(byStep(connection, request.group, real)), signal),
    })),
    capabilities: { ...capabilities, atomic: false, transactions: false },
  }
}

function byStep(connection: Connection, group: string, real: Delivery): Delivery {
  const settle = async (settlement: Settlement): Promise<Settled> => {
    const { message } = real
    const rest = await inSafeOrder(settlement, {
      publish: (effect) => connection.publish({ ...effect, beyond: true }),
      park: (letter) => connection.deadLetters!.add(letter),
      copy: ({ due, headers }) =>
        connection.publish({
          message: { ...message, headers: { ...message.headers, ...headers } },
          group,
          notBefore: due,
        }),
      removeLetter: (id) => connection.deadLetters!.remove(id),
    })
    return real.settle(rest)
  }
  return alteredDelivery(real, {
    settle: (settlement) => (isBare(settlement) ? real.settle(settlement) : settle(settlement)),
  })
}

/** Whether only the acknowledgement is left. */
function isBare(settlement: Settlement): boolean {
  if (settlement === discarded || settlement.as === 'given-back') return true
  return settlement.as === 'later' && settlement.inPlace
}
