import { type DeadLetterStore, OutcomeUnknownError, type Transport, UnknownGroupError } from '@tidings/bus'
import type {
  Connection,
  ConnectOptions,
  Delivery,
  GroupRequest,
  Groups,
  Membership,
  Outgoing,
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
    const life = this.#life
    if (life.dead) return never()
    const { decisions, trace, counts } = this.#stage
    const name = trace.nameOf(outgoing.message)
    const what = outgoing.group === undefined ? name : `${name} to ${trace.group(outgoing.group)}`
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
    const reached = this.#broker.store(outgoing)
    if (!reached) {
      if (outgoing.group === undefined) this.#options.onUnroutable(outgoing.message)
      else return Promise.reject(new UnknownGroupError(outgoing.group, String(outgoing.message.attributes['type'])))
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
