import { isPattern, TidingsError } from '@tidings/core'
import type { GroupRequest } from '@tidings/bus/transport'
import { buckets } from '../publish/bucket.ts'
import { longestName, type Names } from './names.ts'
import type { TopologyPart } from '@tidings/bus/transport'

/** What the broker's own limit is raised to: the bus parks what ends its members, with the reason, and drops nothing. */
const deliveryLimit = 1_000_000_000

/** Of what the topology depends on. */
export interface TopologySettings {
  readonly names: Names
  /** Milliseconds of each rung. */
  readonly rungs: readonly number[]
  /** How many partitions a group has whose order is kept. */
  readonly partitions: (group: string) => number
}

/** What every bus needs. */
export function sharedParts({ names }: TopologySettings): TopologyPart[] {
  return [exchange(names.events, 'topic'), exchange(names.groups, 'direct'), quorum(names.due)]
}

/** A rung: what has waited its time goes to the queue of what is due, and is never lost on the way. */
export function rungPart({ names }: TopologySettings, wait: number): TopologyPart {
  return quorum(names.delay(wait), {
    'x-message-ttl': wait,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': names.due,
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  })
}

/** What a group needs, in the order in which it is made: bound last, so that nothing comes before it can be kept. */
export function groupParts(settings: TopologySettings, request: GroupRequest): TopologyPart[] {
  const { names } = settings
  const { group, ordered, types } = request
  const main = names.group(group)
  const count = ordered ? settings.partitions(group) : 1
  const kind = count > 1 ? 'exchange' : 'queue'
  const settingsOfQueue = ordered ? { 'x-single-active-consumer': true } : {}
  return [
    quorum(names.dead(group)),
    ...(count > 1 ? partitionParts(names, group, count, settingsOfQueue) : [quorum(main, settingsOfQueue)]),
    binding(kind, main, names.groups, group),
    ...types.map((type) => binding(kind, main, names.events, bindingKey(type))),
  ]
}

/** The queues that a group is consumed from. */
export function queuesOf({ names, partitions }: TopologySettings, { group, ordered }: GroupRequest): string[] {
  const count = ordered ? partitions(group) : 1
  if (count === 1) return [names.group(group)]
  return Array.from({ length: count }, (_, number) => names.partition(group, number))
}

/** A group that lives as long as its connection: quorum queues cannot be exclusive. */
export function temporaryParts({ names }: TopologySettings, id: string, request: GroupRequest): TopologyPart[] {
  const { group, types } = request
  const queue = names.temporary(id, group)
  return [
    { kind: 'queue', name: queue, settings: { durable: false, exclusive: true, autoDelete: true } },
    binding('queue', queue, names.groups, group),
    ...types.map((type) => binding('queue', queue, names.events, bindingKey(type))),
  ]
}

/**
 * The pattern of a binding for an event type or a pattern of ours: `*` is one token in both, `**` any number is `#`.
 *
 * @throws TidingsError `INVALID_ARGUMENT` for what a routing key cannot say
 */
function bindingKey(type: string): string {
  const tokens = type.split('.')
  if (tokens.includes('#')) {
    throw new TidingsError(
      'INVALID_ARGUMENT',
      `the event type ${JSON.stringify(type)} cannot be bound: RabbitMQ takes "#" for any number of tokens\nUse another name for it.`,
    )
  }
  const key = isPattern(type) ? tokens.map((token) => (token === '**' ? '#' : token)).join('.') : type
  return routingKey(key)
}

/** @throws TidingsError `INVALID_ARGUMENT` for more than 255 bytes */
export function routingKey(type: string): string {
  // Three bytes for a unit of UTF-16 at most: for nearly every type enough to know.
  if (3 * type.length > longestName && Buffer.byteLength(type) > longestName) {
    throw new TidingsError(
      'INVALID_ARGUMENT',
      `an event type has ${Buffer.byteLength(type)} bytes, and a routing key takes ${longestName}: ${type.slice(0, 40)}…\nUse a shorter one.`,
    )
  }
  return type
}

/** Partitions behind an exchange that looks at the bucket of the key. */
function partitionParts(
  names: Names,
  group: string,
  count: number,
  settings: TopologyPart['settings'],
): TopologyPart[] {
  const [main, plain] = [names.group(group), names.plain(group)]
  const partitions = Array.from({ length: count }, (_, number) => names.partition(group, number))
  return [
    exchange(plain, 'fanout'),
    exchange(names.members(group), 'fanout'),
    ...partitions.map((name) => quorum(name, settings)),
    exchange(main, 'headers', { 'alternate-exchange': plain }),
    binding('queue', partitions[0]!, plain, ''),
    ...Array.from({ length: buckets }, (_, bucket) => {
      const { settings: bound, ...part } = binding('queue', partitions[bucket % count]!, main, String(bucket))
      return { ...part, settings: { ...bound, 'x-match': 'all', [bucketHeader]: String(bucket) } }
    }),
  ]
}

/** What tells the bucket of a message. Exchanges look at no header whose name begins with `x-`. */
export const bucketHeader = 'tidings-bucket'

function quorum(name: string, more: TopologyPart['settings'] = {}): TopologyPart {
  const limit = 'x-message-ttl' in more ? {} : { 'x-delivery-limit': deliveryLimit }
  return { kind: 'queue', name, settings: { durable: true, 'x-queue-type': 'quorum', ...limit, ...more } }
}

function exchange(name: string, type: string, more: TopologyPart['settings'] = {}): TopologyPart {
  return { kind: 'exchange', name, settings: { type, durable: true, ...more } }
}

function binding(to: 'queue' | 'exchange', destination: string, source: string, key: string): TopologyPart {
  const settings = { source, destination, to, key }
  return { kind: 'binding', name: `${source} → ${destination}: ${key}`, settings }
}
