import type { Bus, BusOptions, Clock, DeadLetter, Transport } from '@tidings/bus'
import type { Duration } from '@tidings/core'
import type { AnyDefinedEvent, EventOf } from '@tidings/events'
import type { BrokerKind } from './broker.ts'

/** An application under simulation. */
export interface Simulated<World> {
  /**
   * Which kinds of broker it is made for; each run has one of them. Default: all. An application whose handlers have
   * `transaction: simulatedTransactions` is made for `['store']`.
   */
  readonly brokers?: readonly BrokerKind[] | undefined
  /** What survives every crash: databases, and what was done outside. Made once for each run. */
  world(): World
  /**
   * A process of the application, made anew after each crash: what it keeps to itself is lost with it. Its handlers
   * should wait for nothing but promises of the world, of their context and of `tools`: real I/O is waited for, but
   * what it does then depends on no seed, and a crash cannot hold it up.
   */
  start(world: World, tools: ProcessTools): StartedProcess | Promise<StartedProcess>
  /** What clients do. They outlive the processes. */
  drive(client: Client<World>): Promise<void>
  /** What must hold when all has come to rest, by name. `false`, a rejection or an error says that it does not. */
  readonly invariants: Readonly<Record<string, (world: World, run: Run) => unknown>>
}

/** What a process brings to its bus. */
export interface StartedProcess extends Pick<
  BusOptions,
  'handlers' | 'inbox' | 'definitions' | 'middleware' | 'maxDepth'
> {
  /** What stands between its bus and the simulated broker: a wrapper of your own, to be tried as the handlers are. */
  readonly transport?: ((simulated: Transport) => Transport) | undefined
}

export interface ProcessTools {
  /** Virtual time, which ends with the process. */
  readonly clock: Clock
  /** From 0 up to, not with, 1; by the seed. */
  random(): number
  /** A place at which others may run, and at which the process may die: the promise then never resolves. Default no time. */
  pause(duration?: Duration): Promise<void>
  /** Ends the process, as an event may that it has no memory for. The promise never resolves. */
  die(): Promise<never>
}

export interface Client<World> {
  readonly world: World
  /** As `bus.publish`. Where the outcome is unknown, it publishes the event again, as a careful client does. */
  readonly publish: Bus['publish']
  /** As `bus.transaction`, on a broker that is a `'store'`. Where the outcome is unknown, it rejects with that. */
  readonly transaction: Bus['transaction']
  /** Of all groups, to be listed, replayed and discarded, as an operator does. */
  readonly deadLetters: Bus['deadLetters']
  /** From 0 up to, not with, 1; by the seed. */
  random(): number
  /** Passes virtual time. */
  pause(duration: Duration): Promise<void>
}

/** What happened in a run, for invariants. */
export interface Run {
  /** Events that were confirmed, in order; of those that go out with a settlement, each time that the broker had it. */
  published<Definition extends AnyDefinedEvent>(definition: Definition): readonly EventOf<Definition>[]
  /** Calls of handlers that ended without an error, in order; duplicates included. */
  handled<Definition extends AnyDefinedEvent>(definition: Definition, group?: string): readonly EventOf<Definition>[]
  readonly deadLetters: readonly DeadLetter[]
  /** What handlers wrote by `context.transaction`. */
  readonly database: ReadonlyMap<string, unknown>
  /** Times that the process died. */
  readonly crashes: number
}
