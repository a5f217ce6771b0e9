import { randomUUID } from 'node:crypto'
import type { Channel } from 'amqplib'
import { systemClock } from '@tidings/bus'
import {
  type Connection,
  type ConnectOptions,
  type DeadLettered,
  type DeadLetterSink,
  type Delivery,
  type GroupRequest,
  letterMessage,
  type Membership,
  type Outgoing,
  ReconnectingSession,
} from '@tidings/bus/transport'
import type { BackoffOptions } from '@tidings/core/tools'
import { DueQueue } from './consume/due.ts'
import { Member, type Source } from './consume/member.ts'
import type { Sender } from './consume/settle.ts'
import { PartitionSource } from './consume/partitions.ts'
import { QueueSource } from './consume/source.ts'
import { RabbitmqSink } from './dead/sink.ts'
import { isMissing } from './errors.ts'
import { Link, type LinkOptions } from './link.ts'
import { Publisher } from './publish/publisher.ts'
import type { Routes } from './publish/routes.ts'
import { check, declare, told } from './topology/apply.ts'
import { groupParts, queuesOf, rungPart, sharedParts, temporaryParts, type TopologySettings } from './topology/parts.ts'
import type { TopologyPart } from '@tidings/bus/transport'
import { encode } from './wire/encode.ts'

/** How a {@link RabbitmqConnection} behaves. */
export interface ConnectionSettings extends Omit<LinkOptions, 'name'> {
  readonly topology: TopologySettings
  readonly routes: Routes
  readonly backoff: BackoffOptions
  /** Whether it makes what is missing; else it only sees that it is there. */
  readonly declare: boolean
}

/** Milliseconds for which closing waits, once for what is under way and once for the broker. */
const patience = 3000

/**
 * One bus's way to RabbitMQ, over one link after the other. It keeps the time of the machine, whatever clock the bus has:
 * neither sockets nor queues wait for virtual time.
 */
export class RabbitmqConnection implements Connection {
  readonly deadLetters: undefined
  readonly deadLetterSink: DeadLetterSink
  readonly #settings: ConnectionSettings
  readonly #tell: ConnectOptions
  readonly #session: ReconnectingSession<Link>
  readonly #publisher: Publisher
  readonly #sink: RabbitmqSink
  readonly #due: DueQueue
  readonly #sources = new Set<Source>()
  readonly #sender: Sender
  /** Rungs that are there, or are being made. */
  readonly #rungs = new Map<number, Promise<void>>()

  private constructor(settings: ConnectionSettings, tell: ConnectOptions) {
    this.#settings = settings
    this.#tell = tell
    const onUnroutable = tell.onUnroutable.bind(tell)
    this.#publisher = new Publisher(onUnroutable)
    this.#session = this.#newSession()
    const publish = (outgoing: Outgoing): Promise<void> => this.publish(outgoing)
    this.#sink = new RabbitmqSink(this.#session, settings.topology.names, publish)
    this.deadLetterSink = this.#sink
    this.#due = new DueQueue({ queue: settings.topology.names.due, publish, onUnroutable })
    const { maxMessageSize } = settings.routes
    this.#sender = { maxMessageSize, publish, park: (letter) => this.#park(letter), onUnroutable }
  }

  static async open(settings: ConnectionSettings, tell: ConnectOptions): Promise<Connection> {
    const connection = new RabbitmqConnection(settings, tell)
    await connection.#session.start(tell.signal)
    try {
      await connection.#session.join((link) => connection.#due.join(link), tell.signal)
      return connection
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  publish(outgoing: Outgoing, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    try {
      const { routes } = this.#settings
      const signal = options?.signal
      const rung = routes.rungOf(outgoing, systemClock.now())
      const sending = routes.sending(outgoing, rung)
      const beyond = outgoing.group !== undefined || outgoing.beyond === true
      if (rung === undefined) return this.#publisher.publish(sending, signal, beyond)
      return this.#rung(rung).then(() => this.#onRung(rung, () => this.#publisher.publish(sending, signal, beyond)))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async subscribe(
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    signal?: AbortSignal,
  ): Promise<Membership> {
    const source = this.#sourceOf(request)
    this.#sources.add(source)
    const member = new Member(request, deliver, source, this.#sender, () => this.#sources.delete(source))
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
    return this.#session.close(() => Promise.all([this.#publisher.close(), this.#sink.close()]))
  }

  #newSession(): ReconnectingSession<Link> {
    return new ReconnectingSession<Link>({
      clock: systemClock,
      backoff: this.#settings.backoff,
      timeout: Math.min(patience, this.#settings.timeout),
      open: (signal, lost) => this.#open(signal, lost),
      leave: (link) => this.#leave(link),
      drop: (link) => link.destroy(),
      onUp: (link) => this.#publisher.open(link),
      onDown: (error) => this.#publisher.lost(error),
      onState: (state, error) => {
        if (state === 'closed') this.#publisher.end(error)
        this.#tell.onState(state, error)
      },
    })
  }

  /** A link on which all that every bus needs is there. */
  async #open(signal: AbortSignal, lost: (error: unknown) => void): Promise<Link> {
    const link = await Link.open({ ...this.#settings, name: this.#tell.name }, signal, lost)
    try {
      await this.#prepare(link, sharedParts(this.#settings.topology))
      return link
    } catch (error) {
      link.destroy()
      throw error
    }
  }

  async #leave(link: Link): Promise<void> {
    for (const source of this.#sources) {
      for (const { acks } of source.intakes) acks.flush()
      source.leave?.()
    }
    await this.#due.close()
    await link.close()
  }

  #sourceOf(request: GroupRequest): Source {
    const { topology } = this.#settings
    const count = (queue: string): Promise<number | undefined> => this.#count(queue)
    if (request.temporary) {
      return new QueueSource({
        count,
        prepare: async (channel, link) => {
          // Another one on each link: that of a link which the broker does not yet know to be dead is there still.
          const id = randomUUID()
          for (const part of temporaryParts(topology, id, request)) {
            await link.within(told(part), declare(channel, part))
          }
          return topology.names.temporary(id, request.group)
        },
      })
    }
    const partitions = queuesOf(topology, request)
    const parts = groupParts(topology, request)
    if (partitions.length > 1) {
      const { names } = topology
      const prepare = (link: Link): Promise<void> => this.#prepare(link, parts)
      return new PartitionSource({ names, group: request.group, partitions, prepare, count })
    }
    return new QueueSource({
      count,
      prepare: async (channel, link) => {
        await this.#make(link, channel, parts)
        return topology.names.group(request.group)
      },
    })
  }

  /** The same on a channel of its own. */
  async #prepare(link: Link, parts: readonly TopologyPart[]): Promise<void> {
    const channel = await link.channel(() => {})
    await this.#make(link, channel, parts)
    await link.within('a channel', channel.close())
  }

  /** Makes parts where they are missing, or sees that they are there. */
  async #make(link: Link, channel: Channel, parts: readonly TopologyPart[]): Promise<void> {
    const step = this.#settings.declare ? declare : check
    for (const part of parts) await link.within(told(part), step(channel, part))
  }

  /** Resolves when there is a queue in which messages wait so long. */
  #rung(wait: number): Promise<void> {
    let made = this.#rungs.get(wait)
    if (made === undefined) {
      const part = rungPart(this.#settings.topology, wait)
      made = this.#session.ask((link) => this.#prepare(link, [part]))
      this.#rungs.set(wait, made)
      made.catch(() => this.#rungs.delete(wait))
    }
    return made
  }

  /** A rung that has gone is made anew for the next message. */
  async #onRung(wait: number, publish: () => Promise<void>): Promise<void> {
    try {
      await publish()
    } catch (error) {
      if (isMissing(error)) this.#rungs.delete(wait)
      throw error
    }
  }

  /** Resolves when a letter is in the queue of the dead letters of its group. */
  async #park(letter: DeadLettered['letter']): Promise<void> {
    const { names } = this.#settings.topology
    const message = letterMessage(letter)
    const key = names.dead(letter.group)
    const queue = told({ kind: 'queue', name: key, settings: {} })
    const parcel = encode(message, Infinity)
    await this.#publisher.publish(
      { ...parcel, exchange: '', key, message, group: letter.group, queue },
      undefined,
      true,
    )
  }

  /** Messages in a queue that nobody was handed; undefined while nobody can tell. */
  async #count(queue: string): Promise<number | undefined> {
    try {
      const { link } = this.#session
      const what = told({ kind: 'queue', name: queue, settings: {} })
      return (await link?.ask(what, (channel) => channel.checkQueue(queue)))?.messageCount
    } catch {
      return undefined
    }
  }
}
