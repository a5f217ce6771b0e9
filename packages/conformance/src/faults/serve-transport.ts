import { createServer, type Socket } from 'node:net'
import { type Clock, systemClock, type Transport } from '@tidings/bus'
import { listen } from './listen.ts'
import { Session } from './session.ts'

/** What {@link serveTransport} takes besides the transport. */
export interface ServeOptions {
  /** Where to listen, on 127.0.0.1. Default 0: any port that is free. */
  readonly port?: number | undefined
  /** For the connections to the transport that is served. Default: the time of the machine. */
  readonly clock?: Clock | undefined
}

/** A transport that other processes can reach. Made by {@link serveTransport}. */
export interface TransportServer extends AsyncDisposable {
  readonly port: number
  /** Clients that are connected. */
  readonly connections: number
  /** Ends every connection, and accepts none any more. The transport itself stays as it is. Idempotent. */
  close(): Promise<void>
}

/**
 * Serves a transport to other processes on 127.0.0.1, which connect to it by `socketTransport`. Each client has a
 * connection of its own to the transport; it is closed as soon as the client is gone, so that what the client has not
 * settled is delivered to others.
 *
 * A tool for tests of crashes and broken networks, not a broker: no authentication, no encryption, and nothing is kept
 * that the transport does not keep itself.
 *
 * @example
 * await using server = await serveTransport(memory())
 * const transport = socketTransport({ port: server.port })
 */
export async function serveTransport(transport: Transport, options: ServeOptions = {}): Promise<TransportServer> {
  const { port = 0, clock = systemClock } = options
  const sockets = new Set<Socket>()
  const sessions = new Map<string, Session>()
  const ending = new Set<Promise<void>>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const session = new Session(socket, transport, clock, async (client) => {
      // A client that comes back speaks for itself: its session before holds what nobody can settle any more.
      const before = sessions.get(client)
      sessions.set(client, session)
      await before?.end()
    })
    socket.on('close', () => {
      sockets.delete(socket)
      if (session.client !== undefined && sessions.get(session.client) === session) sessions.delete(session.client)
      const end = session.end().finally(() => ending.delete(end))
      ending.add(end)
    })
  })
  const listening = await listen(server, port)
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
    await Promise.all(ending)
  }
  return {
    port: listening,
    get connections() {
      return sockets.size
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
