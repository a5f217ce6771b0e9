import type {
  BusOptions,
  Capabilities,
  Connection,
  Delivery,
  GroupRequest,
  Membership,
  Outgoing,
  Transport,
} from '@tidings/bus'
import { memory } from '@tidings/bus'
import { altered } from '../../src/altered.ts'
import { over } from '../../src/over.ts'

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

/** Breaks what is published. */
export const outgoing = (alter: (outgoing: Outgoing) => Outgoing): (() => Transport) =>
  connections((connection) => ({ publish: (given) => connection.publish(alter(given)) }))

export const message = (alter: (message: Outgoing['message']) => Partial<Outgoing['message']>): (() => Transport) =>
  outgoing((given) => ({ ...given, message: { ...given.message, ...alter(given.message) } }))

export const claims = (transport: Transport, capabilities: Partial<Capabilities>): Transport =>
  over(transport, { capabilities: { ...transport.capabilities, ...capabilities } })

export const nothing = (): void => {}
