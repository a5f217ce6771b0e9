import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConcurrencyError, type ExpectedVersion, StreamTombstonedError } from '../src/index.ts'
import { all, placed, rejection, shop, type ShopEvent } from './support/shop.ts'

/** What a store is, as short as it can be said. */
class Reference {
  readonly log: { id: string; stream: string; version: number }[] = []
  readonly versions = new Map<string, number>()
  readonly cuts = new Map<string, number>()
  readonly ended = new Set<string>()

  append(stream: string, ids: readonly string[], expected: ExpectedVersion): 'done' | 'conflict' | 'ended' {
    const version = this.versions.get(stream) ?? 0
    if (this.ended.has(stream)) return 'ended'
    const fits =
      expected === 'any' ||
      (expected === 'exists' ? version > 0 : version === (expected === 'no-stream' ? 0 : expected))
    if (!fits) return 'conflict'
    ids.forEach((id, index) => this.log.push({ id, stream, version: version + index + 1 }))
    if (ids.length > 0) this.versions.set(stream, version + ids.length)
    return 'done'
  }

  get left(): typeof this.log {
    return this.log.filter(({ stream, version }) => !this.ended.has(stream) && version >= (this.cuts.get(stream) ?? 1))
  }
}

const stream = fc.constantFrom('a-1', 'a-2', 'b-1')
const expected = fc.oneof(
  fc.constantFrom<ExpectedVersion>('any', 'exists', 'no-stream', 'right' as never),
  fc.nat({ max: 6 }),
  fc.constant(Number.MAX_SAFE_INTEGER),
)
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('append' as const), stream, expected, count: fc.nat({ max: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('burst' as const), stream, count: fc.integer({ min: 2, max: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('both' as const), expected, count: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('truncate' as const), stream, before: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('tombstone' as const), stream: fc.constantFrom('a-2', 'b-1') }),
  },
)

test('INVARIANT: whatever is appended, repeated and removed, a store is its reference', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 9 }), async (steps, page) => {
      const store = shop()
      const reference = new Reference()
      const done: { stream: string; events: ShopEvent[] }[] = []
      const right = (name: string, wanted: ExpectedVersion): ExpectedVersion =>
        wanted === ('right' as never) ? (reference.versions.get(name) ?? 0) : wanted
      const outcome = async (append: Promise<unknown>): Promise<string> => {
        const error = await rejection(append)
        if (error === undefined) return 'done'
        if (error instanceof StreamTombstonedError) return 'ended'
        if (error instanceof ConcurrencyError) return 'conflict'
        throw new Error('an append failed', { cause: error })
      }
      for (const each of steps) {
        if (each.kind === 'append') {
          const events = Array.from({ length: each.count }, () => placed())
          const expectedVersion = right(each.stream, each.expected)
          const wanted = reference.append(
            each.stream,
            events.map(({ id }) => id),
            expectedVersion,
          )
          expect(await outcome(store.append(each.stream, events, { expectedVersion }))).toBe(wanted)
          if (wanted === 'done' && events.length > 0) done.push({ stream: each.stream, events })
        } else if (each.kind === 'burst') {
          const bursts = Array.from({ length: each.count }, () => [placed()])
          const outcomes = bursts.map((events) => outcome(store.append(each.stream, events)))
          const wanted = bursts.map(([event]) => reference.append(each.stream, [event!.id], 'any'))
          expect(await Promise.all(outcomes)).toEqual(wanted)
        } else if (each.kind === 'both') {
          const appends = ['a-1', 'b-1'].map((name, index) => ({
            stream: name,
            events: Array.from({ length: each.count }, () => placed()),
            expectedVersion: index === 0 ? ('any' as const) : right(name, each.expected),
          }))
          const probe = new Reference()
          for (const [name, version] of reference.versions) probe.versions.set(name, version)
          for (const name of reference.ended) probe.ended.add(name)
          const verdicts = appends.map(({ stream: name, expectedVersion }) => probe.append(name, [], expectedVersion))
          const wanted = verdicts.find((verdict) => verdict !== 'done') ?? 'done'
          expect(await outcome(store.appendAll(appends))).toBe(wanted)
          if (wanted !== 'done') continue
          for (const { stream: name, events } of appends)
            reference.append(
              name,
              events.map(({ id }) => id),
              'any',
            )
        } else if (each.kind === 'again') {
          const former = done[each.pick % done.length]
          const isWhole = former?.events.every(({ id }) => reference.left.some((left) => left.id === id))
          if (former === undefined || isWhole !== true) continue
          expect(await store.append(former.stream, former.events, { expectedVersion: 0 })).toMatchObject({
            repeated: true,
          })
        } else if (each.kind === 'truncate') {
          const version = reference.versions.get(each.stream) ?? 0
          const fits = each.before <= version + 1
          expect(await outcome(store.truncate(each.stream, each))).toBe(fits ? 'done' : 'conflict')
          const cut = Math.max(reference.cuts.get(each.stream) ?? 1, each.before)
          if (fits) reference.cuts.set(each.stream, cut)
        } else {
          const exists = reference.versions.has(each.stream)
          expect(await outcome(store.tombstone(each.stream))).toBe(exists ? 'done' : 'conflict')
          if (exists) reference.ended.add(each.stream)
        }
      }
      const log = reference.left
      const read: string[] = []
      for (let after = 0, more = true; more;) {
        const some = await all(store.readAll({ after: after as never, limit: page }))
        read.push(...some.map(({ event, stream: name, version }) => `${event.id} ${name}@${version}`))
        after = some.at(-1)?.position ?? after
        more = some.length === page
      }
      expect(read).toEqual(log.map(({ id, stream: name, version }) => `${id} ${name}@${version}`))
      for (const name of ['a-1', 'a-2', 'b-1']) {
        const ids = log.filter((each) => each.stream === name).map(({ id }) => id)
        expect((await all(store.read(name))).map(({ event }) => event.id)).toEqual(ids)
        const backward = await all(store.read(name, { direction: 'backward' }))
        expect(backward.map(({ event }) => event.id)).toEqual(ids.toReversed())
        expect((await store.info(name)).version).toBe(reference.versions.get(name) ?? 0)
      }
    }),
    { numRuns: 200 },
  )
})
