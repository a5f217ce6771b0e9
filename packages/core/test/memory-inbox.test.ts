import { array, assert, constantFrom, property, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashOf } from '../src/tools/event-set.ts'
import { type EventIdentity, memoryInbox } from '../src/tools/index.ts'

const event = (id: number | string, source = '/shop'): EventIdentity => ({ id: String(id), source })

describe('memoryInbox', () => {
  test.each([
    [0, true],
    [250, true],
    [499, true],
    [1000, false],
    [9999, false],
  ])(
    'knows the last half of its events at least, and no more than its most: the one %i before is known: %s',
    (age, is) => {
      const inbox = memoryInbox({ max: 1000 })
      for (let i = 0; i < 10_000; i++) inbox.add(event(i), 'g')
      expect(inbox.has(event(9999 - age), 'g')).toBe(is)
    },
  )

  test('what is seen again is not forgotten next', () => {
    const inbox = memoryInbox({ max: 10 })
    inbox.add(event('kept'), 'g')
    for (let i = 0; i < 100; i++) {
      inbox.add(event(i), 'g')
      expect(inbox.has(event('kept'), 'g')).toBe(true)
    }
  })

  test('an event is known for its time, and forgotten some time after', () => {
    let now = 1000
    const advance = (time: number) => (now += time)
    const inbox = memoryInbox({ max: 1000, ttl: '1m', clock: { now: () => now } })
    inbox.add(event('a'), 'g')
    advance(60_000)
    expect(inbox.has(event('a'), 'g')).toBe(true)
    advance(10_000)
    inbox.add(event('b'), 'g')
    advance(70_000)
    inbox.add(event('c'), 'g')
    expect(inbox.has(event('a'), 'g')).toBe(false)
    expect(inbox.has(event('b'), 'g')).toBe(true)
    advance(1_000_000)
    inbox.add(event('d'), 'g')
    expect(['a', 'b', 'c', 'd'].map((id) => inbox.has(event(id), 'g'))).toEqual([false, false, false, true])
  })

  test('INVARIANT: it knows what a set of group, source and id knows, however alike these are', () => {
    const part = constantFrom('', 'a', 'b', 'aa', 'ab', 'a b', ' ', '\u0000', 'ä', '🙂', 'x'.repeat(40))
    const one = tuple(part, part, part)
    assert(
      property(array(one, { maxLength: 60 }), array(one, { maxLength: 60 }), (added, asked) => {
        const inbox = memoryInbox()
        const known = new Set<string>()
        for (const [group, source, id] of added) {
          inbox.add({ source, id }, group)
          known.add(JSON.stringify([group, source, id]))
        }
        for (const [group, source, id] of [...added, ...asked]) {
          expect(inbox.has({ source, id }, group)).toBe(known.has(JSON.stringify([group, source, id])))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('it knows all of many, and none of as many others, while it grows', () => {
    const inbox = memoryInbox({ max: 1_000_000 })
    const forgotten: number[] = []
    for (let i = 0; i < 50_000; i++) {
      inbox.add(event(i, `/${i % 3}`), `g${i % 7}`)
      if (i % 5000 !== 0) continue
      for (let j = 0; j <= i; j++) if (!inbox.has(event(j, `/${j % 3}`), `g${j % 7}`)) forgotten.push(j)
    }
    expect(forgotten).toEqual([])
    const confused: number[] = []
    for (let i = 0; i < 50_000; i++) {
      const answers = [
        inbox.has(event(i, `/${i % 3}`), `g${(i + 1) % 7}`),
        inbox.has(event(i, `/${(i + 1) % 3}`), `g${i % 7}`),
        inbox.has(event(`${i} `, `/${i % 3}`), `g${i % 7}`),
      ]
      if (answers.some(Boolean)) confused.push(i)
    }
    expect(confused).toEqual([])
  })

  test('a bound that is odd is kept, too', () => {
    const inbox = memoryInbox({ max: 5 })
    for (let i = 0; i < 9; i++) inbox.add(event(i), 'g')
    expect([8, 7, 6, 5, 4].filter((i) => inbox.has(event(i), 'g'))).toEqual([8, 7, 6])
  })

  test('events that differ in their ids, their sources or their groups alone have hashes that differ', () => {
    const numbers = Array.from({ length: 10_000 }, (_, i) => i)
    const all = [
      numbers.map((i) => hashOf('g', event(i))),
      numbers.map((i) => hashOf('g', event(1, `/device/${i}`))),
      numbers.map((i) => hashOf(`g${i}`, event(1))),
    ]
    for (const hashes of all) expect(new Set(hashes).size).toBeGreaterThan(9_900)
  })

  test.each([
    [{ max: 1 }, '`max` must be a whole number from 2 on, received 1'],
    [{ ttl: 'soon' }, '`ttl`'],
    [{ size: 3 }, '`size` is no option of memoryInbox'],
  ])('refuses %j', (options, message) => {
    expect(() => memoryInbox(options as never)).toThrow(message)
  })
})
