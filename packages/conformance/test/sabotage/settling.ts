import type { Connection } from '@tidings/bus'
import { altered } from '../../src/altered.ts'
import { over } from '../../src/over.ts'
import { connections, deliveries, healthy, type Mutation, nothing, requests } from './tools.ts'

/** Deliveries that are settled wrongly, or too many of them. */
export const settlingMutations: readonly Mutation[] = [
  {
    breaks: 'acks when it delivers, not when it is told to',
    foundBy: ['C10', 'C16', 'C33', 'C34', 'C57', 'C61'],
    transport: deliveries((delivery) => {
      delivery.ack()
      return { ack: nothing, nack: nothing }
    }),
  },
  { breaks: 'forgets to ack', foundBy: ['C09', 'C26', 'C51'], transport: deliveries(() => ({ ack: nothing })) },
  { breaks: 'drops a nack', foundBy: ['C10', 'C22'], transport: deliveries(() => ({ nack: nothing })) },
  {
    breaks: 'takes a nack for an ack',
    foundBy: ['C10', 'C34', 'C58'],
    transport: deliveries((delivery) => ({ nack: () => delivery.ack() })),
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
            nack() {
              void publisher?.publish({ message: delivery.message, group })
              delivery.ack()
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
