import type { Socket } from 'node:net'
import type { Clock, DeadLetter, DeadLetterStore, Transport } from '@tidings/bus'
import {
  type Connection,
  type Delivery,
  type GroupRequest,
  type Groups,
  type Membership,
  plainError,
  type Settled,
} from '@tidings/bus/transport'
import { FrameSocket } from './frame-socket.ts'
import {
  boundFromWire,
  capabilitiesToWire,
  type ClientFrame,
  type GroupsRequest,
  letterFromWire,
  letterToWire,
  type LetterRequest,
  noRequest,
  outgoingFromWire,
  type Request,
  type ServerFrame,
  settlementFromWire,
  toWire,
  type WireLetter,
  type WireReplay,
} from './wire.ts'

/** One client of a server: its connection to the transport that is served, for as long as its TCP connection lasts. */
export class Session {
  /** The id that it said hello with. */
  client: string | undefined
  readonly #frames: FrameSocket<ClientFrame, ServerFrame>
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #greet: (client: string) => Promise<void>
  readonly #members = new Map<number, Membership>()
  /** What `abort` ends, and the end of the session. */
  readonly #abortable = new Map<number, AbortController>()
  readonly #unsettled = new Map<number, { readonly delivery: Delivery; readonly lease: Lease }>()
  readonly #leases = new Map<AbortSignal, Lease>()
  #connecting: Promise<Connection> | undefined
  #connection: Connection | undefined
  #leaving = false
  #numbers = 0
  #ended: Promise<void> | undefined

  /** `greet` is awaited before the client is connected to the transport. */
  constructor(socket: Socket, transport: Transport, clock: Clock, greet: (client: string) => Promise<void>) {
    this.#transport = transport
    this.#clock = clock
    this.#greet = greet
    this.#frames = new FrameSocket(
      socket,
      (frame) => this.#handle(frame),
      () => void this.end(),
    )
  }

  /** Drops the client: what it has not settled goes back. Idempotent, never rejects. */
  end(): Promise<void> {
    return (this.#ended ??= this.#end())
  }

  async #end(): Promise<void> {
    this.#frames.destroy()
    for (const abort of this.#abortable.values()) abort.abort()
    for (const lease of this.#leases.values()) lease.unfollow()
    try {
      await (await this.#connecting)?.close()
    } catch {
      // It could not connect, or close: there is nobody left to tell.
    }
  }

  #handle(frame: ClientFrame): void {
    if (frame.op === 'hello') {
      this.client = frame.client
      this.#frames.watch(3 * frame.heartbeat)
      void this.#welcome(frame.client, frame.name)
      return
    }
    if (frame.op === 'ping') {
      this.#frames.send({ op: 'pong' })
      return
    }
    const connection = this.#connection
    if (connection === undefined) throw new Error(`${frame.op} before the welcome`)
    switch (frame.op) {
      case 'publish':
        return void this.#answer(frame.n, () =>
          this.#untilAborted(frame.n, (abort) => connection.publish(outgoingFromWire(frame), abort)),
        )
      case 'replay':
        return void this.#answer(frame.n, () =>
          this.#untilAborted(frame.n, ({ signal }) => replay(connection, frame, signal)),
        )
      case 'abort':
        return this.#abortable.get(frame.n)?.abort()
      case 'subscribe':
        return void this.#answer(frame.n, () => this.#subscribe(connection, frame.member, frame.request))
      case 'pause':
        return this.#members.get(frame.member)?.pause()
      case 'resume':
        return this.#members.get(frame.member)?.resume()
      case 'settle':
        return void this.#answer(frame.n, () => this.#settle(frame))
      case 'close':
        this.#leaving = true
        return void this.#answer(frame.n, () => connection.close()).then(() => this.#frames.end())
      default:
        return void this.#answer(frame.n, () => this.#ask(connection, frame))
    }
  }

  async #welcome(client: string, name: string): Promise<void> {
    try {
      await this.#greet(client)
      if (this.#ended) return
      this.#connecting = this.#transport.connect({
        name,
        clock: this.#clock,
        onState: (state) => {
          // A client of a connection that is closed for good would wait for ever.
          if (state === 'closed' && !this.#leaving) void this.end()
        },
        onUnroutable: (message) => this.#frames.send({ op: 'unroutable', message: toWire(message) }),
      })
      this.#connection = await this.#connecting
      this.#frames.send({ op: 'welcome', capabilities: capabilitiesToWire(this.#transport.capabilities) })
    } catch (error) {
      this.#frames.send({ op: 'failed', n: noRequest, error: plainError(error) })
      this.#frames.end()
    }
  }

  async #answer(n: number, work: () => unknown): Promise<void> {
    try {
      const value = await work()
      this.#frames.send({ op: 'done', n, value })
    } catch (error) {
      this.#frames.send({ op: 'failed', n, error: plainError(error) })
    }
  }

  async #untilAborted(n: number, work: (abort: AbortController) => unknown): Promise<unknown> {
    const abort = new AbortController()
    this.#abortable.set(n, abort)
    try {
      return await work(abort)
    } finally {
      this.#abortable.delete(n)
    }
  }

  async #subscribe(connection: Connection, member: number, request: GroupRequest): Promise<void> {
    const membership = await connection.subscribe(request, (delivery) => this.#deliver(member, request, delivery))
    this.#members.set(member, membership)
  }

  #deliver(member: number, { marks }: GroupRequest, delivery: Delivery): void {
    let lease = this.#leases.get(delivery.lost)
    if (lease === undefined) this.#leases.set(delivery.lost, (lease = this.#follow(delivery.lost)))
    lease.unsettled++
    const id = ++this.#numbers
    this.#unsettled.set(id, { delivery, lease })
    const { message, redeliveries } = delivery
    this.#frames.send({
      op: 'deliver',
      member,
      delivery: id,
      lease: lease.id,
      redeliveries,
      // Not looked at where nobody has asked: it may cost the transport something.
      handledBefore: marks ? delivery.handledBefore : undefined,
      message: toWire(message),
    })
  }

  #follow(signal: AbortSignal): Lease {
    const id = ++this.#numbers
    const onAbort = (): void => {
      this.#leases.delete(signal)
      for (const [number, { lease }] of this.#unsettled) if (lease.id === id) this.#unsettled.delete(number)
      this.#frames.send({ op: 'lost', lease: id })
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const unfollow = (): void => signal.removeEventListener('abort', onAbort)
    return { id, unsettled: 0, signal, unfollow }
  }

  async #settle({ delivery: id, settlement }: ClientFrame & { readonly op: 'settle' }): Promise<Settled> {
    const held = this.#unsettled.get(id)
    if (held === undefined) return 'lost'
    const { delivery, lease } = held
    const settled = await delivery.settle(settlementFromWire(settlement))
    // It may have been lost meanwhile, and its lease with it.
    if (this.#unsettled.delete(id) && --lease.unsettled === 0) {
      this.#leases.delete(lease.signal)
      lease.unfollow()
    }
    return settled
  }

  #ask(connection: Connection, frame: Request): unknown {
    switch (frame.op) {
      case 'stop':
        return this.#members.get(frame.member)?.stop()
      case 'backlog':
        return this.#members.get(frame.member)?.backlog()
      case 'cancel':
        return connection.cancel === undefined ? refuse('cancelling') : connection.cancel(frame.id)
      case 'group.list':
      case 'group.remove':
      case 'group.unbind':
        return this.#askGroups(connection.groups ?? refuse('groups to be listed'), frame)
      default:
        return this.#askLetters(connection.deadLetters ?? refuse('dead letters'), frame)
    }
  }

  #askGroups(groups: Groups, frame: GroupsRequest): unknown {
    switch (frame.op) {
      case 'group.list':
        return groups.list()
      case 'group.remove':
        return groups.remove(frame.group)
      default:
        return groups.unbind(frame.group, frame.types)
    }
  }

  async #askLetters(letters: DeadLetterStore, frame: LetterRequest): Promise<unknown> {
    switch (frame.op) {
      case 'letter.add':
        return letters.add(letterFromWire(frame.letter))
      case 'letter.get':
        return present(await letters.get(frame.id))
      case 'letter.list':
        return (await letters.list(frame.query)).map(letterToWire)
      case 'letter.remove':
        return letters.remove(frame.id)
      default:
        return present(await letters.firstOfKey(frame.group, frame.key))
    }
  }
}

/** The deliveries that share a signal. */
interface Lease {
  readonly id: number
  readonly signal: AbortSignal
  unsettled: number
  unfollow(): void
}

function replay(
  { deadLetterSink: sink = refuse('sink of dead letters') }: Connection,
  { group, rate, limit }: WireReplay,
  signal: AbortSignal,
): Promise<number> {
  return sink.replay(group, { rate: boundFromWire(rate), limit: boundFromWire(limit), signal })
}

function present(letter: DeadLetter | undefined): WireLetter | undefined {
  return letter && letterToWire(letter)
}

function refuse(what: string): never {
  throw new Error(`the transport that is served has no ${what}`)
}
