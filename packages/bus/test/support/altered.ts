import type { Connection, Transport } from '../../src/index.ts'

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
        inbox: real.inbox,
        cancel: (id) => real.cancel!(id),
        close: () => real.close(),
        ...alter(real),
      }
    },
  }
}
