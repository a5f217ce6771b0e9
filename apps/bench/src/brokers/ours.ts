import type { Bus, Transport } from '@tidings/bus'
import type { GroupRequest } from '@tidings/bus/transport'
import { inFlight, orderAt, type OrderPlaced, orderPlaced } from '../run/orders.ts'
import type { BrokerClient } from './client.ts'
import { padding } from './message.ts'

/** What is known of a broker beside the transport. */
export interface Ground {
  /** A transport that shares nothing on the broker with any other. */
  readonly transport: Transport
  /** How many events wait in what {@link requested} has on the broker. */
  waiting(): Promise<number>
  /** Takes away all that the transport has made there. */
  remove(): Promise<void>
}

const source = '/bench'
const group = 'orders'

/** The group of the races, as the bus asks a transport for it. */
export const requested: GroupRequest = {
  group: 'bench.orders',
  types: ['bench.order.placed'],
  prefetch: 1,
  marks: false,
  ordered: true,
  from: 'latest',
  temporary: false,
}

/** The bus on a transport, all defaults but for what a race asks for. */
export function busClient(makeGround: () => Promise<Ground>): BrokerClient {
  return {
    async publisher() {
      const { createBus } = await import('@tidings/bus')
      const definition = await orderPlaced()
      const ground = await makeGround()
      const { transport } = ground
      await makeGroup(transport, definition)
      const bus = await createBus({ source, transport, log: false })
      return {
        publish: (at) => publish(bus, definition, at),
        kept: () => ground.waiting(),
        async close() {
          await bus.close()
          await ground.remove()
        },
      }
    },
    async consumer({ prefetch, waiting, handle }) {
      const { createBus, handler } = await import('@tidings/bus')
      const definition = await orderPlaced()
      const ground = await makeGround()
      const { transport } = ground
      await makeGroup(transport, definition)
      const publisher = await createBus({ source, transport, log: false })
      await inFlight(1000, waiting, (at) => publish(publisher, definition, at))
      await publisher.close()
      const options = { group, prefetch, concurrency: prefetch }
      const bus = await createBus({ source, transport, log: false, handlers: [handler(definition, options, handle)] })
      return {
        async close() {
          await bus.close({ timeout: 1000 })
          await ground.remove()
        },
      }
    },
  }
}

function publish(bus: Bus, definition: OrderPlaced, at: number): Promise<unknown> {
  return bus.publish(definition, { ...orderAt(at), item: padding })
}

/** What is published from then on waits in it. */
async function makeGroup(transport: Transport, definition: OrderPlaced): Promise<void> {
  const { createBus, handler } = await import('@tidings/bus')
  const bus = await createBus({ source, transport, log: false, handlers: [handler(definition, { group }, () => {})] })
  await bus.close()
}
