import { connect } from 'node:net'
import {
  type Capabilities,
  CapabilityMissingError,
  type Message,
  MessageTooLargeError,
  OutcomeUnknownError,
  SettlementRefusedError,
} from '@tidings/bus'
import {
  errorOf,
  type GroupRequest,
  Lease,
  type Outgoing,
  type Settled,
  type Settlement,
  type SinkReplay,
  type Taken,
} from '@tidings/bus/transport'
import { encodeFrame, encodeText, FrameSocket, maxFrame } from './frame-socket.ts'
import {
  boundToWire,
  capabilitiesFromWire,
  type ClientFrame,
  fromWire,
  noRequest,
  outgoingToWire,
  type Request,
  type ServerFrame,
  settlementToWire,
} from './wire.ts'

/** Who opens a link, and what is told of it. */
export interface LinkOptions {
  readonly host: string
  readonly port: number
  /** Gives up a link that is being opened, and ends one that is open. */
  readonly signal: AbortSignal
  /** Milliseconds until a server that does not answer counts as away. */
  readonly timeout: number
  readonly heartbeat: number
  /** The id of the connection of the bus, and its name. */
  readonly client: string
  readonly name: string
  onTaken(member: number, taken: Taken, lease: Lease): void
  onUnroutable(message: Message): void
  /** The answer to a publish; `error` where it failed. */
  onPublished(n: number, error: Error | undefined): void
  /** The link is gone. Not told of one that never opened. */
  onLost(error: Error): void
}

/** What is published as JSON, without its number, which it gets when it is sent. */
export type EncodedPublish = string

/** @throws MessageTooLargeError */
export function encodePublish(outgoing: Outgoing): EncodedPublish {
  const json = JSON.stringify(outgoingToWire(outgoing))
  const size = Buffer.byteLength(json) + longestPublishHead
  if (size <= maxFrame) return json
  throw new MessageTooLargeError(String(outgoing.message.attributes['type']), size, maxFrame)
}

const longestPublishHead = `{"op":"publish","n":${Number.MAX_SAFE_INTEGER},`.length

/** The link broke before the answer came. */
export class LinkLostError extends Error {}

/** One TCP connection to a server, from its hello to its end. */
export class Link {
  readonly capabilities: Capabilities
  readonly #frames: FrameSocket<ServerFrame, ClientFrame>
  readonly #requests = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  readonly #leases = new Map<number, Lease>()
  readonly #options: LinkOptions
  #isOpen = true
  // Requests count down, publishes count up.
  #requestNumbers = noRequest

  private constructor(options: LinkOptions, frames: FrameSocket<ServerFrame, ClientFrame>, capabilities: Capabilities) {
    this.#options = options
    this.#frames = frames
    this.capabilities = capabilities
  }

  /** Connects and says hello. Rejects when the server is away, silent, or refuses. */
  static open(options: LinkOptions): Promise<Link> {
    const { host, port, signal, timeout, heartbeat, client, name } = options
    return new Promise((resolve, reject) => {
      let link: Link | undefined
      const socket = connect({ host, port, signal })
      const late = setTimeout(() => frames.destroy(new Error(`no answer within ${timeout}ms`)), timeout)
      const onFrame = (frame: ServerFrame): void => {
        if (link !== undefined) {
          link.#handle(frame)
          return
        }
        clearTimeout(late)
        if (frame.op === 'failed') reject(errorOf(frame.error))
        if (frame.op !== 'welcome') return
        link = new Link(options, frames, capabilitiesFromWire(frame.capabilities))
        frames.watch(3 * heartbeat, () => frames.send({ op: 'ping' }))
        resolve(link)
      }
      const frames = new FrameSocket<ServerFrame, ClientFrame>(socket, onFrame, (error) => {
        clearTimeout(late)
        reject(error)
        if (link !== undefined) link.#onClose(error)
      })
      frames.send({ op: 'hello', client, name, heartbeat })
    })
  }

  subscribe(member: number, request: GroupRequest): Promise<unknown> {
    return this.#ask((n) => ({ op: 'subscribe', n, member, request }))
  }

  ask(request: Request): Promise<unknown> {
    return this.#ask((n) => ({ ...request, n }))
  }

  /** `signal` ends it at the server, whose answer comes still. Rejects with `OutcomeUnknownError` when the link breaks. */
  async replay(group: string, { rate, limit, signal }: SinkReplay): Promise<number> {
    let number = noRequest
    const asked = this.#ask((n) => {
      number = n
      return { op: 'replay', n, group, rate: boundToWire(rate), limit: boundToWire(limit) }
    })
    const onAbort = (): void => this.send({ op: 'abort', n: number })
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return (await asked) as number
    } catch (error) {
      if (!(error instanceof LinkLostError)) throw error
      throw new OutcomeUnknownError(`the connection broke in a replay of "${group}"`, { cause: error })
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Asks the server to end the session, and resolves when it has. */
  leave(): Promise<unknown> {
    return this.#ask((n) => ({ op: 'close', n }))
  }

  send(frame: ClientFrame): void {
    this.#frames.send(frame)
  }

  /** A publish, encoded before, under its number: its answer is told to `onPublished`. */
  publish(encoded: EncodedPublish, n: number): void {
    this.#frames.sendEncoded(encodeText(`{"op":"publish","n":${n},${encoded.slice(1)}`))
  }

  destroy(error?: Error): void {
    this.#frames.destroy(error)
  }

  #ask(frame: (n: number) => ClientFrame): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) {
        reject(new LinkLostError('the link is gone'))
        return
      }
      const n = --this.#requestNumbers
      const bytes = encodeFrame(frame(n))
      if (bytes.length > maxFrame) throw new MessageTooLargeError('what is asked', bytes.length, maxFrame)
      this.#requests.set(n, { resolve, reject })
      this.#frames.sendEncoded(bytes)
    })
  }

  #handle(frame: ServerFrame): void {
    switch (frame.op) {
      case 'deliver':
        return this.#options.onTaken(frame.member, this.#takenOf(frame), this.#leaseOf(frame.lease))
      case 'lost': {
        const lease = this.#leases.get(frame.lease)
        this.#leases.delete(frame.lease)
        return lease?.lose(new Error('the server took the delivery back'))
      }
      case 'unroutable':
        return this.#options.onUnroutable(fromWire(frame.message))
      case 'done':
        if (frame.n > noRequest) return this.#options.onPublished(frame.n, undefined)
        this.#requests.get(frame.n)?.resolve(frame.value)
        this.#requests.delete(frame.n)
        return
      case 'failed':
        if (frame.n > noRequest) return this.#options.onPublished(frame.n, errorOf(frame.error))
        this.#requests.get(frame.n)?.reject(errorOf(frame.error))
        this.#requests.delete(frame.n)
        return
      case 'welcome':
      case 'pong':
    }
  }

  #takenOf({ delivery, message, redeliveries, handledBefore }: ServerFrame & { op: 'deliver' }): Taken {
    const settle = (settlement: Settlement): Promise<Settled> => this.#settle(delivery, settlement)
    return { message: fromWire(message), redeliveries, handledBefore, settle }
  }

  #leaseOf(id: number): Lease {
    const known = this.#leases.get(id)
    if (known !== undefined) return known
    const lease = new Lease({ onEmpty: () => this.#leases.delete(id) })
    this.#leases.set(id, lease)
    return lease
  }

  async #settle(delivery: number, settlement: Settlement): Promise<Settled> {
    if (settlement.as === 'handled' && settlement.work !== undefined) {
      const missing = { capability: 'transactions', wantedBy: 'a settlement with `work`' }
      throw new SettlementRefusedError(new CapabilityMissingError('socket', [missing]))
    }
    try {
      const settled = await this.#ask((n) => ({ op: 'settle', n, delivery, settlement: settlementToWire(settlement) }))
      return settled as Settled
    } catch (error) {
      if (error instanceof LinkLostError) {
        // The end of the link gives it back.
        if (settlement.as === 'given-back') return 'lost'
        throw new OutcomeUnknownError('the connection broke', { cause: error })
      }
      throw error instanceof MessageTooLargeError ? new SettlementRefusedError(error) : error
    }
  }

  #onClose(error: Error): void {
    this.#isOpen = false
    for (const lease of this.#leases.values()) lease.lose(error)
    this.#leases.clear()
    for (const { reject } of this.#requests.values()) reject(new LinkLostError('the link broke', { cause: error }))
    this.#requests.clear()
    this.#options.onLost(error)
  }
}
