import type { Capabilities, Transport } from '@tidings/bus/transport'
import { DelayLadder } from '@tidings/bus/transport'
import { type Duration, milliseconds } from '@tidings/core'
import { invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import { type ConnectionSettings, RabbitmqConnection } from './connection.ts'
import { placeOf } from './link.ts'
import { buckets } from './publish/bucket.ts'
import { Routes } from './publish/routes.ts'
import { Names } from './topology/names.ts'
import { applyTo, planOf, topologyOf } from './topology/plan.ts'
import { maxHeadersSize } from './wire/encode.ts'

export interface RabbitmqOptions {
  /** Such as `'amqp://user:password@host:5672/vhost'`, or `amqps:` for TLS. */
  readonly url: string
  /**
   * Options of the driver for its sockets: `ca`, `cert`, `key`, `servername` and whatever else `tls.connect` takes, and
   * `credentials` of amqplib.
   */
  readonly socket?: Readonly<Record<string, unknown>> | undefined
  /**
   * What the name of every exchange and queue begins with. Default `'tidings'`. Applications with the same prefix on one
   * virtual host share their events.
   */
  readonly prefix?: string | undefined
  /**
   * Whether what is missing on the broker is made. Default true; with false a missing exchange or queue is an error that
   * names it, and the user needs no right to make any, but for those of temporary groups.
   */
  readonly declare?: boolean | undefined
  /**
   * How many queues share the keys of a group whose order is kept, up to 64: a number for all groups, or for each by its
   * whole name. One queue, the default, is worked on by one member at a time; the others take over when it goes.
   */
  readonly partitions?: number | ((group: string) => number) | undefined
  /** How often each side lets the other hear of it, in whole seconds; one that is silent for twice as long is gone. Default `'10s'`. */
  readonly heartbeat?: Duration | undefined
  /** How long the broker may take for an answer before the connection is given up. Default `'10s'`. */
  readonly timeout?: Duration | undefined
  /** The waits between attempts to come back, each twice the one before and cut by chance. Default `'100ms'` to `'5s'`. */
  readonly backoff?: { readonly min?: Duration | undefined; readonly max?: Duration | undefined } | undefined
  /** The waits of which delays are made, each longer than the one before, a queue for each. Default: 250 ms, and each next one four times as long, up to three days. */
  readonly delays?: readonly Duration[] | undefined
  /** Bytes of one message with its attributes and headers, no more than `max_message_size` of the broker. Default 16 MiB. */
  readonly maxMessageSize?: number | undefined
  /** How long the broker waits for an acknowledgement, its `consumer_timeout`. Default `'30m'`, as it is there. */
  readonly consumerTimeout?: Duration | undefined
}

const optionNames = [
  'url',
  'socket',
  'prefix',
  'declare',
  'partitions',
  'heartbeat',
  'timeout',
  'backoff',
  'delays',
  'maxMessageSize',
  'consumerTimeout',
]

const usualDelays: readonly number[] = Array.from({ length: 11 }, (_, rung) => 250 * 4 ** rung)

/**
 * A transport over RabbitMQ 3.10 or later: one topic exchange for all events, a quorum queue for each group, confirms for
 * whatever is published, delays and retries by queues that let go after a fixed time, and a queue of dead letters beside
 * each group. The broker needs no plugin.
 *
 * @example
 * await using bus = await createBus({ source: '/shop', handlers, transport: rabbitmq({ url: 'amqp://localhost' }) })
 *
 * @throws TidingsError `INVALID_ARGUMENT`
 */
export function rabbitmq(options: RabbitmqOptions): Transport {
  const settings = checked(options)
  const { maxMessageSize, consumerTimeout = '30m' } = options
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
    history: false,
    unroutable: true,
    redeliveries: true,
    deduplication: false,
    waiting: true,
    maxMessageSize: settings.routes.maxMessageSize,
    maxHeadersSize: Math.min(maxHeadersSize, maxMessageSize ?? Infinity),
    maxHold: milliseconds(consumerTimeout, 'consumerTimeout'),
  }
  const planning = { ...settings, name: 'tidings: topology' }
  return {
    name: 'rabbitmq',
    capabilities,
    connect: (connectOptions) => RabbitmqConnection.open(settings, connectOptions),
    topology: (groups) => topologyOf(settings.topology, groups),
    plan: (groups) => planOf(topologyOf(settings.topology, groups), planning),
    apply: (groups) => applyTo(topologyOf(settings.topology, groups), planning),
  }
}

function checked(options: RabbitmqOptions): ConnectionSettings {
  knownOptions(options, optionNames, 'rabbitmq')
  const {
    url,
    socket = {},
    prefix = 'tidings',
    partitions = 1,
    backoff = {},
    maxMessageSize = 16 * 1024 * 1024,
  } = options
  const names = new Names(prefix)
  const delays = options.delays?.map((delay) => milliseconds(delay, 'delays')) ?? usualDelays
  const ladder = new DelayLadder({ rungs: delays })
  const { min = '100ms', max = '5s' } = knownOptions(backoff, ['min', 'max'], 'rabbitmq backoff')
  return {
    url: checkedUrl(url),
    socket,
    heartbeat: Math.max(1, Math.round(milliseconds(options.heartbeat ?? '10s', 'heartbeat') / 1000)),
    timeout: milliseconds(options.timeout ?? '10s', 'timeout'),
    backoff: { delay: milliseconds(min, 'backoff.min'), max: milliseconds(max, 'backoff.max'), jitter: true },
    declare: options.declare ?? true,
    topology: { names, rungs: ladder.rungs, partitions: checkedPartitions(partitions) },
    routes: new Routes(names, ladder, whole(maxMessageSize, 1, 'maxMessageSize')),
  }
}

function checkedUrl(url: string): string {
  if (typeof url === 'string' && /^amqps?:\/\/./.test(url) && URL.canParse(url)) return url
  // Not the value: it may have a password.
  const place = typeof url === 'string' && URL.canParse(url) ? placeOf(url) : typeof url
  throw invalidArgument('url', 'one that begins with amqp:// or amqps://', place, "Such as 'amqp://localhost:5672'.")
}

function checkedPartitions(partitions: RabbitmqOptions['partitions']): (group: string) => number {
  const checkedCount = (count: number): number => {
    if (whole(count, 1, 'partitions') <= buckets) return count
    throw invalidArgument('partitions', `up to ${buckets}`, count, 'Keys fall into that many buckets.')
  }
  if (typeof partitions === 'function') return (group) => checkedCount(partitions(group))
  const count = checkedCount(partitions!)
  return () => count
}
