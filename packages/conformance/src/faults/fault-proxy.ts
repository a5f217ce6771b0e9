import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Duration, milliseconds, TidingsError } from '@tidings/core'
import { FaultPipe, type Traffic } from './fault-pipe.ts'
import { listen } from './listen.ts'

/** What {@link faultProxy} takes. */
export interface FaultProxyOptions {
  /** Where connections lead. */
  readonly target: { readonly host?: string | undefined; readonly port: number }
  /** Where to listen, on 127.0.0.1. Default 0: any port that is free. */
  readonly port?: number | undefined
}

/** How {@link FaultProxy.slow} slows down; each direction of each connection on its own. */
export interface SlowOptions {
  /** Default: as many as come. */
  readonly bytesPerSecond?: number | undefined
  /** How long each byte is on its way. Default 0. */
  readonly latency?: Duration | undefined
}

/** A network between a client and a server, with faults to order. Made by {@link faultProxy}. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** Clients that are connected. */
  readonly connections: number
  /**
   * Resets every connection, and every new one as soon as it is made, until `restore`. The port stays taken, so that
   * nobody else gets it meanwhile.
   */
  cut(): void
  /** Swallows every byte in both directions, and accepts new connections, until `restore`. Nothing is closed. */
  blackHole(): void
  /** Slows connections down, new ones too, until `restore`. Bytes keep their order. */
  slow(options: SlowOptions): void
  /** Ends one direction of every connection, as a peer that has nothing more to say. The other one goes on. */
  halfClose(towards: 'client' | 'target'): void
  /** Ends the faults. Connections that lost bytes are reset: nobody could read on after a hole. */
  restore(): void
}

/**
 * A TCP proxy on 127.0.0.1 that breaks on demand: what lies between a client and its broker, in a test. It begins
 * without a fault. What it buffers is bounded; then the sender waits.
 *
 * @example
 * await using proxy = await faultProxy({ target: { port: broker.port } })
 * const transport = socketTransport({ port: proxy.port })
 * proxy.cut()
 * proxy.restore()
 */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { host = '127.0.0.1', port } = options.target
  const links = new Set<Link>()
  let traffic: Traffic = { kind: 'open' }
  let isCut = false
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (isCut) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const link = new Link(client, connect({ host, port, allowHalfOpen: true, noDelay: true }), () => traffic)
    links.add(link)
    link.whenGone(() => links.delete(link))
  })
  const change = (next: Traffic): void => {
    traffic = next
    for (const link of links) link.changed()
  }
  const cut = (): void => {
    isCut = true
    for (const link of links) link.reset()
  }
  return {
    port: await listen(server, options.port ?? 0),
    get connections() {
      return [...links].filter((link) => link.isConnected).length
    },
    cut,
    blackHole: () => change({ kind: 'black-hole' }),
    slow: (slowness) => change(slowTraffic(slowness)),
    halfClose(towards) {
      for (const link of links) link.halfClose(towards)
    },
    restore() {
      isCut = false
      for (const link of links) if (link.holed) link.reset()
      change({ kind: 'open' })
    },
    async [Symbol.asyncDispose]() {
      cut()
      await closed(server)
    },
  }
}

/** A client's connection and the one that it leads to. */
class Link {
  readonly #client: Socket
  readonly #target: Socket
  readonly #towardsTarget: FaultPipe
  readonly #towardsClient: FaultPipe
  readonly #traffic: () => Traffic
  #holed = false

  constructor(client: Socket, target: Socket, traffic: () => Traffic) {
    this.#client = client
    this.#target = target
    this.#traffic = traffic
    this.#towardsTarget = new FaultPipe(client, target, traffic)
    this.#towardsClient = new FaultPipe(target, client, traffic)
    for (const socket of [client, target]) {
      socket.on('error', () => {})
      socket.on('close', (failed) => this.#onClose(failed))
    }
  }

  get holed(): boolean {
    return this.#holed || this.#towardsTarget.holed || this.#towardsClient.holed
  }

  get isConnected(): boolean {
    return !this.#client.destroyed
  }

  whenGone(tell: () => void): void {
    for (const socket of [this.#client, this.#target]) {
      socket.on('close', () => {
        if (this.#client.destroyed && this.#target.destroyed) tell()
      })
    }
  }

  changed(): void {
    this.#towardsTarget.changed()
    this.#towardsClient.changed()
  }

  halfClose(towards: 'client' | 'target'): void {
    if (towards === 'client') this.#towardsClient.finish()
    else this.#towardsTarget.finish()
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#target.resetAndDestroy()
  }

  #onClose(failed: boolean): void {
    // Behind a black hole the other side does not hear of it.
    if (this.#traffic().kind === 'black-hole') this.#holed = true
    else if (failed) this.reset()
    else {
      this.#client.end()
      this.#target.end()
    }
  }
}

function slowTraffic({ bytesPerSecond = Infinity, latency = 0 }: SlowOptions): Traffic {
  if (bytesPerSecond > 0) return { kind: 'slow', bytesPerSecond, latency: milliseconds(latency, 'latency') }
  throw new TidingsError(
    'INVALID_ARGUMENT',
    `\`bytesPerSecond\` must be a number above 0, received ${String(bytesPerSecond)}\nFor a link on which nothing moves there is blackHole().`,
  )
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
