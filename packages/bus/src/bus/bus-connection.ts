import { invalidArgument } from '@tidings/core/tools'
import { ConnectTimeoutError } from '../errors.ts'
import type { HandlerLog } from '../handler/context.ts'
import type { Connection, ConnectionState, ConnectOptions, Transport } from '../transport/transport.ts'
import { Patience } from './patience.ts'

/** The one connection of a bus, from the attempt to connect to its end. */
export class BusConnection {
  #state: ConnectionState | undefined
  #closed = false
  readonly #transport: Transport
  readonly #options: Omit<ConnectOptions, 'signal'>
  readonly #log: HandlerLog
  #connection: Connection | undefined

  constructor(transport: Transport, options: Omit<ConnectOptions, 'signal'>, log: HandlerLog) {
    this.#transport = transport
    this.#options = options
    this.#log = log
  }

  /** What the transport has said last; once connected, `connected` where it has said nothing. */
  get state(): ConnectionState {
    if (this.#closed) return 'closed'
    return this.#state ?? (this.#connection === undefined ? 'reconnecting' : 'connected')
  }

  /** Of a bus that has started. */
  get open(): Connection {
    return this.#connection!
  }

  /** There once it is open; undefined before. */
  get current(): Connection | undefined {
    return this.#connection
  }

  /**
   * Connects, and does with the connection what belongs to it, within `timeout` milliseconds. What fails on the way
   * leaves nothing open behind.
   *
   * @throws ConnectTimeoutError
   */
  async begin(timeout: number, begin: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const patience = new Patience(this.#options.clock, timeout, undefined)
    const { signal } = patience
    const connecting = this.#connect(signal)
    try {
      this.#connection = await unlessAborted(connecting, signal)
      this.#check(this.#connection)
      await unlessAborted(begin(signal), signal)
    } catch (error) {
      if (this.#connection) await this.#end(this.#connection)
      // Of no use any more, should it come after all.
      else connecting.then(this.#end, () => {})
      throw patience.isOver(error) ? new ConnectTimeoutError(this.#transport.name, timeout) : error
    } finally {
      patience.end()
    }
  }

  async close(): Promise<void> {
    if (this.#connection) await this.#end(this.#connection)
    this.#closed = true
  }

  /** What the capabilities promise must be there, or the first delivery would find out. */
  #check(connection: Connection): void {
    const { name, capabilities } = this.#transport
    const promised = {
      deadLetters: capabilities.deadLetters === 'store',
      deadLetterSink: capabilities.deadLetters === 'sink',
      groups: capabilities.groups,
      transact: capabilities.transactions,
    }
    for (const part of ['deadLetters', 'deadLetterSink', 'groups', 'transact'] as const) {
      if (!promised[part] || connection[part]) continue
      throw invalidArgument(
        `transport.connect`,
        `resolved to a connection with \`${part}\`, since the capabilities of ${name} say so`,
        connection,
        'Hand it on where you wrap a transport.',
      )
    }
  }

  /** Throws and rejects alike, whatever the transport does. */
  async #connect(signal: AbortSignal): Promise<Connection> {
    const onState: ConnectOptions['onState'] = (state, error) => {
      this.#state = state
      this.#options.onState(state, error)
    }
    const connection = await this.#transport.connect({ ...this.#options, signal, onState })
    // Whatever the types say, before somebody closes it.
    if (typeof connection === 'object' && connection !== null) return connection
    throw invalidArgument('transport.connect', 'resolved to a connection', connection, 'Return it.')
  }

  readonly #end = async (connection: Connection): Promise<void> => {
    try {
      await connection.close()
    } catch (error) {
      this.#log.warn('the connection could not be closed', { error })
    }
  }
}

/** As the promise, unless the signal aborts before: also where whoever promised does not heed it. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason as Error)
    const ended = (): void => signal.removeEventListener('abort', aborted)
    signal.addEventListener('abort', aborted)
    promise.then(resolve, reject).then(ended, ended)
  })
}
