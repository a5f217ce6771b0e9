import type { Transport } from '@tidings/bus'
import type { Connection, Delivery, GroupRequest, Membership } from '@tidings/bus/transport'
import { over } from '@tidings/core/tools'

/** What is done in the place of a transport's own; each is given the one it stands for. */
export interface Alterations {
  connection?(connection: Connection): Partial<Connection>
  delivery?(delivery: Delivery, request: GroupRequest): Delivery
  membership?(membership: Membership, request: GroupRequest): Partial<Membership>
}

/** A transport that does as another one does, but for what is altered: for faults that no network has. */
export function altered(transport: Transport, alterations: Alterations): Transport {
  return {
    name: transport.name,
    capabilities: transport.capabilities,
    async connect(options) {
      const inner = await transport.connect(options)
      const outer: Partial<Connection> = {
        async subscribe(request, deliver, signal) {
          const take = (delivery: Delivery): void => deliver(alterations.delivery?.(delivery, request) ?? delivery)
          const membership = await inner.subscribe(request, take, signal)
          return over(membership, alterations.membership?.(membership, request) ?? {})
        },
      }
      return over(over(inner, outer), alterations.connection?.(over(inner, outer)) ?? {})
    },
  }
}
