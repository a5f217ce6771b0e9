import { type Connection, type Delivery, discarded, handled } from '@tidings/bus/transport'
import { altered } from '../../src/altered.ts'
import { over } from '@tidings/core/tools'
import { connections, deliveries, healthy, type Mutation, requests, settlements } from './tools.ts'

/** Deliveries that are settled wrongly, or too many of them. */
export const settlingMutations: readonly Mutation[] = [
  {
    breaks: 'acks when it delivers, not when it is told to',
    foundBy: ['C10', 'C16', 'C33', 'C34', 'C57', 'C61'],
    transport: deliveries((delivery) => {
      void delivery.settle(handled)
      return { settle: () => undefined }
    }),
  },
  {
    breaks: 'acknowledges all that came before what is settled',
    foundBy: ['C10'],
    transport: () => {
      const held = new Map<string, Delivery[]>()
      return altered(healthy(), {
        delivery(delivery, { group }) {
          const before = held.get(group) ?? []
          held.set(group, [...before, delivery])
          return over(delivery, {
            settle(settlement) {
              if (settlement.as === 'handled') for (const other of before) void other.settle(handled)
              return delivery.settle(settlement)
            },
          })
        },
      })
    },
  },
  {
    breaks: 'forgets to acknowledge',
    foundBy: ['C09', 'C26', 'C51'],
    transport: settlements((settlement) => (settlement.as === 'handled' ? undefined : settlement)),
  },
  {
    breaks: 'keeps what is given back',
    foundBy: ['C10', 'C22'],
    transport: settlements((settlement) => (settlement.as === 'given-back' ? undefined : settlement)),
  },
  {
    breaks: 'acknowledges what is given back',
    foundBy: ['C10', 'C34', 'C58'],
    transport: settlements((settlement) => (settlement.as === 'given-back' ? discarded : settlement)),
  },
  {
    breaks: 'puts what is given back behind what came later',
    foundBy: ['C58'],
    transport: () => {
      const broker = healthy()
      let publisher: Connection | undefined
      return altered(broker, {
        connection: (connection) => ((publisher = connection), {}),
        delivery: (delivery, { group }) =>
          over(delivery, {
            settle(settlement) {
              if (settlement.as !== 'given-back') return delivery.settle(settlement)
              void publisher?.publish({ message: delivery.message, group })
              return delivery.settle(discarded)
            },
          }),
      })
    },
  },
  {
    breaks: 'does not count redeliveries',
    foundBy: ['C10', 'C12'],
    transport: deliveries(() => ({ redeliveries: 0 })),
  },
  {
    breaks: 'never says that a delivery is lost',
    foundBy: ['C33'],
    transport: deliveries(() => ({ lost: new AbortController().signal })),
  },
  {
    breaks: 'delivers again what takes long',
    foundBy: ['C27'],
    transport: connections((connection) => ({
      subscribe: (request, deliver) =>
        connection.subscribe(request, (delivery) => {
          deliver(delivery)
          setTimeout(() => deliver(delivery), 300)
        }),
    })),
  },
  {
    breaks: 'delivers every third message twice, and counts neither',
    foundBy: ['C01', 'C21', 'C22', 'C52'],
    transport: connections((connection) => {
      let count = 0
      return {
        subscribe: (request, deliver) =>
          connection.subscribe(request, (delivery) => {
            deliver(delivery)
            if (++count % 3 === 0) deliver(delivery)
          }),
      }
    }),
  },
  { breaks: 'ignores the prefetch', foundBy: ['C26'], transport: requests(() => ({ prefetch: 1_000_000 })) },
  {
    breaks: 'lets one more delivery out than the prefetch allows',
    foundBy: ['C26'],
    transport: requests(({ prefetch }) => ({ prefetch: prefetch + 1 })),
  },
  {
    breaks: 'hands out one key to two members at once',
    foundBy: ['C19', 'C20', 'C54', 'C58'],
    transport: requests(() => ({ ordered: false })),
  },
]
