import { memory, type Transport } from '@tidings/bus'
import { type Connection, type Delivery, handled, type Outgoing, type Settlement } from '@tidings/bus/transport'
import { altered } from '../../src/altered.ts'
import { over } from '@tidings/core/tools'
import { connections, deliveries, healthy, type Mutation, outgoing, requests, settlements } from './tools.ts'

/** Settlements of which too much is done, or too little. */
export const settlementMutations: readonly Mutation[] = [
  {
    breaks: 'forgets the effects of a settlement',
    foundBy: ['C67', 'C68', 'C89'],
    transport: settlements((settlement) => ('effects' in settlement ? { ...settlement, effects: [] } : settlement)),
  },
  {
    breaks: 'sends effects twice',
    foundBy: ['C67'],
    transport: settlements((settlement) =>
      'effects' in settlement ? { ...settlement, effects: settlement.effects.flatMap((e) => [e, e]) } : settlement,
    ),
  },
  {
    breaks: 'does what it can of a settlement that it refuses',
    foundBy: ['C68'],
    transport: sideEffects((settlement, delivery, publish) =>
      Promise.resolve(delivery.settle(settlement)).catch((error: unknown) => {
        if ('effects' in settlement) void publish(settlement.effects[0]!)
        throw error
      }),
    ),
  },
  {
    breaks: 'lets go of a delivery whose settlement it refuses',
    foundBy: ['C68'],
    transport: deliveries((delivery) => ({
      settle: (settlement) =>
        Promise.resolve(delivery.settle(settlement)).catch((error: unknown) => {
          void delivery.settle({ as: 'given-back', begun: true })
          throw error
        }),
    })),
  },
  {
    breaks: 'sends the effects of what was handled before',
    foundBy: ['C69'],
    transport: sideEffects(async (settlement, delivery, publish) => {
      const settled = await delivery.settle(settlement)
      if (settled === 'handled-before' && 'effects' in settlement) await publish(settlement.effects[0]!)
      return settled
    }),
  },
  {
    breaks: 'does not say that an event was handled before',
    foundBy: ['C69'],
    transport: deliveries((delivery) => ({
      settle: async (settlement) => void (await delivery.settle(settlement)),
    })),
  },
  {
    breaks: 'acknowledges before the effects are sent',
    foundBy: ['C89'],
    transport: () => {
      const closed = new WeakSet<object>()
      return altered(healthy(), {
        connection: (connection) => ({
          subscribe: (request, deliver) =>
            connection.subscribe(request, (delivery) => deliver(late(delivery, connection, closed))),
          close: () => (closed.add(connection), connection.close()),
        }),
      })
    },
  },
  {
    breaks: 'lets its key pass what is due later',
    foundBy: ['C70', 'C71'],
    transport: settlements((settlement) =>
      settlement.as === 'later' ? { ...settlement, inPlace: false } : settlement,
    ),
  },
  {
    breaks: 'forgets when what failed is due',
    foundBy: ['C59', 'C70', 'C71', 'C73', 'C74'],
    transport: settlements((settlement) => (settlement.as === 'later' ? { ...settlement, due: 0 } : settlement)),
  },
  {
    breaks: 'forgets what a settlement writes into the headers',
    foundBy: ['C55', 'C70', 'C71', 'C73'],
    transport: settlements((settlement) => (settlement.as === 'later' ? { ...settlement, headers: {} } : settlement)),
  },
  {
    breaks: 'keeps what is due later in the hands of its member',
    foundBy: ['C70', 'C71', 'C73'],
    transport: connections((connection) => ({
      subscribe: (request, deliver) =>
        connection.subscribe(request, (delivery) => {
          const settle = (settlement: Settlement): ReturnType<Delivery['settle']> => {
            if (settlement.as !== 'later') return delivery.settle(settlement)
            const message = { ...delivery.message, headers: { ...delivery.message.headers, ...settlement.headers } }
            setTimeout(() => deliver(over(delivery, { message, settle })), settlement.due - Date.now())
            return undefined
          }
          deliver(over(delivery, { settle }))
        }),
    })),
  },
  {
    breaks: 'puts what is published ahead behind',
    foundBy: ['C74'],
    transport: outgoing((given) => ({ ...given, ahead: undefined })),
  },
  { breaks: 'hands out suspects all at once', foundBy: ['C75'], transport: suspectsTogether },
  {
    breaks: 'lists nothing that is due later',
    foundBy: ['C76'],
    transport: connections(({ groups }) => ({
      groups: over(groups!, {
        list: async () => (await groups!.list()).map((group) => ({ ...group, retrying: 0, retryAt: undefined })),
      }),
    })),
  },
  {
    breaks: 'takes away a group that has members',
    foundBy: ['C77'],
    transport: connections(({ groups }) => ({ groups: over(groups!, { remove: () => true }) })),
  },
  {
    breaks: 'says that it took types back, and did not',
    foundBy: ['C77'],
    transport: connections(({ groups }) => ({ groups: over(groups!, { unbind: () => true }) })),
  },
  {
    breaks: 'lets nobody go who waited for room in a group that is gone',
    foundBy: ['C78'],
    transport: connections((connection) => {
      const { groups } = connection
      let isGone = false
      return {
        publish(given) {
          const published = connection.publish(given)
          return published && new Promise((resolve) => void published.then(() => isGone || resolve()))
        },
        groups: over(groups!, { remove: (group) => ((isGone = true), groups!.remove(group)) }),
      }
    }),
  },
  {
    breaks: 'has the effects of a settlement wait for room in a full group',
    foundBy: ['C95'],
    transport: sideEffects(async (settlement, delivery, publish) => {
      if (!('effects' in settlement)) return delivery.settle(settlement)
      for (const effect of settlement.effects) await publish(effect)
      return delivery.settle({ ...settlement, effects: [] })
    }, small),
  },
  {
    breaks: 'has what is published beyond the bound of a full group wait for room',
    foundBy: ['C95'],
    transport: () =>
      altered(small(), {
        connection: (connection) => ({
          publish: (given, options) => connection.publish({ ...given, beyond: undefined }, options),
        }),
      }),
  },
  {
    breaks: 'lets nothing in beyond the bound of a full group, and says that it did',
    foundBy: ['C95'],
    transport: () =>
      altered(small(), {
        connection: (connection) => ({
          publish: (given, options) => (given.beyond === true ? undefined : connection.publish(given, options)),
        }),
      }),
  },
  { breaks: 'keeps temporary groups', foundBy: ['C79'], transport: requests(() => ({ temporary: false })) },
]

function sideEffects(
  settle: (
    settlement: Settlement,
    delivery: Delivery,
    publish: (effect: Outgoing) => unknown,
  ) => ReturnType<Delivery['settle']>,
  broker: () => Transport = healthy,
): () => Transport {
  const connection = (connection: Connection): Partial<Connection> => ({
    subscribe: (request, deliver) =>
      connection.subscribe(request, (delivery) =>
        deliver(
          over(delivery, {
            settle: (settlement) => settle(settlement, delivery, (effect) => connection.publish(effect)),
          }),
        ),
      ),
  })
  return () => altered(broker(), { connection })
}

/** A broker whose groups are soon full. */
function small(): Transport {
  return memory({ capacity: 20 })
}

function late(delivery: Delivery, connection: Connection, closed: WeakSet<object>): Delivery {
  return over(delivery, {
    async settle(settlement) {
      if (settlement.as !== 'handled') return delivery.settle(settlement)
      await delivery.settle(handled)
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (closed.has(connection)) return undefined
      for (const effect of settlement.effects) await connection.publish(effect)
      return undefined
    },
  })
}

/** Counts by itself what its members died with, and suspects nothing. */
function suspectsTogether(): Transport {
  const deaths = new Map<string, number>()
  return altered(healthy(), {
    connection: (connection) => {
      const held = new Set<Delivery>()
      return {
        subscribe: (request, deliver) =>
          connection.subscribe(request, (delivery) => {
            held.add(delivery)
            const id = String(delivery.message.attributes['id'])
            deliver(
              over(delivery, {
                redeliveries: deaths.get(id) ?? 0,
                settle: (settlement) => (held.delete(delivery), delivery.settle(settlement)),
              }),
            )
          }),
        async close() {
          for (const delivery of held) {
            const id = String(delivery.message.attributes['id'])
            deaths.set(id, (deaths.get(id) ?? 0) + 1)
            await delivery.settle({ as: 'given-back', begun: false })
          }
          await connection.close()
        },
      }
    },
  })
}
