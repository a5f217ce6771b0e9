import type { BusOptions, Message, TransactionsOf, Transport } from '@tidings/bus'
import type { AggregationStore, ClaimCheckStore } from '@tidings/bus/integration'
import type { GroupRequest } from '@tidings/bus/transport'
import type { Duration } from '@tidings/core'
import type { EncodedEvent } from '@tidings/events'
import type { HandledEvent } from './work-deliveries.ts'

/**
 * What an adapter's author gives to the suite: a way to the broker and, where there are any, ways to disturb it. What
 * is left out leaves cases out, each with its reason.
 */
export interface ConformanceKit {
  /** A way to the broker, always the same broker. Called at least once a case; every call may give the same transport. */
  transport(): Transport
  /** Given where `transport()` cannot be called yet when the cases are listed, as the broker is still starting. */
  readonly about?: Pick<Transport, 'name' | 'capabilities'> | undefined
  /** `'quick'` (default) for every run, `'full'` for a nightly one: more messages, and minutes of mixed faults. */
  readonly size?: 'quick' | 'full' | undefined
  /** How long a case waits for what must happen. Default `'10s'`. */
  readonly within?: Duration | undefined
  /** How long a case watches that something does not happen. Default `'150ms'`; more than a message takes. */
  readonly quiet?: Duration | undefined
  /** How long a slow handler is slow: longer than the broker waits for an answer by itself. Default `'1s'`. */
  readonly slow?: Duration | undefined
  /**
   * How long the broker is left alone before a case kills it: what it needs after a queue was made or a message
   * confirmed until it can be killed. Default 0. A quorum queue takes seconds until its members have their first copy.
   */
  readonly restBeforeKill?: Duration | undefined
  /** The network between the transport and the broker, as a proxy can disturb it. */
  readonly network?: NetworkFaults | undefined
  /** The broker's process. */
  readonly broker?: BrokerFaults | undefined
  /** Options of the buses that the cases make, such as an inbox for a broker that has none. */
  readonly bus?: Pick<BusOptions, 'clock' | 'inbox' | 'middleware' | 'random'> | undefined
  /** A consumer in a process of its own, for the cases in which it is killed. See {@link holdDeliveries}. */
  spawnConsumer?(request: GroupRequest): Promise<ChildConsumer>
  /** A member in a process of its own that handles what it is handed. See {@link workDeliveries}. */
  spawnWorker?(request: GroupRequest): Promise<ChildWorker>
  /** A publisher in a process of its own, for the case in which it is killed. See {@link publishInTurn}. */
  spawnPublisher?(messages: readonly Message[]): Promise<ChildPublisher>
  /** A table of the application in the database of a transport with `transactions`. */
  readonly table?: OwnTable | undefined
  /** A process that writes and publishes, for the case in which it is killed. See {@link transactInTurn}. */
  spawnTransactor?(messages: readonly Message[]): Promise<ChildPublisher>
  /** Makes what a group with this name lives in on the broker, with other settings than the transport asks for. */
  declareConflict?(group: string): Promise<void>
  /**
   * Takes away groups that a case has made, with all that waits in them, by their whole names; called behind each case,
   * when nobody is in them any more. Where one does not exist (any more), that is no failure. Left out, a transport with
   * `groups` takes them away itself.
   */
  removeGroups?(names: readonly string[]): Promise<void>
  /** A store for `aggregator`, where the adapter has one. Called once a case. */
  aggregations?(): AggregationStore
  /** A store for `claimCheck`, where the adapter has one. Called once a case. */
  claimChecks?(): ClaimCheckStore
  /** A client of the broker that knows nothing of Tidings. */
  readonly plain?: PlainClient | undefined
}

/** Where an application writes in the commits of the transport. */
export interface OwnTable {
  /** What the adapter exports for `bus.transaction` and for the option `transaction` of handlers. */
  readonly transaction: TransactionsOf<unknown>
  /** Writes a row, by what works are given; once for each text, and a second time it throws. A promise where the database has them. */
  write(transaction: never, row: string): void | Promise<void>
  /** All rows that are committed. */
  rows(): Promise<readonly string[]>
}

/** Ways to disturb the network. They touch every connection, so the cases that use them run alone. */
export interface NetworkFaults {
  /** Breaks all connections and refuses new ones. */
  cut(): Promise<void>
  /** Keeps all connections, and swallows what is sent either way. */
  blackHole(): Promise<void>
  /** All is well again. Connections that were cut stay so. */
  restore(): Promise<void>
}

/** Ways to disturb the broker. The cases that use them run alone. */
export interface BrokerFaults {
  /** Ends the process at once, as `kill -9` does. */
  kill(): Promise<void>
  /** Starts it with the data that it had; resolves when it answers. */
  start(): Promise<void>
}

/** A member of a group in another process. It settles nothing. */
export interface ChildConsumer {
  /** The ids of the events that it was handed so far. */
  readonly received: readonly string[]
  /** Ends the process at once, as `kill -9` does; resolves when it is gone. */
  kill(): Promise<void>
}

/** A member of a group in another process, which handles what it is handed. */
export interface ChildWorker {
  /** What it has settled so far. */
  readonly handled: readonly HandledEvent[]
  /** Ends the process; resolves when it is gone. */
  kill(): Promise<void>
}

/** A publisher in another process. */
export interface ChildPublisher {
  /** The ids of the messages that were confirmed so far. */
  readonly confirmed: readonly string[]
  /** Ends the process at once, as `kill -9` does; resolves when it is gone. */
  kill(): Promise<void>
}

/** The broker's own client, to prove that others read what we write and write what we read. */
export interface PlainClient {
  /** Publishes a CloudEvent by the binding of the protocol, to where the transport's groups get its type from. */
  publish(event: EncodedEvent, mode: 'binary' | 'structured'): Promise<void>
  /** Begins to receive events of a type; resolves when it gets what is published from then on. */
  receive(type: string): Promise<{ next(): Promise<EncodedEvent>; close(): Promise<void> }>
}

/** The kit with its defaults; durations in milliseconds. */
export interface ResolvedKit extends ConformanceKit {
  readonly about: Pick<Transport, 'name' | 'capabilities'>
  readonly size: 'quick' | 'full'
  readonly within: number
  readonly quiet: number
  readonly slow: number
  readonly restBeforeKill: number
}
