import { randomUUID } from 'node:crypto'
import { type Capabilities, type DeadLetter, type DeadLetterStore, systemClock } from '@tidings/bus'
import {
  type Connection,
  type ConnectOptions,
  type Delivery,
  type GivenBack,
  type Group,
  type GroupRequest,
  type Groups,
  type Membership,
  type Outgoing,
  type PublishAnswers,
  PublishWindow,
  ReconnectingSession,
} from '@tidings/bus/transport'
import { isTidingsError, TidingsError } from '@tidings/core'
import { encodePublish, type EncodedPublish, Link } from './link.ts'
import { SocketMember } from './socket-member.ts'
import { SocketSink } from './socket-sink.ts'
import { backlogFromWire, letterFromWire, letterToWire, type Request, type WireLetter } from './wire.ts'

/** How {@link SocketConnection} behaves; times in milliseconds. */
export interface SocketOptions {
  readonly host: string
  readonly port: number
  readonly heartbeat: number
  readonly timeout: number
  readonly minDelay: number
  readonly maxDelay: number
  /** Throws where the server is not the one that was meant. */
  readonly check: (served: Capabilities) => void
}

/** One bus's way to a served transport, over one TCP connection after the other. */
export class SocketConnection implements Connection {
  readonly deadLetters: DeadLetterStore | undefined
  readonly deadLetterSink: SocketSink | undefined
  readonly groups: Groups | undefined
  cancel?(id: string): Promise<boolean>
  readonly #options: SocketOptions
  readonly #tell: ConnectOptions
  readonly #client = randomUUID()
  readonly #publishes = new PublishWindow<EncodedPublish>({ size: 256 })
  /** Of the link that there is. */
  #answers: PublishAnswers | undefined
  readonly #members = new Map<number, SocketMember>()
  #memberNumbers = 0
  readonly #session: ReconnectingSession<Link>

  private constructor(options: SocketOptions, tell: ConnectOptions, capabilities: Capabilities) {
    this.#options = options
    this.#tell = tell
    this.#session = this.#sessionOf(options)
    this.deadLetters = capabilities.deadLetters === 'store' ? this.#letterStore() : undefined
    this.deadLetterSink = capabilities.deadLetters === 'sink' ? new SocketSink(this.#session) : undefined
    this.groups = capabilities.groups ? this.#askedGroups() : undefined
    if (capabilities.cancel) this.cancel = async (id) => (await this.#ask({ op: 'cancel', id })) as boolean
  }

  static async open(options: SocketOptions, tell: ConnectOptions, capabilities: Capabilities): Promise<Connection> {
    const connection = new SocketConnection(options, tell, capabilities)
    try {
      await connection.#session.start(tell.signal)
      return connection
    } catch (error) {
      tell.signal?.throwIfAborted()
      throw isTidingsError(error) ? error : unreachable(options, error)
    }
  }

  async publish(outgoing: Outgoing, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    const beyond = outgoing.group !== undefined || outgoing.beyond === true
    await this.#publishes.publish(encodePublish(outgoing), { signal: options?.signal, beyond })
  }

  async subscribe(
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    signal?: AbortSignal,
  ): Promise<Membership> {
    const id = ++this.#memberNumbers
    const member = new SocketMember(id, request, deliver, () => this.#members.delete(id))
    this.#members.set(id, member)
    try {
      member.place = await this.#session.join((link) => member.join(link), signal)
      return member
    } catch (error) {
      // A join that is still under way is taken back.
      member.stop().catch(() => {})
      throw error
    }
  }

  close(): Promise<void> {
    return this.#session.close(() => Promise.all([this.#publishes.close(), this.deadLetterSink?.close()]))
  }

  #sessionOf({ minDelay, maxDelay, timeout }: SocketOptions): ReconnectingSession<Link> {
    return new ReconnectingSession<Link>({
      clock: systemClock,
      // Less by chance, so that those who lost one server do not come back all at once.
      backoff: { delay: minDelay, max: maxDelay, jitter: true },
      timeout,
      open: (signal, lost) => this.#open(signal, lost),
      leave: (link) => link.leave(),
      drop: (link) => link.destroy(),
      onUp: (link) => {
        this.#answers = this.#publishes.open({
          send: (encoded, n) => link.publish(encoded, n),
          withdraw: (n) => link.send({ op: 'abort', n }),
        })
      },
      onDown: (error) => this.#answers?.lost(error),
      onState: (state, error) => {
        if (state === 'closed') this.#publishes.end(error)
        this.#tell.onState(state, error)
      },
      isFinal: (error) => isTidingsError(error, 'INVALID_ARGUMENT'),
    })
  }

  async #open(signal: AbortSignal, lost: (error: unknown) => void): Promise<Link> {
    const { host, port, timeout, heartbeat, check } = this.#options
    const link = await Link.open({
      host,
      port,
      signal,
      timeout,
      heartbeat,
      client: this.#client,
      name: this.#tell.name,
      onTaken: (id, taken, lease) => {
        const member = this.#members.get(id)
        // Of a join that was given up.
        if (member === undefined) void Promise.resolve(taken.settle(untouched)).catch(() => {})
        else member.take(taken, lease)
      },
      onUnroutable: (message) => this.#tell.onUnroutable(message),
      onPublished: (n, error) => (error === undefined ? this.#answers?.confirm(n) : this.#answers?.refuse(n, error)),
      onLost: lost,
    })
    try {
      check(link.capabilities)
      return link
    } catch (error) {
      link.destroy()
      throw error
    }
  }

  #ask(request: Request): Promise<unknown> {
    return this.#session.ask((link) => link.ask(request))
  }

  #askedGroups(): Groups {
    return {
      list: async () => ((await this.#ask({ op: 'group.list' })) as Group[]).map(backlogFromWire),
      remove: async (group) => (await this.#ask({ op: 'group.remove', group })) as boolean,
      unbind: async (group, types) => (await this.#ask({ op: 'group.unbind', group, types })) as boolean,
    }
  }

  #letterStore(): DeadLetterStore {
    const letter = (value: unknown): DeadLetter | undefined =>
      value === undefined ? undefined : letterFromWire(value as WireLetter)
    return {
      add: async (added) => {
        await this.#ask({ op: 'letter.add', letter: letterToWire(added) })
      },
      get: async (id) => letter(await this.#ask({ op: 'letter.get', id })),
      list: async (query) => ((await this.#ask({ op: 'letter.list', query })) as WireLetter[]).map(letterFromWire),
      remove: async (id) => (await this.#ask({ op: 'letter.remove', id })) as boolean,
      firstOfKey: async (group, key) => letter(await this.#ask({ op: 'letter.first', group, key })),
    }
  }
}

/** Given back by a member that has done nothing with it. */
const untouched: GivenBack = { as: 'given-back', begun: false }

function unreachable({ host, port }: SocketOptions, cause: unknown): TidingsError {
  return new TidingsError(
    'BROKER_UNREACHABLE',
    `nobody serves a transport at ${host}:${port}\nStart serveTransport() or startBroker() first, and give socketTransport its port.`,
    { cause },
  )
}
