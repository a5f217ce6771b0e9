import { connect, type Channel, type ChannelModel, type ConfirmChannel } from 'amqplib'
import { systemClock } from '@tidings/bus'
import { isTidingsError } from '@tidings/core'
import { connectError, lateError, RabbitmqError, rabbitmqError } from './errors.ts'

/** How a {@link Link} is opened; times in milliseconds. */
export interface LinkOptions {
  readonly url: string
  /** Options of the driver for its sockets: TLS, credentials. */
  readonly socket: Readonly<Record<string, unknown>>
  /** Seconds, as AMQP counts them. */
  readonly heartbeat: number
  /** How long the broker may take for an answer. */
  readonly timeout: number
  /** What the connections are called on the broker's own pages. */
  readonly name: string
}

/**
 * One way to the broker, by two connections: one publishes, one consumes. A broker that is short of memory reads nothing
 * from who publishes, and would hear of no acknowledgement on the same connection. Both are lost together.
 */
export class Link {
  /** What a blocked broker does not read. */
  readonly publishing: ConfirmChannel
  readonly #publisher: ChannelModel
  readonly #consumer: ChannelModel
  readonly #timeout: number
  readonly #sockets: AbortController
  readonly #watchers = new Set<(error: unknown) => void>()
  /** Of questions: made anew when an answer has closed it. */
  #asking: Promise<Channel> | undefined
  #announcing: Promise<Channel> | undefined
  #closing = false
  #lost: { readonly error: unknown } | undefined

  private constructor(
    { timeout }: LinkOptions,
    sockets: AbortController,
    [publisher, consumer]: readonly [ChannelModel, ChannelModel],
    publishing: ConfirmChannel,
  ) {
    this.#timeout = timeout
    this.#sockets = sockets
    this.#publisher = publisher
    this.#consumer = consumer
    this.publishing = publishing
  }

  /** Rejects with `RabbitmqError`, or with the reason of `signal`. `lost` is called once, when either connection is gone. */
  static async open(options: LinkOptions, signal: AbortSignal, lost: (error: unknown) => void): Promise<Link> {
    const sockets = new AbortController()
    const abort = (): void => sockets.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const place = placeOf(options.url)
    let link: Link | undefined
    const gone = (error: unknown): void => {
      const ours = isTidingsError(error) ? error : connectError(place, error ?? new Error('the connection was closed'))
      if (link === undefined) sockets.abort(ours)
      else if (!link.#closing) link.lose(ours)
    }
    try {
      const opening = ['publishing', 'consuming'].map((role) => connected(options, role, sockets.signal, gone))
      const pair = (await bounded(Promise.all(opening), `the connection to ${place}`, options.timeout)) as unknown
      const [publisher, consumer] = pair as readonly [ChannelModel, ChannelModel]
      const publishing = await bounded(publisher.createConfirmChannel(), 'a channel', options.timeout)
      link = new Link(options, sockets, [publisher, consumer], publishing)
      link.onLost(lost)
      link.#watch(publishing, 'the channel of publishes')
      sockets.signal.throwIfAborted()
      return link
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : sockets.signal.aborted ? sockets.signal.reason : error
      sockets.abort(error)
      throw signal.aborted ? reason : connectError(place, reason)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  get isLost(): boolean {
    return this.#lost !== undefined
  }

  /** Lost, or about to be closed: nothing begins on it any more. */
  get isOver(): boolean {
    return this.isLost || this.#closing
  }

  /** Calls it once, when the link is lost; at once where it is. The function that comes back takes that back. */
  onLost(watcher: (error: unknown) => void): () => void {
    if (this.#lost !== undefined) watcher(this.#lost.error)
    else this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** It is of no use any more. Idempotent. */
  lose(error: unknown): void {
    if (this.#lost !== undefined) return
    this.#lost = { error }
    for (const watcher of this.#watchers) watcher(error)
    this.#watchers.clear()
    this.#sockets.abort(error)
  }

  /** A channel for consuming, whose end is told, with the error where there is one. */
  async channel(closed: (error: unknown) => void): Promise<Channel> {
    const channel = await this.within('a channel', this.#consumer.createChannel())
    let failure: unknown
    channel.on('error', (error: unknown) => (failure = error))
    channel.on('close', () => closed(failure))
    return channel
  }

  /** A channel for signs between members, for which nobody waits. */
  async announcing(): Promise<Channel> {
    this.#announcing ??= this.within('a channel', this.#publisher.createChannel()).then((channel) => {
      this.#watch(channel, 'the channel of signs')
      return channel
    })
    return this.#announcing
  }

  /** An answer in time, or the link is lost: a channel that waits for one can be asked nothing else. */
  async within<Answer>(what: string, answer: Promise<Answer>): Promise<Answer> {
    try {
      return await bounded(answer, what, this.#timeout)
    } catch (error) {
      if (isTidingsError(error, 'RABBITMQ_LATE')) this.lose(error)
      // What waited for an answer is refused by the driver, which knows less than we do.
      throw this.#lost === undefined ? rabbitmqError(what, error) : rabbitmqError(what, this.#lost.error)
    }
  }

  /** Asks on a channel that may close over it; one question after the other. */
  async ask<Answer>(what: string, question: (channel: Channel) => Promise<Answer>): Promise<Answer> {
    this.#asking ??= this.channel(() => (this.#asking = undefined))
    const channel = await this.#asking
    return this.within(what, question(channel))
  }

  /** Ends both connections, behind what was sent on them; resolves when the broker knows. */
  async close(): Promise<void> {
    // The one that ends first must not take the other with it.
    this.#closing = true
    await Promise.all([this.#consumer.close(), this.#publisher.close()])
  }

  /** Ends it at once. Idempotent. */
  destroy(): void {
    this.lose(new RabbitmqError('RABBITMQ_FAILED', 'the connection was closed'))
  }

  #watch(channel: Channel, what: string): void {
    let failure: unknown
    channel.on('error', (error: unknown) => (failure = error))
    channel.on('close', () => {
      if (!this.#closing) this.lose(rabbitmqError(what, failure ?? new Error('it was closed')))
    })
  }
}

async function connected(
  { url, socket, heartbeat, name }: LinkOptions,
  role: string,
  signal: AbortSignal,
  gone: (error: unknown) => void,
): Promise<ChannelModel> {
  const address = new URL(url)
  address.searchParams.set('heartbeat', String(heartbeat))
  const options = {
    ...socket,
    // Without it each acknowledgement waits 40 ms for the answer to the packet before.
    noDelay: true,
    clientProperties: { connection_name: `${name} (${role})` },
    // Of the socket: there is no other way to end one whose peer is silent.
    signal,
  }
  const model = await connect(address.href, options)
  let failure: unknown
  model.on('error', (error: unknown) => (failure = error))
  model.on('close', (error: unknown) => gone(failure ?? error))
  return model
}

/** Rejects with `RABBITMQ_LATE` when there is no answer in time. */
async function bounded<Answer>(answer: Promise<Answer>, what: string, timeout: number): Promise<Answer> {
  let cancel: (() => void) | undefined
  const late = new Promise<never>((_, reject) => {
    cancel = systemClock.after(timeout, () => reject(lateError(what, timeout)))
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    cancel?.()
  }
}

/** Host and port alone: the rest of a URL is nobody's business. */
export function placeOf(url: string): string {
  return new URL(url).host
}
