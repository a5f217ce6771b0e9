import {
  type BusOptions,
  type Capabilities,
  type DeadLetterStore,
  type Inbox,
  memory,
  type Transport,
} from '@tidings/bus'
import {
  type Connection,
  type Delivery,
  discarded,
  type GroupRequest,
  type Membership,
  type Outgoing,
  type Settled,
  type Settlement,
} from '@tidings/bus/transport'
import { altered } from '../../src/altered.ts'
import { over } from '@tidings/core/tools'

/** A promise of the contract, broken on purpose, and the cases that must find out. */
export interface Mutation {
  readonly breaks: string
  readonly foundBy: readonly string[]
  /** A fresh broker that breaks it. */
  transport?(): Transport
  /** What breaks it in the bus, as far as its options reach. */
  readonly bus?: BrokenBus | (() => BrokenBus)
}

/** What of a bus can be broken. */
type BrokenBus = Pick<BusOptions, 'clock' | 'inbox' | 'middleware' | 'random'>

/** A broker that keeps its promises. */
export const healthy = (): Transport => memory({ history: 1000 })

/** Breaks the settling or the content of each delivery. */
export const deliveries = (alter: (delivery: Delivery, request: GroupRequest) => Partial<Delivery>) => (): Transport =>
  altered(healthy(), { delivery: (delivery, request) => over(delivery, alter(delivery, request)) })

/** Breaks what is settled: it is done as something else, or not at all where there is nothing. */
export const settlements = (alter: (settlement: Settlement) => Settlement | undefined): (() => Transport) =>
  deliveries((delivery) => ({
    settle(settlement) {
      const altered = alter(settlement)
      return altered && delivery.settle(altered)
    },
  }))

/** Breaks the store of dead letters, and what settlements do with it. */
export const letters =
  (
    changes: (store: DeadLetterStore) => Partial<DeadLetterStore>,
    alter: (settlement: Settlement) => Settlement = (settlement) => settlement,
  ) =>
  (): Transport =>
    altered(settlements(alter)(), {
      connection: ({ deadLetters }) => ({ deadLetters: over(deadLetters!, changes(deadLetters!)) }),
    })

/** A delivery whose group has its marks elsewhere. */
export function markedIn(inbox: Inbox, delivery: Delivery, { group }: GroupRequest): Delivery {
  const { source, id } = delivery.message.attributes
  return over(delivery, {
    handledBefore: inbox.has({ source: String(source), id: String(id) }, group) as boolean,
    settle(settlement): Settled | Promise<Settled> {
      if (settlement.as !== 'handled' || settlement.mark === undefined) return delivery.settle(settlement)
      if (inbox.has(settlement.mark, group) === true) {
        return Promise.resolve(delivery.settle(discarded)).then(() => 'handled-before')
      }
      inbox.add(settlement.mark, group)
      return delivery.settle({ ...settlement, mark: undefined })
    },
  })
}

export const memberships =
  (alter: (membership: Membership, request: GroupRequest) => Partial<Membership>) => (): Transport =>
    altered(healthy(), { membership: alter })

export const connections = (alter: (connection: Connection) => Partial<Connection>) => (): Transport =>
  altered(healthy(), { connection: alter })

/** Breaks what is asked for when a group is joined. */
export const requests = (alter: (request: GroupRequest) => Partial<GroupRequest>): (() => Transport) =>
  connections((connection) => ({
    subscribe: (request, deliver) => connection.subscribe({ ...request, ...alter(request) }, deliver),
  }))

/** Breaks what is published, by itself or as an effect. */
export const outgoing =
  (alter: (outgoing: Outgoing) => Outgoing): (() => Transport) =>
  () =>
    altered(
      settlements((settlement) =>
        'effects' in settlement ? { ...settlement, effects: settlement.effects.map(alter) } : settlement,
      )(),
      { connection: (connection) => ({ publish: (given) => connection.publish(alter(given)) }) },
    )

export const message = (alter: (message: Outgoing['message']) => Partial<Outgoing['message']>): (() => Transport) =>
  outgoing((given) => ({ ...given, message: { ...given.message, ...alter(given.message) } }))

export const claims = (transport: Transport, capabilities: Partial<Capabilities>): Transport =>
  over(transport, { capabilities: { ...transport.capabilities, ...capabilities } })

export const nothing = (): void => {}
