import { type Capabilities, memory, type MemoryOptions, type Transport } from '@tidings/bus'
import { TidingsError } from '@tidings/core'
import { serveTransport, type TransportServer } from './serve-transport.ts'
import type { SocketTransportOptions } from './socket-transport.ts'
import { type Child, type ChildKit, type ModuleFunction, spawnChild } from './spawn-child.ts'

/** What {@link startBroker} takes. */
export interface BrokerOptions {
  /** Where to listen, on 127.0.0.1. Default 0: any port that is free. */
  readonly port?: number | undefined
  /**
   * What is served: a module whose default export makes the transport, as a function without arguments, or the module
   * with the name of the function and the options that it takes. Default: `memory()`.
   */
  readonly transport?: URL | ModuleFunction | undefined
  /** Options of the `memory()` that is served where `transport` is left out. */
  readonly memory?: MemoryOptions | undefined
}

/** A broker in a process of its own. Made by {@link startBroker}; disposing of it kills it. */
export interface BrokerProcess extends AsyncDisposable {
  /** The same through all its lives. */
  readonly port: number
  readonly pid: number
  /** What the transport that it serves can do, for `socketTransport`. */
  readonly capabilities: Capabilities
  /**
   * Ends it at once, as `kill -9` does, and with it all that its transport keeps in memory. Resolves when it is gone.
   * Idempotent.
   */
  kill(): Promise<void>
  /** Starts it again on its port, with what its transport has kept; nothing while it runs. Resolves when it answers. */
  start(): Promise<void>
  /** Ends its connections, then the process. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts a process that serves a transport for `socketTransport`: a broker whose clients can be killed, and which can be
 * killed itself, the `broker` of a kit. It ends with this process at the latest. A tool for tests, as `serveTransport`
 * is.
 *
 * Rejects with `CHILD_PROCESS_FAILED` and what the process wrote, where the module makes no transport or the port is
 * taken.
 *
 * @example
 * // my-transport.ts: export default () => myTransport({ file: 'test.db' })
 * await using broker = await startBroker({ transport: new URL('./my-transport.ts', import.meta.url) })
 * const { port, capabilities } = broker
 * await runConformance({ transport: () => socketTransport({ port, capabilities }), broker })
 */
export async function startBroker(options: BrokerOptions = {}): Promise<BrokerProcess> {
  const transport = served(options)
  let { child, told } = await spawnBroker(options.port, transport)
  let isUp = true
  const end = async (how: 'kill' | 'stop'): Promise<void> => {
    isUp = false
    await child[how]()
  }
  return {
    port: told.port,
    get pid() {
      return child.pid
    },
    get capabilities() {
      return told.capabilities
    },
    kill: () => end('kill'),
    async start() {
      if (isUp) return
      ;({ child, told } = await spawnBroker(told.port, transport))
      isUp = true
    },
    stop: () => end('stop'),
    [Symbol.asyncDispose]: () => end('kill'),
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
export async function serveInChild({ options, report, transport: make }: ChildKit): Promise<TransportServer> {
  const transport = make()
  if (!isTransport(transport)) {
    throw new TidingsError(
      'INVALID_ARGUMENT',
      `\`transport\` must name a function that returns a transport, received one that returns ${String(transport)}\nExport a function from the module, by default or by the name that is given, and return the transport itself.`,
    )
  }
  const server = await serveTransport(transport, { port: options as number })
  report({ port: server.port, capabilities: transport.capabilities } satisfies Told)
  return server
}

/**
 * `memory()` as the process serves it, by its name.
 *
 * @public
 */
export function memoryInChild(options: MemoryOptions | undefined): Transport {
  return memory(options)
}

interface Told {
  readonly port: number
  readonly capabilities: Capabilities
}

async function spawnBroker(port = 0, transport: ModuleFunction): Promise<{ child: Child; told: Told }> {
  const child = await spawnChild({ module: new URL(import.meta.url), name: 'serveInChild', options: port, transport })
  return { child, told: child.reports[0] as Told }
}

/** The module may be JavaScript that nobody has checked. */
function isTransport(value: unknown): value is Transport {
  return typeof (Object(value) as Partial<Transport>).connect === 'function'
}

function served({ transport, memory: limits }: BrokerOptions): ModuleFunction {
  if (transport === undefined) return { module: new URL(import.meta.url), name: 'memoryInChild', options: limits }
  if (limits !== undefined) {
    throw new TidingsError(
      'INVALID_ARGUMENT',
      '`memory` has no meaning beside `transport`, which startBroker serves in its place\nLeave one of them out.',
    )
  }
  // By their shape: test runners have a `URL` of their own.
  const named = 'href' in Object(transport) ? { module: transport as URL } : (transport as ModuleFunction)
  if ('href' in Object(named.module)) return named
  throw new TidingsError(
    'INVALID_ARGUMENT',
    `\`transport\` must be the URL of a module or { module, name, options }, received ${JSON.stringify(transport)}\nGive new URL('./my-transport.ts', import.meta.url): the process that loads it does not know where you are.`,
  )
}
