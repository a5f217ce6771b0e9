import { type DeadLetterStore, OutcomeUnknownError, type Transport, UnknownGroupError } from '@tidings/bus'
import type {
  Connection,
  ConnectOptions,
  Delivery,
  GroupRequest,
  Groups,
  Membership,
  Outgoing,
  Work,
} from '@tidings/bus/transport'
import type { BrokerKind, SimulatedBroker, Stage } from './broker.ts'
import { lateness } from './decisions.ts'
import { type Life, never } from './life.ts'

/** Milliseconds that a client waits for a confirm, so that handlers run between its publishes. */
const clientPace = 1

/** How one process, or one client, comes to the broker of a run. */
export function simulatedTransport(
  stage: Stage,
  broker: SimulatedBroker,
  life: Life,
  who: 'client' | 'process',
): Transport {
  return {
    name: 'simulated',
    capabilities: {
      durable: true,
      remote: false,
      ...abilitiesOf(stage.kind),
      wildcards: true,
      delay: true,
      cancel: true,
      deadLetters: 'store',
      inbox: true,
      temporaryGroups: true,
      groups: true,
      history: true,
      unroutable: true,
      redeliveries: true,
      deduplication: false,
      waiting: true,
      maxMessageSize: Infinity,
      maxHeadersSize: Infinity,
      maxHold: Infinity,
    },
    connect: async (options) => new SimulatedConnection(stage, broker, life, who, options),
  }
}

function abilitiesOf(kind: BrokerKind): Pick<Transport['capabilities'], 'ordering' | 'atomic' | 'transactions'> {
  const isStore = kind === 'store'
  return { ordering: kind === 'log' ? 'partition' : 'key', atomic: isStore, transactions: isStore }
}

class SimulatedConnection implements Connection {
  readonly deadLetters: DeadLetterStore
  readonly groups: Groups
  readonly #stage: Stage
  readonly #broker: SimulatedBroker
  readonly #life: Life
  readonly #who: 'client' | 'process'
  readonly #options: ConnectOptions

  constructor(stage: Stage, broker: SimulatedBroker, life: Life, who: 'client' | 'process', options: ConnectOptions) {
    this.#stage = stage
    this.#broker = broker
    this.#life = life
    this.#who = who
    this.#options = options
    this.deadLetters = who === 'client' ? broker.letters.forClient() : broker.letters.forProcess(life)
    this.groups = {
      list: () => (life.dead ? never() : broker.groups()),
      remove: async (group) => (life.dead ? never() : broker.removeGroup(group)),
      unbind: (group, types) => (life.dead ? never() : broker.unbind(group, types)),
    }
    options.onState('connected')
  }

  publish(outgoing: Outgoing): void | Promise<void> {
    const { trace } = this.#stage
    const name = trace.nameOf(outgoing.message)
    const what = outgoing.group === undefined ? name : `${name} to ${trace.group(outgoing.group)}`
    return this.#send(what, name, () => {
      if (this.#broker.store(outgoing)) return
      if (outgoing.group !== undefined) {
        throw new UnknownGroupError(outgoing.group, String(outgoing.message.attributes['type']))
      }
      this.#options.onUnroutable(outgoing.message)
    })
  }

  async transact(work: Work | undefined, outgoing: readonly Outgoing[]): Promise<void> {
    const [name = 'nothing', ...more] = outgoing.map(({ message }) => this.#stage.trace.nameOf(message))
    const what = `a transaction with ${[name, ...more].join(', ')}`
    await this.#send(what, name, () => {
      if (work !== undefined) this.#broker.database.run((transaction) => work(transaction as never))
      for (const each of outgoing) if (!this.#broker.store(each)) this.#options.onUnroutable(each.message)
    })
  }

  /** Has the broker do something at once, unless something goes wrong on the way there or back. */
  #send(what: string, name: string, act: () => void): void | Promise<void> {
    const life = this.#life
    if (life.dead) return never()
    const { decisions, trace, counts } = this.#stage
    const where = `${what}.${counts.next(what)}`
    const isClient = this.#who === 'client'
    const fate = decisions.at(isClient ? 'clientPublish' : 'publish', () => where)
    const who = isClient ? 'the client' : 'the process'
    if (fate === 'lost') {
      trace.say(() => `${who} publishes ${what}, which is lost on the way: its outcome is unknown`, name, true)
      return Promise.reject(new OutcomeUnknownError('the connection broke before the event was sent'))
    }
    if (fate === 'crash-before') {
      trace.say(() => `the process dies as it is about to publish ${what}`, name, true)
      life.crash()
      return never()
    }
    trace.say(() => `${who} publishes ${what}`, name)
    try {
      act()
    } catch (error) {
      return Promise.reject(error)
    }
    if (fate === 'confirm-lost') {
      trace.say(() => `the confirm of ${what} is lost: its outcome is unknown`, name, true)
      return Promise.reject(new OutcomeUnknownError('the connection broke before the confirm'))
    }
    if (fate === 'crash-after') {
      trace.say(() => `the process dies before the confirm of ${what}`, name, true)
      life.crash()
      return never()
    }
    const late = lateness(fate)
    if (late > 0) trace.say(() => `the confirm of ${what} comes ${late}ms late`, name, true)
    if (late > 0 || isClient) return life.wait(Math.max(late, clientPace))
    return undefined
  }

  async subscribe(request: GroupRequest, deliver: (delivery: Delivery) => void): Promise<Membership> {
    if (this.#life.dead) return never()
    const group = this.#broker.group(request, this.#life)
    const member = group.join(request, this.#life, deliver, (message) => this.#options.onUnroutable(message))
    return {
      pause: () => {
        member.paused = true
      },
      resume: () => group.resume(member),
      backlog: () => group.facts(),
      stop: async () => {
        member.stopped = true
      },
    }
  }

  async cancel(id: string): Promise<boolean> {
    return this.#life.dead ? never() : this.#broker.cancel(id)
  }

  async close(): Promise<void> {
    if (this.#life.dead) return
    this.#broker.disconnect(this.#life)
    this.#options.onState('closed')
  }
}
