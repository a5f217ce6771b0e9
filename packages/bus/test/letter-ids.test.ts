import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHash } from 'node:crypto'
import { handler, memory } from '../src/index.ts'
import { sha256 } from '../src/dead-letter/sha-256.ts'
import { all } from './support/letters.ts'
import { connectTo, message, quiet } from './support/recording-member.ts'
import { ShelfScanned, testedBus } from './support/shop.ts'

type Identity = readonly [source: string, id: string]

/** The ids of the letters that events of these sources and ids leave in two groups, none of which can read them. */
async function lettersOf(events: readonly Identity[], times = 1): Promise<{ id: string; event: string }[]> {
  const transport = memory()
  const handlers = ['a', 'a-b'].map((group) => handler(ShelfScanned, { group, retry: false }, () => {}))
  await using tested = await testedBus({ transport, handlers })
  const { connection } = await connectTo(transport, tested.clock)
  for (let time = 0; time < times; time++) {
    for (const [source, id] of events) {
      const bad = message(id, { type: ShelfScanned.type, body: '{}' })
      await connection.publish({ message: { ...bad, attributes: { ...bad.attributes, source } } })
    }
  }
  await quiet(20)
  await connection.close()
  const letters = await all(tested.bus.deadLetters.list())
  return letters.map(({ id, group, message: { attributes } }) => ({
    id,
    event: JSON.stringify([group, attributes['source'], attributes['id']]),
  }))
}

// What the ids themselves are made of, and what must be escaped.
const nasty = fc.string({
  unit: fc.constantFrom('~', '~~', '/', '|', 'h', 'u', '2f', '.', '..', '-', 'é', '😀', '%'),
  minLength: 1,
  maxLength: 6,
})
const long = fc.tuple(nasty, fc.integer({ min: 100, max: 400 })).map(([text, count]) => text.repeat(count))
const texts = fc.oneof({ weight: 8, arbitrary: nasty }, { weight: 1, arbitrary: long })
const identities = fc.uniqueArray(fc.tuple(texts, texts), {
  minLength: 1,
  maxLength: 40,
  selector: (identity) => JSON.stringify(identity),
})

test('INVARIANT: the id of a letter is one of its event and group, and stands in a URL as it is', async () => {
  await fc.assert(
    fc.asyncProperty(identities, async (events) => {
      const letters = await lettersOf(events, 2)
      expect(letters).toHaveLength(2 * events.length)
      expect(new Set(letters.map(({ id }) => id)).size).toBe(letters.length)
      expect(new Set(letters.map(({ event }) => event)).size).toBe(letters.length)
      for (const { id } of letters) {
        expect(id.length).toBeLessThanOrEqual(200)
        expect(encodeURIComponent(id)).toBe(id)
        expect(new URL(`/letters/${id}/replay`, 'http://localhost').pathname).toBe(`/letters/${id}/replay`)
      }
      expect(await lettersOf(events)).toEqual(letters)
    }),
    { numRuns: 30 },
  )
}, 60_000)

test('an id can be read where it is short, and begins with its group where it is long', async () => {
  const letters = await lettersOf([
    ['/shop', 'o-1'],
    ['/shop', 'x'.repeat(500)],
  ])
  const [short, long] = letters.filter(({ id }) => id.startsWith('shop.a~')).map(({ id }) => id)
  expect(short).toBe('shop.a~~~2fshop~~o-1')
  expect(long).toMatch(/^shop\.a~h[\w-]{43}$/)
})

test('the hash of long ids is SHA-256', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      expect(sha256(text)).toBe(createHash('sha256').update(text).digest('base64url'))
    }),
    { numRuns: 30 },
  )
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    expect(sha256('a'.repeat(length))).toBe(createHash('sha256').update('a'.repeat(length)).digest('base64url'))
  }
})
