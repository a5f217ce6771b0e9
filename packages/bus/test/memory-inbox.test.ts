import { expect, test } from 'vitest'
import { MemoryInbox } from '../src/bus/memory-inbox.ts'
import { ManualClock } from './support/recording-member.ts'

test.each([0, 100, 250, 499])(
  'the inbox in memory knows the last half of its keys at least: the one %i before',
  (age) => {
    const inbox = new MemoryInbox(1000, 60_000, new ManualClock())
    for (let i = 0; i < 10_000; i++) {
      inbox.add(`${i}`)
      expect(inbox.size).toBeLessThanOrEqual(1000)
    }
    expect(inbox.has(`${9_999 - age}`)).toBe(true)
    expect(inbox.has('0')).toBe(false)
  },
)

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
