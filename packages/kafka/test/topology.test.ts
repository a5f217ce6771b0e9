import type { GroupRequest } from '@tidings/bus/transport'
import { expect, test } from 'vitest'
import { kafka, type KafkaOptions } from '../src/index.ts'
import { topicsOf } from '../src/topology/parts.ts'
import { Names } from '../src/topology/names.ts'
import { group } from './fixtures/connect.ts'

const brokers = ['localhost:9092']

function partsOf(groups: readonly GroupRequest[], options: Partial<KafkaOptions> = {}) {
  return kafka({ brokers, ...options }).topology!(groups)
}

test('a bus needs a topic of events, a ladder of delays, and a topic beside its dead letters for each group', () => {
  const parts = partsOf([group('shop.billing')], { delays: ['1s', '1m'], partitions: 12, replication: 3 })
  const one = { partitions: 1, replication: 3 }
  const many = { partitions: 12, replication: 3 }
  const month = 30 * 24 * 3600 * 1000
  expect(parts.map(({ kind, name, settings }) => [kind, name, settings])).toEqual([
    ['topic', 'tidings.events', many],
    ['topic', 'tidings.bindings', { ...one, 'cleanup.policy': 'compact' }],
    ['topic', 'tidings.temporary', { ...one, 'retention.ms': 3_600_000 }],
    ['topic', 'tidings.delay.1000', { ...one, 'retention.ms': 1000 + month }],
    ['topic', 'tidings.delay.60000', { ...one, 'retention.ms': 60_000 + month }],
    ['topic', 'tidings.group.shop.billing', many],
    ['topic', 'tidings.dead.shop.billing', { ...one, 'retention.ms': -1 }],
  ])
})

test('a temporary group has nothing of its own', () => {
  expect(partsOf([group('g', { temporary: true })])).toEqual(partsOf([]))
})

test('event types may have topics of their own, and a group reads those in which its types may be', () => {
  const topics = { orders: ['shop.order.*'], 'all-mail': ['mail.**', 'shop.mailed'] }
  const names = partsOf([], { topics, delays: ['1s'] }).map(({ name }) => name)
  expect(names.slice(0, 3)).toEqual(['tidings.events', 'tidings.events.orders', 'tidings.events.all-mail'])
  const settings = {
    names: new Names('t'),
    rungs: [],
    partitions: 1,
    replication: 1,
    topics: [
      { name: 'orders', patterns: ['shop.order.*'] },
      { name: 'mail', patterns: ['mail.**', 'shop.mailed'] },
    ],
  }
  const read = (...types: string[]): string[] => topicsOf(settings, types)
  expect(read()).toEqual([])
  expect(read('shop.order.placed')).toEqual(['orders'])
  expect(read('shop.mailed', 'mail.sent.late')).toEqual(['mail'])
  expect(read('stock.moved')).toEqual(['t.events'])
  expect(read('shop.order.placed', 'stock.moved')).toEqual(['t.events', 'orders'])
  expect(read('shop.*')).toEqual(['t.events', 'mail'])
  expect(read('**')).toEqual(['t.events', 'orders', 'mail'])
  expect(read('**.placed')).toEqual(['t.events', 'orders', 'mail'])
})

test('INVARIANT: no name of a group is the topic of another one, whatever they are called', () => {
  const odd = ['dead', 'dead.a', 'a', 'a.dead', 'group.a', 'a.group', 'delay.250', 'events', 'events.a', 'bindings']
  const all = odd.flatMap((name) => partsOf([group(name)]).slice(partsOf([]).length))
  const names = [...partsOf([], { topics: { a: ['a'], dead: ['b'] } }), ...all].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

test('INVARIANT: two prefixes have no topic in common', () => {
  const one = partsOf([group('a'), group('other.group.a')], { prefix: 'shop' }).map(({ name }) => name)
  const other = partsOf([group('a'), group('shop.group.a')], { prefix: 'other' }).map(({ name }) => name)
  expect(one.filter((name) => other.includes(name))).toEqual([])
})

test.each([
  [{ brokers: [] }, 'brokers'],
  [{ brokers: ['localhost'] }, 'brokers'],
  [{ brokers: ['kafka://user:secret@host:9092'] }, 'brokers'],
  [{ brokers, prefix: 'a.b' }, 'prefix'],
  [{ brokers, partitions: 0 }, 'partitions'],
  [{ brokers, topics: { 'a b': ['a'] } }, 'topics'],
  [{ brokers, topics: { a: ['a*'] } }, 'pattern'],
  [{ brokers, delays: ['2s', '1s'] }, 'rungs'],
  [{ brokers, acks: 0 }, 'acks'],
] as [KafkaOptions, string][])('options that make no sense are refused: %o', (options, what) => {
  expect(() => kafka(options)).toThrow(what)
})
