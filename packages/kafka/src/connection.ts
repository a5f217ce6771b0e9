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
  type TopologyPart,
} from '@tidings/bus/transport'
import type { BackoffOptions } from '@tidings/core/tools'
import { Bindings } from './consume/bindings.ts'
import { DueQueue } from './consume/due.ts'
import { Member } from './consume/member.ts'
import { Reader } from './consume/reader.ts'
import { newDelaySession, newGroupSession, newTemporarySession, type SessionSettings } from './consume/sessions.ts'
import { joinGroup } from './consume/join.ts'
import type { Sender } from './consume/settle.ts'
import { KafkaSink } from './dead/sink.ts'
import { type ClientOptions, clientOptions, Link } from './link.ts'
import { Publisher } from './publish/publisher.ts'
import type { Routes } from './publish/routes.ts'
import { check, declare } from './topology/apply.ts'
import { groupParts, sharedParts, type TopologySettings } from './topology/parts.ts'
import { encode } from './wire/encode.ts'

/** How a {@link KafkaConnection} behaves; times in milliseconds. */
export interface ConnectionSettings {
  readonly client: Omit<ClientOptions, 'name'>
  readonly topology: TopologySettings
  readonly routes: Routes
  readonly backoff: BackoffOptions
  /** Whether it makes what is missing; else it only sees that it is there. */
  readonly declare: boolean
  readonly maxRequestSize: number
  readonly sessionTimeout: number
  readonly rebalanceTimeout: number
}

/** Milliseconds for which closing waits, once for what is under way and once for the broker. */
const patience = 3000

/**
 * One bus's way to Kafka, over one link after the other. It keeps the time of the machine, whatever clock the bus has:
 * brokers do not wait for virtual time.
 */
export class KafkaConnection implements Connection {
  readonly deadLetters: undefined
  readonly deadLetterSink: DeadLetterSink
  readonly #settings: ConnectionSettings
  readonly #client: ClientOptions
  readonly #session: ReconnectingSession<Link>
  readonly #publisher: Publisher
  readonly #sink: KafkaSink
  readonly #due: DueQueue
  readonly #sender: Sender
  readonly #bindings: Bindings
  readonly #bindingsReader: Reader
  readonly #members = new Set<Member>()
  readonly #sessionSettings: SessionSettings

  private constructor(settings: ConnectionSettings, tell: ConnectOptions) {
    const { topology, routes } = settings
    const client = { ...settings.client, name: tell.name }
    const onUnroutable = tell.onUnroutable.bind(tell)
    const publish = (outgoing: Outgoing): Promise<void> => this.publish(outgoing)
    this.#settings = settings
    this.#client = client
    this.#publisher = new Publisher({
      maxRequestSize: settings.maxRequestSize,
      remake: async () => settings.declare && (await this.#remake(sharedParts(topology))),
    })
    this.#session = this.#newSession(tell)
    this.#sink = new KafkaSink({ session: this.#session, names: topology.names, publish, reader: () => this.#reader() })
    this.deadLetterSink = this.#sink
    this.#due = new DueQueue({ publish, onUnroutable })
    this.#sender = {
      maxMessageSize: routes.maxMessageSize,
      publish,
      park: (letter) => this.#park(letter),
      onUnroutable,
    }
    this.#bindingsReader = this.#reader()
    this.#bindings = new Bindings(this.#bindingsReader, topology.names.bindings)
    this.#sessionSettings = {
      ...settings,
      client,
      bindings: this.#bindings,
      reader: () => this.#reader(),
      remake: (parts) => this.#remake(parts).then(() => {}),
    }
  }

  static async open(settings: ConnectionSettings, tell: ConnectOptions): Promise<Connection> {
    const connection = new KafkaConnection(settings, tell)
    try {
      await connection.#session.start(tell.signal)
    } catch (error) {
      await connection.close()
      throw error
    }
    void connection.#moveOn()
    return connection
  }

  publish(outgoing: Outgoing, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    try {
      const sending = this.#settings.routes.sending(outgoing, systemClock.now())
      const beyond = outgoing.group !== undefined || outgoing.beyond === true
      return this.#publisher.publish(sending, options?.signal, beyond)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async subscribe(
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    signal?: AbortSignal,
  ): Promise<Membership> {
    const make = request.temporary ? newTemporarySession : newGroupSession
    const made = make(this.#sessionSettings, request, {
      sender: this.#sender,
      deliver,
      onLeft: (left) => this.#members.delete(left),
    })
    const { member } = made
    this.#members.add(member)
    try {
      const prepare = (link: Link): Promise<void> => this.#prepare(link, groupParts(this.#settings.topology, request))
      member.place = await this.#session.join(
        (link) =>
          joinGroup(link, member, {
            prepare,
            newSession: () => made.newSession(),
            bindings: this.#settings.topology.names.bindings,
          }),
        signal,
      )
      return member
    } catch (error) {
      // A join that is still under way is taken back.
      this.#members.delete(member)
      await member.stop()
      void member.session?.destroy(error)
      throw error
    }
  }

  close(): Promise<void> {
    return this.#session.close(() => Promise.all([this.#publisher.close(), this.#sink.close()])).then(() => this.#end())
  }

  #newSession(tell: ConnectOptions): ReconnectingSession<Link> {
    return new ReconnectingSession<Link>({
      clock: systemClock,
      backoff: this.#settings.backoff,
      timeout: Math.min(patience, this.#settings.client.timeout),
      open: (signal, lost) => this.#open(signal, lost),
      leave: (link) => this.#leave(link),
      drop: (link) => link.destroy(),
      onUp: (link) => this.#publisher.open(link),
      onDown: (error) => this.#publisher.lost(error),
      onState: (state, error) => {
        if (state === 'closed') {
          this.#publisher.end(error)
          this.#end()
        }
        tell.onState(state, error)
      },
    })
  }

  /** A link on which all that every bus needs is there. */
  async #open(signal: AbortSignal, lost: (error: unknown) => void): Promise<Link> {
    const link = await Link.open(this.#client, signal, lost)
    try {
      await this.#prepare(link, sharedParts(this.#settings.topology))
      return link
    } catch (error) {
      link.destroy()
      throw error
    }
  }

  async #leave(link: Link): Promise<void> {
    const leaving = [...this.#members].map((member) => member.session?.leave())
    await Promise.all([...leaving, this.#due.close()])
    await link.close()
  }

  /** Whatever is left. Idempotent. */
  #end(): void {
    const gone = new Error('the connection was closed')
    for (const member of this.#members) void member.session?.destroy(gone)
    this.#members.clear()
    void this.#due.session?.destroy(gone)
    void this.#bindingsReader.close()
  }

  /** Takes its part in moving on what waits in the topics of delays. */
  async #moveOn(): Promise<void> {
    const newSession = newDelaySession(this.#sessionSettings, this.#due)
    const { bindings } = this.#settings.topology.names
    try {
      await this.#session.join((link) => joinGroup(link, this.#due, { newSession, bindings, prepare: async () => {} }))
    } catch {
      // The connection was closed meanwhile.
    }
  }

  /** Makes parts where they are missing, or sees that they are there. */
  async #prepare(link: Link, parts: readonly TopologyPart[]): Promise<void> {
    if (parts.length === 0) return
    const step = this.#settings.declare ? declare : check
    await link.ask('the topics', step(link.admin, parts))
  }

  /** A topic has gone. */
  async #remake(parts: readonly TopologyPart[]): Promise<boolean> {
    await this.#session.ask((link) => this.#prepare(link, parts))
    return true
  }

  /** Resolves when a letter is in the topic of the dead letters of its group. */
  async #park(letter: DeadLettered['letter']): Promise<void> {
    const message = letterMessage(letter)
    const topic = this.#settings.topology.names.dead(letter.group)
    await this.#publisher.publish({ ...encode(message, Infinity), topic, message, group: undefined }, undefined, true)
  }

  #reader(): Reader {
    return new Reader(clientOptions(this.#client), this.#client.timeout)
  }
}
