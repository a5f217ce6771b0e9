import { systemClock, type TransactionsOf } from '@tidings/bus'
import type { AggregationStore, ClaimCheckStore } from '@tidings/bus/integration'
import type { Capabilities, Transport } from '@tidings/bus/transport'
import { type Duration, milliseconds } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, oneOf, whole } from '@tidings/core/tools'
import type { AnyDefinedEvent, EventOf } from '@tidings/events'
import type { EventStore } from '@tidings/store'
import { createStore, type StoreOptions } from '@tidings/store/recorder'
import { SqliteConnection } from './connection.ts'
import { nodeSqlite, type SqliteDriver } from './database/driver.ts'
import { OpenedFile } from './file/opened-file.ts'
import type { SharedOptions } from './file/shared-file.ts'
import { aggregationsIn, claimChecksIn } from './integration-stores.ts'
import { type SqliteStores, storesOf } from './sqlite-stores.ts'
import { SqliteRecorder } from './store/sqlite-recorder.ts'
import type { SqliteTransaction } from './file/transaction.ts'
import { inWorker } from './worker/in-worker.ts'

export interface SqliteOptions {
  /** The path of the file; it is made where there is none. Beside it come `-wal`, `-shm`, and a lock for each process. */
  readonly file: string
  /**
   * What is confirmed survives: with `full`, the default, a power cut too; with `normal` the end of any process, while a
   * power cut may take the last commits, in order. Neither can damage the file.
   */
  readonly synchronous?: 'full' | 'normal' | undefined
  /** How long a write waits for other processes that write. Default `'5s'`. */
  readonly busyTimeout?: Duration | undefined
  /** Bytes of one message with its attributes and headers. Default 16 MiB. */
  readonly maxMessageSize?: number | undefined
  /**
   * For how long what every group has settled is kept, for groups that begin with the oldest, and for how long it is known
   * what was handled; what goes first counts. What a group has not settled stays. Default `{ age: '7d', count: 1_000_000 }`.
   */
  readonly retention?: { readonly age?: Duration | undefined; readonly count?: number | undefined } | undefined
  /** Dead letters that are kept; what fails beyond is tried again until some are gone. Default: no bound. */
  readonly maxDeadLetters?: number | undefined
  /** The binding of SQLite. Default: `node:sqlite`, which comes with Node, Bun and Deno. */
  readonly driver?: SqliteDriver | undefined
  /**
   * Whether the file is opened by a worker thread, so that neither statements nor flushes hold up the event loop of the
   * application. Default false. Then there is no `sqliteTransaction`, the time is that of the machine, whatever clock a bus
   * has, and the driver is `node:sqlite`. All who use the value share the worker, which ends with the last of them.
   */
  readonly worker?: boolean | undefined
}

const optionNames = [
  'file',
  'synchronous',
  'busyTimeout',
  'maxMessageSize',
  'maxDeadLetters',
  'retention',
  'driver',
  'worker',
]

/** For the option `transaction` of a handler: its context then has `transaction(write)`. */
export const sqliteTransaction: TransactionsOf<SqliteTransaction> = { transport: 'sqlite' }

/** A file as a transport, and as an event store. */
export interface SqliteTransport extends Transport {
  /**
   * The event store in the same file, on the same log: what is appended to a stream is a message for each group that asks
   * for its type, in the same commit. Closing it leaves the file to the others. Rejects with `SqliteError`.
   */
  store<const Definitions extends readonly AnyDefinedEvent[]>(
    options: StoreOptions<Definitions>,
  ): Promise<EventStore<EventOf<Definitions[number]>>>
  /**
   * An inbox and a store of dead letters in the same file, for a bus on a transport that has none: idempotence and letters
   * that can be looked at one by one, beside a broker, for one process or for several on one machine. Rejects with
   * `SqliteError`.
   *
   * @example
   * await using stores = await sqlite({ file: 'shop.db' }).stores()
   * const { inbox, deadLetters } = stores
   * await using bus = await createBus({ source: '/shop', handlers, transport: rabbitmq({ url }), inbox, deadLetters })
   */
  stores(): Promise<SqliteStores>
  /**
   * Where an `aggregator` keeps what it gathers, in the same file: it is there after a crash. What is closed is known again
   * for the age of `retention`. Its methods reject with `SqliteError`.
   *
   * The file is open while a bus or a store has it; where none has, each call opens it and closes it again.
   *
   * @example
   * aggregator(LinePriced, { store: file.aggregations() }, total)
   */
  aggregations(): AggregationStore
  /**
   * Where `claimCheck` keeps large data, in the same file, open as for {@link aggregations}. Its methods reject with
   * `SqliteError`.
   *
   * @example
   * claimCheck({ store: file.claimChecks({ ttl: '90d' }) })
   *
   * @throws TidingsError `INVALID_ARGUMENT`
   */
  claimChecks(options?: SqliteClaimCheckOptions): ClaimCheckStore
}

export interface SqliteClaimCheckOptions {
  /**
   * How long data is kept after it was last put: longer than events wait, with delays, retries, and their time as dead
   * letters. Default `'30d'`; `Infinity` for ever.
   */
  readonly ttl?: Duration | undefined
}

/**
 * A transport in one file: durable, without a server, for one process or several. The same value given to several buses
 * shares the file within the process.
 *
 * @example
 * await using bus = await createBus({ source: '/shop', handlers, transport: sqlite({ file: 'shop.db' }) })
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function sqlite(options: SqliteOptions): SqliteTransport {
  const shared = checked(options)
  const { driver, worker = false, ...settings } = options
  if (typeof worker !== 'boolean') throw invalidArgument('worker', 'true or false', worker, 'Leave it out for false.')
  if (worker && driver !== undefined) {
    const fix = 'A worker opens the file by node:sqlite: a driver is a function, which cannot be handed to it.'
    throw invalidArgument('driver', 'left out beside `worker`', driver, fix)
  }
  const capabilities: Capabilities = {
    durable: true,
    remote: true,
    ordering: 'key',
    atomic: true,
    transactions: !worker,
    wildcards: true,
    delay: true,
    cancel: true,
    deadLetters: 'store',
    inbox: true,
    temporaryGroups: true,
    groups: true,
    history: true,
    unroutable: true,
    redeliveries: true,
    deduplication: false,
    waiting: true,
    maxMessageSize: shared.maxMessageSize,
    maxHeadersSize: Infinity,
    maxHold: Infinity,
  }
  if (worker) return inWorker(settings, capabilities, ttlOf)
  const opened = new OpenedFile(shared)
  return {
    name: 'sqlite',
    capabilities,
    async connect(connectOptions) {
      connectOptions.signal?.throwIfAborted()
      const { file, release } = await opened.use(connectOptions.clock)
      return new SqliteConnection(file, connectOptions, release)
    },
    async store(storeOptions) {
      const { file, release } = await opened.use(systemClock)
      return createStore(new SqliteRecorder(file, release), storeOptions)
    },
    async stores() {
      const { file, release } = await opened.use()
      return storesOf(file, release)
    },
    aggregations: () => aggregationsIn(opened),
    claimChecks: (claimOptions) => claimChecksIn(opened, ttlOf(claimOptions)),
  }
}

/**
 * An event store in one file: `sqlite(options).store(…)`, for who has no bus.
 *
 * @example
 * await using store = await sqliteStore({ file: 'shop.db', events: [OrderPlaced, OrderShipped] })
 *
 * @throws TidingsError `INVALID_ARGUMENT`; SqliteError
 */
export function sqliteStore<const Definitions extends readonly AnyDefinedEvent[]>({
  events,
  inline,
  encryption,
  ...options
}: SqliteOptions & StoreOptions<Definitions>): Promise<EventStore<EventOf<Definitions[number]>>> {
  return sqlite(options).store({ events, inline, encryption })
}

function ttlOf(options: SqliteClaimCheckOptions = {}): number {
  const { ttl = '30d' } = knownOptions(options, ['ttl'], 'claimChecks')
  const checkedTtl = ttl === Infinity ? Infinity : milliseconds(ttl, 'ttl')
  if (checkedTtl > 0) return checkedTtl
  throw invalidArgument('ttl', 'more than 0', ttl, 'Data must outlive the delivery of its events.')
}

function checked(options: SqliteOptions): SharedOptions {
  knownOptions(options, optionNames, 'sqlite')
  const { file, maxMessageSize = 16 * 1024 * 1024, maxDeadLetters = Infinity, retention = {} } = options
  const { age = '7d', count = 1_000_000 } = knownOptions(retention, ['age', 'count'], 'sqlite retention')
  if (typeof file !== 'string' || file === '' || file.startsWith(':')) {
    throw invalidArgument(
      'file',
      'the path of a file',
      file,
      "Such as 'shop.db'. For what need not last there is memory().",
    )
  }
  return {
    file,
    synchronous: oneOf(options.synchronous, ['full', 'normal'], 'synchronous'),
    busyTimeout: milliseconds(options.busyTimeout ?? '5s', 'busyTimeout'),
    maxMessageSize: whole(maxMessageSize, 1, 'maxMessageSize', true),
    maxDeadLetters: whole(maxDeadLetters, 1, 'maxDeadLetters', true),
    retention: { age: milliseconds(age, 'retention.age'), count: whole(count, 0, 'retention.count', true) },
    open: functionOption(options.driver ?? nodeSqlite, 'driver'),
  }
}
