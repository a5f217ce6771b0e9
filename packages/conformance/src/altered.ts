import type { Connection, Delivery, DeadLetterStore, GroupRequest, Membership, Transport } from '@tidings/bus'
import { over } from './over.ts'

/** What is done in the place of a transport's own; each is given the one it stands for. */
export interface Alterations {
  connection?(connection: Connection): Partial<Connection>
  delivery?(delivery: Delivery, request: GroupRequest): Delivery
  membership?(membership: Membership, request: GroupRequest): Partial<Membership>
  store?: Partial<DeadLetterStore>
}

/** A transport that does as another one does, but for what is altered: for faults that no network has. */
export function altered(transport: Transport, alterations: Alterations): Transport {
  const { store } = alterations
  return {
    name: transport.name,
    capabilities: transport.capabilities,
    async connect(options) {
      const inner = await transport.connect(options)
      const outer: Partial<Connection> = {
        async subscribe(request, deliver) {
          const membership = await inner.subscribe(request, (delivery) =>
            deliver(alterations.delivery?.(delivery, request) ?? delivery),
          )
          return over(membership, alterations.membership?.(membership, request) ?? {})
        },
        ...(store && inner.deadLetters ? { deadLetters: over(inner.deadLetters, store) } : {}),
      }
      return over(over(inner, outer), alterations.connection?.(over(inner, outer)) ?? {})
    },
  }
}
