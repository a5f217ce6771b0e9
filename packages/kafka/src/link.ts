import { Admin, type BaseOptions, type Consumer, Producer } from '@platformatic/kafka'
import { systemClock } from '@tidings/bus'
import { isTidingsError } from '@tidings/core'
import { connectError, kafkaError, KafkaError } from './errors.ts'

/** How clients of the driver are made; times in milliseconds. */
export interface ClientOptions extends Omit<BaseOptions, 'clientId' | 'bootstrapBrokers' | 'context'> {
  readonly brokers: readonly string[]
  /** What the connections are called in the broker's own metrics and quotas. */
  readonly name: string
  /** How long the broker may take for an answer. */
  readonly timeout: number
}

/** What every client of the driver is given. It tries nothing again by itself: what it has tried, nobody would know. */
export function clientOptions(
  { brokers, name, timeout, ...own }: ClientOptions,
  longest: number = timeout,
): BaseOptions {
  return {
    ...own,
    bootstrapBrokers: [...brokers],
    // It takes no white space.
    clientId: name.replaceAll(/\s/g, '_') || 'tidings',
    retries: 0,
    timeout,
    connectTimeout: timeout,
    requestTimeout: longest,
    // How soon a partition that was added is known.
    metadataMaxAge: 5000,
    autocreateTopics: false,
  }
}

/** How often it looks whether the broker answers still. */
const pulse = 3

/**
 * One way to the brokers for all that is published and asked. Members of groups have connections of their own, which
 * outlive it: a group that has lost its members for a second would else be shared out anew.
 */
export class Link {
  readonly producer: Producer
  readonly admin: Admin
  readonly #timeout: number
  readonly #lost: (error: unknown) => void
  #isClosing = false
  #isLost = false
  #cancelPulse: (() => void) | undefined

  private constructor(options: ClientOptions, lost: (error: unknown) => void) {
    const base = clientOptions(options)
    this.#timeout = options.timeout
    this.#lost = lost
    // Several requests at a time: they stay in order on the one connection to each broker.
    this.producer = new Producer({ ...base, maxInflights: 8 })
    this.admin = new Admin(base)
    for (const client of [this.producer, this.admin]) {
      // Without a listener an error of a client ends the process.
      client.on('error', (error) => this.lose(kafkaError('a connection', error)))
    }
    // That of the producer goes when it has been idle for minutes; what is under way on it is rejected.
    const gone = (): void => this.lose(new KafkaError('KAFKA_FAILED', 'a broker has closed the connection'))
    this.admin.on('client:broker:disconnect', gone)
  }

  /** Rejects with `KafkaError`, or with the reason of `signal`. `lost` is called once, when it is of no use any more. */
  static async open(options: ClientOptions, signal: AbortSignal, lost: (error: unknown) => void): Promise<Link> {
    const link = new Link(options, lost)
    const abort = (): void => link.destroy()
    signal.addEventListener('abort', abort, { once: true })
    try {
      await bounded(link.admin.metadata({ topics: [] }), `Kafka at ${options.brokers.join(', ')}`, options.timeout)
      link.#beat()
      return link
    } catch (error) {
      link.destroy()
      throw signal.aborted
        ? signal.reason
        : connectError(options.brokers, isTidingsError(error, 'KAFKA_LATE') ? (error.cause ?? error) : error)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  get isLost(): boolean {
    return this.#isLost
  }

  /** It is of no use any more. Idempotent. */
  lose(error: unknown): void {
    if (this.#isLost || this.#isClosing) return
    this.#isLost = true
    this.#lost(error)
    this.#end()
  }

  /** An answer in time, or the link is lost. Rejects with an error of ours. */
  async ask<Answer>(what: string, answer: Promise<Answer>): Promise<Answer> {
    try {
      return await bounded(answer, what, this.#timeout)
    } catch (error) {
      const ours = kafkaError(what, error)
      if (isTidingsError(ours, 'KAFKA_LATE')) this.lose(ours)
      throw ours
    }
  }

  /** Ends it behind what was sent. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#cancelPulse?.()
    await Promise.all([this.producer.close(true), this.admin.close()])
  }

  /** Ends it at once. Idempotent. */
  destroy(): void {
    this.#isClosing = true
    this.#isLost = true
    this.#end()
  }

  #end(): void {
    this.#cancelPulse?.()
    for (const client of [this.producer, this.admin]) void endClient(client)
  }

  /** A broker that is silent is gone: nobody else finds out while nothing is published. */
  #beat(): void {
    this.#cancelPulse = systemClock.after(this.#timeout / pulse, () => {
      const what = 'a look at the brokers'
      this.ask(what, this.admin.metadata({ topics: [], forceUpdate: true })).then(
        () => this.#isLost || this.#isClosing || this.#beat(),
        (error: unknown) => this.lose(error),
      )
    })
  }
}

/** Ends a client of the driver, whatever state it is in; never rejects. */
export async function endClient(client: Admin | Consumer | Producer): Promise<void> {
  try {
    // That of an admin takes no argument but a callback.
    await (client instanceof Admin ? client.close() : client.close(true))
  } catch {
    // There is nobody left to tell, but its sockets would stay.
    dropConnections(client)
  }
}

/** Breaks the connections of a client, which makes new ones: what waits for an answer on them is rejected. */
export function dropConnections({ connections }: Pick<Admin, 'connections'>): void {
  for (const [, connection] of connections) connection.socket.destroy()
}

/** Rejects with `KAFKA_LATE` when there is no answer in time. */
export async function bounded<Answer>(answer: Promise<Answer>, what: string, timeout: number): Promise<Answer> {
  let cancel: (() => void) | undefined
  const late = new Promise<never>((_, reject) => {
    const fix = 'See whether its brokers run and whether the topic has a leader.'
    const message = `${what} had no answer within ${timeout}ms\n${fix}`
    cancel = systemClock.after(timeout, () => reject(new KafkaError('KAFKA_LATE', message)))
  })
  // Nobody waits for one that comes later.
  answer.catch(() => {})
  try {
    return await Promise.race([answer, late])
  } finally {
    cancel?.()
  }
}
