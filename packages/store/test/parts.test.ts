import * as fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import {
  defineProjection,
  type EventStore,
  type Projection,
  readProjection,
  runProjection,
  type RunningProjection,
  waitFor,
} from '../src/index.ts'
import { all, OrderPlaced, placed, rejection, shop, type ShopEvent } from './support/shop.ts'

/** Keys with events of many streams. */
const sold = defineProjection('sold', {
  on: [OrderPlaced],
  key: ({ data }) => data.item,
  initial: () => 0,
  evolve: (count, { data }) => count + data.quantity,
  merge: (left, right) => left + right,
})

/** Keys of one stream each. */
const seen = defineProjection('seen', {
  on: [OrderPlaced],
  key: (_, { stream }) => stream,
  initial: () => [] as string[],
  evolve: (items, { data }) => [...items, data.item],
})

async function part<State>(
  store: EventStore<ShopEvent>,
  projection: Projection<State>,
  index: number,
  of: number,
): Promise<RunningProjection<State>> {
  const running = await runProjection(store, projection, { part: { index, of } })
  onTestFinished(() => running.stop())
  return running
}

const parts = <State>(store: EventStore<ShopEvent>, projection: Projection<State>, of: number) =>
  Promise.all(Array.from({ length: of }, (_, index) => part(store, projection, index, of)))

const done = async (store: EventStore, followers: readonly RunningProjection<unknown>[]): Promise<void> => {
  const end = await store.end()
  await Promise.all(followers.map((each) => waitFor(each, end)))
}

test('parts count each event once between them, and are read as one', async () => {
  const store = shop()
  for (let index = 0; index < 40; index++) await store.append(`order-${index % 10}`, [placed(`item-${index % 7}`)])
  const [three, four] = [await parts(store, sold, 3), await parts(store, seen, 4)]
  await done(store, [...three, ...four])
  const [items, orders] = [readProjection(store, sold, { parts: 3 }), readProjection(store, seen, { parts: 4 })]
  expect(await items.get('item-0')).toBe(6)
  expect(await items.get('item-9')).toBe(0)
  const counts = await all(items.entries())
  expect(counts.map(([key]) => key)).toEqual(Array.from({ length: 7 }, (_, index) => `item-${index}`))
  expect(counts.reduce((sum, [, count]) => sum + count, 0)).toBe(40)
  expect(await orders.get('order-3')).toEqual(['item-3', 'item-6', 'item-2', 'item-5'])
  // Every part has some of it.
  for (const running of four) expect((await all(running.entries())).length).toBeGreaterThan(0)
  // What comes is counted too, and only by one of them.
  await store.append('order-3', [placed('last')])
  await done(store, [...three, ...four])
  expect((await orders.get('order-3')).at(-1)).toBe('last')
  expect(await items.get('last')).toBe(1)
})

test('a key in several parts is refused where nobody says how to join it', async () => {
  const store = shop()
  for (let index = 0; index < 10; index++) await store.append(`order-${index}`, [placed('Book')])
  const { merge: _, ...unjoined } = sold
  const running = await parts(store, unjoined, 3)
  await done(store, running)
  const items = readProjection(store, unjoined, { parts: 3 })
  const error = await rejection(items.get('Book'))
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect((error as Error).message).toMatch(/^key "Book" of projection "sold" has events in 3 of its parts\n/)
})

test('what was never computed to its end is told, as a whole and in parts', async () => {
  const store = shop()
  const items = readProjection(store, sold)
  const error = await rejection(items.get('Book'))
  expect(error).toMatchObject({ code: 'NOT_SERVED' })
  expect((error as Error).message).toMatch(/^projection "sold" of version 1 was never computed to its end\n/)
  const one = await part(store, sold, 0, 2)
  await one.ready
  const late = await rejection(readProjection(store, sold, { parts: 2 }).get('Book'))
  expect((late as Error).message).toContain('to its end in part 1 of 2\n')
})

test('a projection is read in a process that does not compute it, through a rebuild', async () => {
  const store = shop()
  for (let index = 0; index < 600; index++) await store.append(`order-${index % 5}`, [placed('Book')])
  const running = await runProjection(store, sold)
  onTestFinished(() => running.stop())
  await waitFor(running, await store.end())
  const items = readProjection(store, sold)
  const rebuilding = running.rebuild()
  for (let isDone = false; !isDone;) {
    expect(await items.get('Book')).toBe(600)
    expect(await all(items.entries())).toEqual([['Book', 600]])
    const turn = new Promise<false>((resolve) => setTimeout(resolve, 0, false))
    isDone = await Promise.race([rebuilding.then(() => true), turn])
  }
})

test('two at work on one part find out; on different parts they do not meet', async () => {
  const store = shop()
  const [one, same, other] = [
    await part(store, sold, 0, 2),
    await part(store, sold, 0, 2),
    await part(store, sold, 1, 2),
  ]
  const failed = Promise.race([rejection(one.ended), rejection(same.ended)])
  for (let index = 0; index < 30; index++) await store.append(`order-${index}`, [placed('Book')])
  expect(await failed).toMatchObject({ code: 'RECORD_CONFLICT' })
  await waitFor(other, await store.end())
  expect(other.state).toBe('live')
})

test('INVARIANT: whoever runs which part, and however often it goes over, each event counts once and in the order of its stream', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.oneof(fc.record({ stream: fc.nat({ max: 5 }) }), fc.record({ move: fc.nat({ max: 3 }) })), {
        maxLength: 40,
      }),
      async (of, steps) => {
        const store = shop()
        const running = await parts(store, seen, of)
        const expected = new Map<string, string[]>()
        for (const [index, step] of steps.entries()) {
          if ('stream' in step) {
            const stream = `order-${step.stream}`
            await store.append(stream, [placed(`${index}`)])
            expected.set(stream, [...(expected.get(stream) ?? []), `${index}`])
          } else {
            const moved = step.move % of
            await running[moved]!.stop()
            running[moved] = await runProjection(store, seen, { part: { index: moved, of } })
          }
        }
        await done(store, running)
        await Promise.all(running.map(({ ready }) => ready))
        const states = new Map(await all(readProjection(store, seen, { parts: of }).entries()))
        expect(states).toEqual(new Map([...expected].toSorted(([a], [b]) => (a < b ? -1 : 1))))
        await Promise.all(running.map((each) => each.stop()))
      },
    ),
    { numRuns: 60 },
  )
})

test.for<object>([{ index: 2, of: 2 }, { index: -1, of: 2 }, { index: 0, of: 0 }, { index: 0 }, { of: 2, part: 1 }])(
  'refuses part %j',
  async (wrong) => {
    const error = await rejection(runProjection(shop(), sold, { part: wrong as never }))
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
  },
)
