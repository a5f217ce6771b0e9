import { memory, type MemoryOptions } from '@tidings/bus'
import { serveTransport, type TransportServer } from './serve-transport.ts'
import type { SocketTransportOptions } from './socket-transport.ts'
import { type ChildKit, type ModuleFunction, spawnChild } from './spawn-child.ts'

/** What {@link startBroker} takes. */
export interface BrokerOptions {
  /** Where to listen, on 127.0.0.1. Default 0: any port that is free. */
  readonly port?: number | undefined
  /** Options of the `memory()` that is served. */
  readonly memory?: MemoryOptions | undefined
}

/** A broker in a process of its own. Made by {@link startBroker}; disposing of it kills it. */
export interface BrokerProcess extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  /** Ends it at once, as `kill -9` does, and with it all that it kept: it is memory. Resolves when it is gone. Idempotent. */
  kill(): Promise<void>
  /** Ends its connections, then the process. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts a process that serves `memory()`, for `socketTransport`: a broker whose clients can be killed, and which can be
 * killed itself. It ends with this process at the latest. A tool for tests, as `serveTransport` is.
 *
 * @example
 * await using broker = await startBroker()
 * const transport = socketTransport({ port: broker.port })
 */
export async function startBroker(options: BrokerOptions = {}): Promise<BrokerProcess> {
  const child = await spawnChild({ module: new URL(import.meta.url), name: 'serveMemory', options })
  return {
    port: child.reports[0] as number,
    pid: child.pid,
    kill: () => child.kill(),
    stop: async () => {
      await child.stop()
    },
    [Symbol.asyncDispose]: () => child.kill(),
  }
}

/** `socketTransport` as `spawnChild` wants it. */
export function socketTransportOf(options: SocketTransportOptions): ModuleFunction {
  const isSource = import.meta.url.endsWith('.ts')
  const module = new URL(isSource ? './socket-transport.ts' : './socket-transport.js', import.meta.url)
  return { module, name: 'socketTransport', options }
}

/**
 * What the process runs, by its name.
 *
 * @public
 */
export async function serveMemory({ options, report }: ChildKit): Promise<TransportServer> {
  const { port, memory: limits } = options as BrokerOptions
  const server = await serveTransport(memory(limits), { port })
  report(server.port)
  return server
}
