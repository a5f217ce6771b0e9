import type { Transport } from '../../src/index.ts'
import type { Connection, Delivery } from '../../src/transport/index.ts'

/** A transport whose connections do some things in another way. */
export function altered(transport: Transport, alter: (connection: Connection) => Partial<Connection>): Transport {
  return {
    name: transport.name,
    capabilities: transport.capabilities,
    async connect(options) {
      const real = await transport.connect(options)
      return {
        publish: (outgoing, patience) => real.publish(outgoing, patience),
        subscribe: (request, deliver, signal) => real.subscribe(request, deliver, signal),
        deadLetters: real.deadLetters,
        groups: real.groups,
        cancel: (id) => real.cancel!(id),
        ...(real.transact && { transact: (work, outgoing) => real.transact!(work, outgoing) }),
        close: () => real.close(),
        ...alter(real),
      }
    },
  }
}

/** A delivery that does some things in another way. */
export function alteredDelivery(real: Delivery, changes: Partial<Delivery>): Delivery {
  return {
    message: real.message,
    redeliveries: real.redeliveries,
    get handledBefore() {
      return real.handledBefore
    },
    lost: real.lost,
    settle: (settlement) => real.settle(settlement),
    ...changes,
  }
}
