import { expect, test } from 'vitest'
import { MemoryInbox } from '../src/bus/memory-inbox.ts'
import { ManualClock } from './support/recording-member.ts'

test('the inbox in memory knows the last half of its keys at least, and all of them at most', () => {
  const inbox = new MemoryInbox(1000, 60_000, new ManualClock())
  for (let i = 0; i < 10_000; i++) {
    inbox.add(`${i}`)
    expect(inbox.has(`${Math.max(0, i - 499)}`)).toBe(true)
  }
  const known = Array.from({ length: 10_000 }, (_, i) => inbox.has(`${i}`)).filter(Boolean).length
  expect(known).toBeGreaterThanOrEqual(500)
  expect(known).toBeLessThanOrEqual(1000)
})

test('what is seen again is not forgotten next', () => {
  const inbox = new MemoryInbox(10, 60_000, new ManualClock())
  inbox.add('kept')
  for (let i = 0; i < 100; i++) {
    inbox.add(`${i}`)
    expect(inbox.has('kept')).toBe(true)
  }
})

test('a key is known for its time, and forgotten some time after', () => {
  const clock = new ManualClock()
  const inbox = new MemoryInbox(1000, 60_000, clock)
  inbox.add('a')
  clock.advance(60_000)
  expect(inbox.has('a')).toBe(true)
  clock.advance(10_000)
  inbox.add('b')
  clock.advance(70_000)
  inbox.add('c')
  expect(inbox.has('a')).toBe(false)
  expect(inbox.has('b')).toBe(true)
  clock.advance(1_000_000)
  inbox.add('d')
  expect(['a', 'b', 'c', 'd'].map((key) => inbox.has(key))).toEqual([false, false, false, true])
})
