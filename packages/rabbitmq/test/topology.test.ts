import type { GroupRequest } from '@tidings/bus/transport'
import { expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'

const url = 'amqp://localhost'

/** What a bus asks for, for one group. */
function group(name: string, more: Partial<GroupRequest> = {}): GroupRequest {
  return {
    group: name,
    types: ['shop.order.placed'],
    prefetch: 10,
    marks: false,
    ordered: false,
    from: 'latest',
    temporary: false,
    ...more,
  }
}

function partsOf(groups: readonly GroupRequest[], options: object = {}) {
  return rabbitmq({ url, ...options }).topology!(groups)
}

test('a bus needs a topic exchange, a direct one, a ladder of queues, and a queue beside its dead letters for each group', () => {
  const parts = partsOf([group('shop.billing', { types: ['shop.order.*', 'shop.**'], ordered: true })], {
    delays: ['1s', '1m'],
  })
  const quorum = { durable: true, 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 }
  const rung = (ttl: number): object => ({
    durable: true,
    'x-queue-type': 'quorum',
    'x-message-ttl': ttl,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'tidings.due',
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  })
  const bound = (source: string, key: string): object => ({
    source,
    destination: 'tidings.group.shop.billing',
    to: 'queue',
    key,
  })
  expect(parts.map(({ kind, name, settings }) => [kind, name, settings])).toEqual([
    ['exchange', 'tidings.events', { type: 'topic', durable: true }],
    ['exchange', 'tidings.groups', { type: 'direct', durable: true }],
    ['queue', 'tidings.due', quorum],
    ['queue', 'tidings.delay.1000', rung(1000)],
    ['queue', 'tidings.delay.60000', rung(60_000)],
    ['queue', 'tidings.dead.shop.billing', quorum],
    ['queue', 'tidings.group.shop.billing', { ...quorum, 'x-single-active-consumer': true }],
    ['binding', 'tidings.groups → tidings.group.shop.billing: shop.billing', bound('tidings.groups', 'shop.billing')],
    ['binding', 'tidings.events → tidings.group.shop.billing: shop.order.*', bound('tidings.events', 'shop.order.*')],
    ['binding', 'tidings.events → tidings.group.shop.billing: shop.#', bound('tidings.events', 'shop.#')],
  ])
})

test('the members of an unordered group compete: its queue has no single active consumer', () => {
  const queue = partsOf([group('g')]).find(({ name }) => name === 'tidings.group.g')
  expect(queue?.settings).not.toHaveProperty('x-single-active-consumer')
})

test('a group with partitions has a queue for each, behind an exchange that looks at the bucket of the key', () => {
  const parts = partsOf([group('g', { ordered: true })], { partitions: 3 })
  const mine = parts.filter(({ name, kind }) => kind !== 'binding' && name.endsWith('.g'))
  expect(mine.map(({ kind, name }) => [kind, name])).toEqual([
    ['queue', 'tidings.dead.g'],
    ['exchange', 'tidings.plain.g'],
    ['exchange', 'tidings.members.g'],
    ['queue', 'tidings.partition.0.g'],
    ['queue', 'tidings.partition.1.g'],
    ['queue', 'tidings.partition.2.g'],
    ['exchange', 'tidings.group.g'],
  ])
  const buckets = parts.filter(({ settings }) => 'x-match' in settings)
  expect(buckets).toHaveLength(64)
  expect(buckets[4]?.settings).toEqual({
    source: 'tidings.group.g',
    destination: 'tidings.partition.1.g',
    to: 'queue',
    key: '4',
    'x-match': 'all',
    'tidings-bucket': '4',
  })
  // Where order does not matter there is nothing to part.
  expect(partsOf([group('g')], { partitions: 3 }).map(({ name }) => name)).toContain('tidings.group.g')
})

test('the number of partitions may be said for each group', () => {
  const partitions = (name: string): number => (name === 'large' ? 2 : 1)
  const names = partsOf([group('large', { ordered: true }), group('small', { ordered: true })], { partitions })
    .filter(({ kind }) => kind === 'queue')
    .map(({ name }) => name)
  expect(names).toContain('tidings.partition.1.large')
  expect(names).toContain('tidings.group.small')
})

test('INVARIANT: no name of a group is the queue of another one, whatever they are called', () => {
  const odd = [
    'dead',
    'dead.a',
    'a',
    'a.dead',
    'group.a',
    'a.group',
    'partition.0.a',
    '0.a',
    'delay.250',
    'due',
    'events',
    'groups',
    'a.b',
    'a_b',
    'members.a',
    'plain.a',
  ]
  for (const partitions of [1, 2]) {
    for (const ordered of [true, false]) {
      const own = odd.map((name) =>
        partsOf([group(name, { ordered })], { partitions })
          .filter(({ kind }) => kind !== 'binding')
          .map(({ kind, name: called }) => `${kind} ${called}`),
      )
      const shared = new Set(own[0]!.filter((called) => own.every((others) => others.includes(called))))
      const all = own.flatMap((called) => called.filter((each) => !shared.has(each)))
      expect(new Set(all).size).toBe(all.length)
    }
  }
})

test('INVARIANT: two prefixes share no name', () => {
  const names = (prefix: string): string[] =>
    partsOf([group('a'), group('b', { ordered: true })], { prefix, partitions: 2 })
      .filter(({ kind }) => kind !== 'binding')
      .map(({ name }) => name)
  const [one, other] = [names('shop'), names('shop-2')]
  expect(one.filter((name) => other.includes(name))).toEqual([])
  // A dot would let a group of one prefix be called as another one's.
  for (const prefix of ['shop.group', '', 'a b', 'x'.repeat(31)]) {
    expect(() => rabbitmq({ url, prefix })).toThrow('`prefix` must be')
  }
})

test('an event type that no routing key can say is refused where it is asked for', () => {
  expect(() => partsOf([group('g', { types: ['a.#'] })])).toThrow('takes "#" for any number of tokens')
  expect(() => partsOf([group('g', { types: [`a.${'é'.repeat(130)}`] })])).toThrow('a routing key takes 255')
})

test('temporary groups are no part of it: they come and go with their connection', () => {
  const names = partsOf([group('replies', { temporary: true })]).map(({ name }) => name)
  expect(names.filter((name) => name.includes('replies'))).toEqual([])
})

test('options that make no sense are refused with the value and the fix, and no password', () => {
  const refusals = [
    [{ url: 'http://user:secret@host' }, '`url` must be one that begins with amqp:// or amqps://'],
    [{ url, partitions: 65 }, '`partitions` must be up to 64'],
    [{ url, partitions: 0 }, '`partitions` must be a whole number from 1 on'],
    [{ url, delays: ['1m', '1s'] }, '`rungs` must be milliseconds above 0, each longer than the one before'],
    [{ url, prefetch: 3 }, 'prefetch'],
    [{ url, maxMessageSize: 0 }, '`maxMessageSize` must be'],
  ] as const
  for (const [options, message] of refusals) expect(() => rabbitmq(options as { url: string })).toThrow(message)
  expect(() => rabbitmq({ url: 'http://user:secret@host' })).not.toThrow('secret')
})
