import type { Capabilities, Connection, ConnectOptions, Transport } from '@tidings/bus/transport'
import type { TransactionsOf } from '@tidings/bus'
import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import { invalidArgument, knownOptions, oneOf, whole } from '@tidings/core/tools'
import { SqliteConnection } from './connection.ts'
import { openNodeSqlite } from './database/driver.ts'
import { SharedFile, type SharedOptions } from './shared-file.ts'
import type { SqliteTransaction } from './transaction.ts'
import { Watch } from './watch.ts'

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
}

const optionNames = ['file', 'synchronous', 'busyTimeout', 'maxMessageSize', 'maxDeadLetters', 'retention']

/** For the option `transaction` of a handler: its context then has `transaction(write)`. */
export const sqliteTransaction: TransactionsOf<SqliteTransaction> = { transport: 'sqlite' }

/**
 * A transport in one file: durable, without a server, for one process or several. The same value given to several buses
 * shares the file within the process.
 *
 * @example
 * await using bus = await createBus({ source: '/shop', handlers, transport: sqlite({ file: 'shop.db' }) })
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function sqlite(options: SqliteOptions): Transport {
  const shared = checked(options)
  const capabilities: Capabilities = {
    durable: true,
    remote: true,
    ordering: 'key',
    atomic: true,
    transactions: true,
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
  let open: Opened | undefined
  return {
    name: 'sqlite',
    capabilities,
    connect: async (connectOptions) => {
      connectOptions.signal?.throwIfAborted()
      await open?.closing
      open ??= new Opened(shared, connectOptions, () => (open = undefined))
      return open.connect(connectOptions)
    },
  }
}

/** The file while somebody in this process is connected to it. */
class Opened {
  closing: Promise<void> | undefined
  readonly #file: SharedFile
  readonly #watch: Watch
  readonly #clock: ConnectOptions['clock']
  readonly #onClosed: () => void
  #connections = 0

  constructor(options: SharedOptions, { clock }: ConnectOptions, onClosed: () => void) {
    this.#file = new SharedFile(options, clock)
    this.#watch = new Watch(this.#file)
    this.#clock = clock
    this.#onClosed = onClosed
  }

  connect(options: ConnectOptions): Connection {
    if (options.clock !== this.#clock) {
      throw new TidingsError(
        'INVALID_ARGUMENT',
        '`clock` must be the one of the bus that is connected to this sqlite() already: it has one time\n' +
          'Give all its buses the same clock, or each bus a sqlite() of its own.',
      )
    }
    this.#connections++
    return new SqliteConnection(this.#file, options, async () => {
      if (--this.#connections > 0) return
      await (this.closing = this.#close())
    })
  }

  async #close(): Promise<void> {
    this.#watch.close()
    await this.#file.tidy()
    await this.#file.close()
    this.#onClosed()
  }
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
    open: openNodeSqlite,
  }
}
