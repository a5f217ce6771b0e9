import { randomUUID } from 'node:crypto'
import { BusClosedError, type Capabilities, type DeadLetter, type DeadLetterStore } from '@tidings/bus'
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
} from '@tidings/bus/transport'
import { isTidingsError, TidingsError } from '@tidings/core'
import { backoff } from '@tidings/core/tools'
import { encodePublish, type EncodedPublish, Link, LinkLostError } from './link.ts'
import { SocketMember } from './socket-member.ts'
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
  #link: Link | undefined
  /** Those who wait for a link. */
  #waiting: { resolve: (link: Link) => void; reject: (error: Error) => void }[] = []
  #wake: (() => void) | undefined
  #closing: Promise<void> | undefined
  readonly #ended = new AbortController()

  private constructor(options: SocketOptions, tell: ConnectOptions, capabilities: Capabilities) {
    this.#options = options
    this.#tell = tell
    this.deadLetters = capabilities.deadLetters === 'store' ? this.#letterStore() : undefined
    this.groups = capabilities.groups ? this.#askedGroups() : undefined
    if (capabilities.cancel) this.cancel = async (id) => (await this.#ask({ op: 'cancel', id })) as boolean
  }

  static async open(options: SocketOptions, tell: ConnectOptions, capabilities: Capabilities): Promise<Connection> {
    const { signal } = tell
    signal?.throwIfAborted()
    const connection = new SocketConnection(options, tell, capabilities)
    const giveUp = (): void => connection.#ended.abort()
    signal?.addEventListener('abort', giveUp)
    try {
      connection.#begin(await connection.#open())
      return connection
    } catch (error) {
      connection.#ended.abort()
      signal?.throwIfAborted()
      throw isTidingsError(error) ? error : unreachable(options, error)
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  async publish(outgoing: Outgoing, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    const beyond = outgoing.group !== undefined
    await this.#publishes.publish(encodePublish(outgoing), { signal: options?.signal, beyond })
  }

  async subscribe(
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    signal?: AbortSignal,
  ): Promise<Membership> {
    if (this.#closing) throw new BusClosedError('subscribe')
    signal?.throwIfAborted()
    const member = new SocketMember(++this.#memberNumbers, request, deliver, ({ id }) => this.#members.delete(id))
    this.#members.set(member.id, member)
    const giveUp = (): void => member.refuse(signal?.reason)
    signal?.addEventListener('abort', giveUp)
    try {
      // While there is no link, the one that comes next joins all members.
      if (this.#link !== undefined) member.join(this.#link).catch(() => {})
      await member.whenJoined()
      return member
    } catch (error) {
      // A join that is still under way is taken back.
      member.stop().catch(() => {})
      throw error
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    const { timeout } = this.#options
    await within(this.#publishes.close(), timeout)
    const link = this.#link
    this.#link = undefined
    if (link !== undefined) {
      await within(
        link.leave().catch(() => {}),
        timeout,
      )
    }
    this.#ended.abort()
    this.#wake?.()
    const closed = new BusClosedError('what waits for the connection')
    this.#publishes.end(closed)
    for (const { reject } of this.#waiting) reject(closed)
    for (const member of this.#members.values()) member.refuse(closed)
    this.#tell.onState('closed')
  }

  async #open(): Promise<Link> {
    const { host, port, timeout, heartbeat, check } = this.#options
    const link = await Link.open({
      host,
      port,
      signal: this.#ended.signal,
      timeout,
      heartbeat,
      client: this.#client,
      name: this.#tell.name,
      onDelivery: (id, delivery) => {
        const member = this.#members.get(id)
        // On its way when the member stopped.
        if (member === undefined) void Promise.resolve(delivery.settle(untouched)).catch(() => {})
        else member.deliver(delivery)
      },
      onUnroutable: (message) => this.#tell.onUnroutable(message),
      onPublished: (n, error) => (error === undefined ? this.#answers?.confirm(n) : this.#answers?.refuse(n, error)),
      onLost: (link, error) => {
        if (link === this.#link) this.#onLost(error)
      },
    })
    try {
      check(link.capabilities)
      return link
    } catch (error) {
      link.destroy()
      throw error
    }
  }

  #begin(link: Link): void {
    // It may have ended in the same breath.
    if (!link.isOpen) throw new LinkLostError('the link broke')
    this.#link = link
    this.#tell.onState('connected')
    this.#answers = this.#publishes.open({
      send: (encoded, n) => link.publish(encoded, n),
      withdraw: (n) => link.send({ op: 'withdraw', n }),
    })
    for (const { resolve } of this.#waiting.splice(0)) resolve(link)
  }

  #onLost(error: Error): void {
    this.#link = undefined
    this.#answers?.lost(error)
    if (this.#closing) return
    this.#tell.onState('reconnecting', error)
    void this.#reconnect()
  }

  async #reconnect(): Promise<void> {
    const { minDelay, maxDelay } = this.#options
    // Less by chance, so that those who lost one server do not come back all at once.
    const waitAfter = backoff({ delay: minDelay, max: maxDelay, jitter: true })
    for (let attempt = 1; !this.#ended.signal.aborted; attempt++) {
      let link: Link | undefined
      try {
        link = await this.#open()
        // Groups first: an answer to what is published next must find its way back.
        for (const member of this.#members.values()) await member.join(link)
        this.#begin(link)
        return
      } catch {
        link?.destroy()
      }
      await this.#sleep(waitAfter(attempt))
    }
  }

  #sleep(duration: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, duration)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#ended.signal.aborted) this.#wake()
    })
  }

  /** Asks until there is an answer, on one link after the other. What is asked has the effect of once. */
  async #ask(request: Request): Promise<unknown> {
    for (;;) {
      const link = await this.#linked()
      try {
        return await link.ask(request)
      } catch (error) {
        unlessLinkLost(error)
      }
    }
  }

  async #linked(): Promise<Link> {
    if (this.#link !== undefined) return this.#link
    if (this.#closing) throw new BusClosedError('what waits for the connection')
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
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

function unlessLinkLost(error: unknown): void {
  if (!(error instanceof LinkLostError)) throw error
}

function unreachable({ host, port }: SocketOptions, cause: unknown): TidingsError {
  return new TidingsError(
    'BROKER_UNREACHABLE',
    `nobody serves a transport at ${host}:${port}\nStart serveTransport() or startBroker() first, and give socketTransport its port.`,
    { cause },
  )
}

async function within(work: Promise<unknown>, timeout: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise<void>((resolve) => (timer = setTimeout(resolve, timeout)))])
  clearTimeout(timer)
}
