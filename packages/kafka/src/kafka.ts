import type { Capabilities, Transport } from '@tidings/bus/transport'
import { DelayLadder } from '@tidings/bus/transport'
import { type Duration, milliseconds, patternMatcher } from '@tidings/core'
import { invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import { type ConnectionSettings, KafkaConnection } from './connection.ts'
import { Routes } from './publish/routes.ts'
import { Names } from './topology/names.ts'
import { type EventTopic, topicOf } from './topology/parts.ts'
import { applyTo, planOf, topologyOf } from './topology/plan.ts'

export interface KafkaOptions {
  /** Some brokers of the cluster, such as `['localhost:9092']`: the others are found by them. */
  readonly brokers: readonly string[]
  /** TLS, by the options of `tls.connect` of Node: `ca`, `cert`, `key`, `servername`. */
  readonly tls?: Readonly<Record<string, unknown>> | undefined
  /** Who it is: `{ mechanism: 'SCRAM-SHA-512', username, password }`, and whatever else the driver takes. */
  readonly sasl?: SaslOptions | undefined
  /**
   * What the name of every topic and consumer group begins with. Default `'tidings'`. Applications with the same prefix on
   * one cluster share their events.
   */
  readonly prefix?: string | undefined
  /**
   * Whether topics that are missing are made. Default true; with false a missing one is an error that names it, and the
   * user needs no right to make any.
   */
  readonly declare?: boolean | undefined
  /**
   * Topics of their own for some event types, by a short name and patterns: `{ orders: ['shop.order.*'] }`. All others go
   * to one topic, in which events of a key are in order whatever their types are.
   */
  readonly topics?: Readonly<Record<string, readonly string[]>> | undefined
  /** Partitions of a topic that is made, and so the most members of a group that have work. Default 6. */
  readonly partitions?: number | undefined
  /** Copies of each partition of a topic that is made. Default -1: as the brokers are configured. */
  readonly replication?: number | undefined
  /** How long a member may be silent before others get its partitions. Default `'10s'`; the brokers bound it. */
  readonly sessionTimeout?: Duration | undefined
  /** How long a broker may take for an answer before the connection is given up. Default `'10s'`. */
  readonly timeout?: Duration | undefined
  /** The waits between attempts to come back, each twice the one before and cut by chance. Default `'100ms'` to `'5s'`. */
  readonly backoff?: { readonly min?: Duration | undefined; readonly max?: Duration | undefined } | undefined
  /** The waits of which delays are made, each longer than the one before, a topic for each. Default: 250 ms, and each next one four times as long, up to three days. */
  readonly delays?: readonly Duration[] | undefined
  /** Bytes of one message with its attributes and headers, less than `max.message.bytes` of the topics. Default 1,000,000. */
  readonly maxMessageSize?: number | undefined
}

/** How a user is known to the brokers. */
export interface SaslOptions {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | (() => string | Promise<string>) | undefined
}

const optionNames = [
  'brokers',
  'tls',
  'sasl',
  'prefix',
  'declare',
  'topics',
  'partitions',
  'replication',
  'sessionTimeout',
  'timeout',
  'backoff',
  'delays',
  'maxMessageSize',
]

const usualDelays: readonly number[] = Array.from({ length: 11 }, (_, rung) => 250 * 4 ** rung)

/**
 * A transport over Apache Kafka: one topic for all events unless others are configured, a consumer group for each group
 * with order by key, what is sent to one group in a topic of its own, delays and retries by topics from which messages
 * are moved on after a fixed time, and a topic of dead letters beside each group.
 *
 * @example
 * await using bus = await createBus({ source: '/shop', handlers, transport: kafka({ brokers: ['localhost:9092'] }) })
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function kafka(options: KafkaOptions): Transport {
  const settings = checked(options)
  const { maxMessageSize } = settings.routes
  const capabilities: Capabilities = {
    durable: true,
    remote: true,
    ordering: 'partition',
    atomic: false,
    transactions: false,
    wildcards: true,
    delay: true,
    cancel: false,
    deadLetters: 'sink',
    inbox: false,
    temporaryGroups: true,
    groups: false,
    history: true,
    unroutable: false,
    redeliveries: false,
    deduplication: false,
    waiting: true,
    maxMessageSize,
    maxHeadersSize: maxMessageSize,
    maxHold: Infinity,
  }
  const planning = { ...settings.client, name: 'tidings-topology' }
  return {
    name: 'kafka',
    capabilities,
    connect: (connectOptions) => KafkaConnection.open(settings, connectOptions),
    topology: (groups) => topologyOf(settings.topology, groups),
    plan: (groups) => planOf(topologyOf(settings.topology, groups), planning),
    apply: (groups) => applyTo(topologyOf(settings.topology, groups), planning),
  }
}

function checked(options: KafkaOptions): ConnectionSettings {
  knownOptions(options, optionNames, 'kafka')
  const {
    tls,
    sasl,
    prefix = 'tidings',
    partitions = 6,
    replication = -1,
    backoff = {},
    maxMessageSize = 1_000_000,
  } = options
  const names = new Names(prefix)
  const delays = options.delays?.map((delay) => milliseconds(delay, 'delays')) ?? usualDelays
  const ladder = new DelayLadder({ rungs: delays })
  const { min = '100ms', max = '5s' } = knownOptions(backoff, ['min', 'max'], 'kafka backoff')
  const topology = {
    names,
    rungs: ladder.rungs,
    partitions: whole(partitions, 1, 'partitions'),
    replication: whole(replication, -1, 'replication'),
    topics: checkedTopics(options.topics ?? {}, names),
  }
  const sessionTimeout = milliseconds(options.sessionTimeout ?? '10s', 'sessionTimeout')
  const size = whole(maxMessageSize, 1, 'maxMessageSize')
  return {
    client: {
      brokers: checkedBrokers(options.brokers),
      timeout: milliseconds(options.timeout ?? '10s', 'timeout'),
      ...(tls === undefined ? {} : { tls }),
      ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
    },
    topology,
    routes: new Routes({ names, ladder, maxMessageSize: size, topicOf: topicOf(topology) }),
    backoff: { delay: milliseconds(min, 'backoff.min'), max: milliseconds(max, 'backoff.max'), jitter: true },
    declare: options.declare ?? true,
    maxRequestSize: size,
    sessionTimeout,
    rebalanceTimeout: sessionTimeout + 5000,
  }
}

function saslOf({
  mechanism,
  username,
  password,
  token,
}: SaslOptions): NonNullable<ConnectionSettings['client']['sasl']> {
  return {
    mechanism,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(token === undefined ? {} : { token }),
  }
}

function checkedBrokers(brokers: readonly string[]): readonly string[] {
  const isBroker = (broker: unknown): boolean => typeof broker === 'string' && /^[^\s/@]+:\d+$/.test(broker)
  if (Array.isArray(brokers) && brokers.length > 0 && brokers.every(isBroker))
    return [...(brokers as readonly string[])]
  throw invalidArgument('brokers', 'hosts and ports', shownBrokers(brokers), "Such as ['localhost:9092'].")
}

/** Not one that looks like a URL: it may have a password. */
function shownBrokers(brokers: unknown): unknown {
  return Array.isArray(brokers) ? brokers.map((broker) => String(broker).replace(/^.*@/, '…@')) : typeof brokers
}

function checkedTopics(topics: Readonly<Record<string, readonly string[]>>, names: Names): EventTopic[] {
  return Object.entries(topics).map(([name, patterns]) => {
    if (!/^[\w.-]{1,100}$/.test(name)) {
      throw invalidArgument('topics', 'names of up to 100 letters, digits, `.`, `_` and `-`', name)
    }
    for (const pattern of patterns) patternMatcher(pattern)
    return { name: names.topic(name), patterns }
  })
}
