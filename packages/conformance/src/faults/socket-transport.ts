import { type Capabilities, memory, type Transport } from '@tidings/bus'
import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import { SocketConnection } from './socket-connection.ts'

/** What {@link socketTransport} takes. */
export interface SocketTransportOptions {
  readonly port: number
  /** Default `'127.0.0.1'`. */
  readonly host?: string | undefined
  /**
   * What the served transport can do: connecting to a server of another kind is refused. Default: the capabilities of
   * `memory()`.
   */
  readonly capabilities?: Capabilities | undefined
  /** How often each side lets the other hear of it; after three in silence the connection counts as broken. Default `'1s'`. */
  readonly heartbeat?: Duration | undefined
  /** How long connecting and closing may take. Default `'5s'`. */
  readonly timeout?: Duration | undefined
  /** The waits between attempts to come back, each twice the one before and cut by chance. Default `'50ms'` to `'1s'`. */
  readonly backoff?: { readonly min?: Duration | undefined; readonly max?: Duration | undefined } | undefined
}

/**
 * A transport in another process, or in this one behind a socket, which serves it by `serveTransport`. A connection that
 * breaks comes back by itself and joins its groups again; where the server serves another kind of transport by then, it is
 * closed for good. A publish whose confirm was lost with a connection rejects with
 * `OutcomeUnknownError`; one that has not been sent waits. Deliveries of a broken connection are lost: settling them does
 * nothing; a settlement whose answer was lost with it rejects with `OutcomeUnknownError`. Dead letters, groups and `cancel`
 * are asked again, so that `remove` and `cancel` may answer false for what the first question has done. A replay of a sink
 * is not: it ends with the connection that it was sent on, and rejects with `OutcomeUnknownError`; `close()` ends it behind
 * the letter under way, and waits for its number.
 *
 * A tool for tests of crashes and broken networks, not for production. It keeps the time of the machine, whatever clock
 * the bus has: sockets do not wait for virtual time.
 */
export function socketTransport(options: SocketTransportOptions): Transport {
  const { port, host = '127.0.0.1', backoff = {} } = options
  const served: Capabilities = options.capabilities ?? memory().capabilities
  const capabilities = overSocket(served)
  const socketOptions = {
    host,
    port,
    heartbeat: milliseconds(options.heartbeat ?? '1s', 'heartbeat'),
    timeout: milliseconds(options.timeout ?? '5s', 'timeout'),
    minDelay: milliseconds(backoff.min ?? '50ms', 'backoff.min'),
    maxDelay: milliseconds(backoff.max ?? '1s', 'backoff.max'),
    check: (actual: Capabilities) => same(overSocket(actual), capabilities),
  }
  return {
    name: 'socket',
    capabilities,
    connect: (to) => SocketConnection.open(socketOptions, to, capabilities),
  }
}

/** What of a transport goes over a socket: all but a handler's own writes, which are a function. */
function overSocket(served: Capabilities): Capabilities {
  return { ...served, remote: true, transactions: false }
}

function same(actual: Capabilities, expected: Capabilities): void {
  for (const [name, value] of Object.entries(expected)) {
    const found: unknown = actual[name as keyof Capabilities]
    if (found === value) continue
    throw new TidingsError(
      'INVALID_ARGUMENT',
      `the transport that is served has \`${name}\` ${String(found)}, not ${String(value)}\n` +
        'Give socketTransport the `capabilities` of the transport that the server serves.',
    )
  }
}
