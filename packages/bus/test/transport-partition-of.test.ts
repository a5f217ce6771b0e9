import { expect, test } from 'vitest'
import { keyHash, partitionOf } from '../src/transport/index.ts'

// What the tests of Kafka's Java client expect of its default partitioner.
test.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
])('the hash of %s is that of the clients of Kafka', (key, hash) => {
  expect(keyHash(key)).toBe(hash)
  expect(keyHash(new TextEncoder().encode(key))).toBe(hash)
})

test('a text is hashed as UTF-8, an empty one too', () => {
  expect(keyHash('ünïcödé 🚀')).toBe(keyHash(new TextEncoder().encode('ünïcödé 🚀')))
  expect(Number.isInteger(keyHash(''))).toBe(true)
})

test('a hash below zero gives a partition all the same', () => {
  expect(partitionOf('21', 10)).toBe((-973_932_308 & 0x7fffffff) % 10)
  expect(partitionOf('abc', 1)).toBe(0)
})

test('keys spread over all partitions', () => {
  const counts = Array.from({ length: 12 }, () => 0)
  for (let order = 0; order < 12_000; order++) counts[partitionOf(`order-${order}`, 12)]!++
  expect(Math.min(...counts)).toBeGreaterThan(800)
  expect(Math.max(...counts)).toBeLessThan(1200)
})

test('no partitions are refused', () => {
  expect(() => partitionOf('a', 0)).toThrow('`partitions` must be a whole number from 1 on, received 0')
})
