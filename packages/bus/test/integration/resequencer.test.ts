import { defineEvent, type EventOf } from '@tidings/events'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { handler, type HandlerContext, type HandlerOptions, PermanentError } from '../../src/index.ts'
import { resequencer, type ResequencerOptions } from '../../src/integration/index.ts'
import { ManualClock, quiet, until } from '../support/recording-member.ts'
import { busOf, Log, OrderPlaced } from './integration-bus.ts'

const StockMoved = defineEvent('shop.stock.moved', z.object({ place: z.string(), number: z.int() }))
type StockMoved = EventOf<typeof StockMoved>

const by = ({ data }: StockMoved) => ({ source: data.place, sequence: data.number })

/** A group behind a resequencer whose time is the test's. */
function stock(
  handle: (event: StockMoved, context: HandlerContext) => unknown,
  options: ResequencerOptions<StockMoved> = {},
  policy: HandlerOptions = {},
) {
  const clock = new ManualClock()
  const log = new Log()
  const inOrder = resequencer({ by, clock, ...options }, handle)
  const bound = handler(
    StockMoved,
    { group: 'stock', ordering: 'none', retry: { attempts: 3, delay: 0 }, ...policy },
    inOrder,
  )
  return { clock, log, bus: busOf([bound], { log }) }
}

test('events come out in order, each when the one before it has ended, and sources do not wait for each other', async () => {
  const steps: string[] = []
  const started = stock(async ({ data }) => {
    steps.push(`${data.place}${data.number}`)
    await quiet(3)
    steps.push(`/${data.place}${data.number}`)
  })
  await using bus = await started.bus
  for (const [place, number] of [
    ['a', 3],
    ['a', 2],
    ['b', 1],
    ['a', 1],
  ] as const) {
    await bus.publish(StockMoved, { place, number })
  }
  await until(() => steps.length === 8)
  expect(steps.filter((step) => step.includes('a'))).toEqual(['a1', '/a1', 'a2', '/a2', 'a3', '/a3'])
  expect(steps[0]).toBe('b1')
})

test('INVARIANT: any permutation of a sequence, with any duplicates, is handled in order and once', async () => {
  const arrivals = fc
    .integer({ min: 1, max: 8 })
    .map((length) => Array.from({ length }, (_, index) => index + 1))
    .chain((numbers) => fc.tuple(fc.shuffledSubarray(numbers, { minLength: numbers.length }), fc.subarray(numbers)))
    .chain(([order, twice]) =>
      fc.tuple(
        fc.constant(order.length),
        fc.shuffledSubarray([...order, ...twice], { minLength: order.length + twice.length }),
      ),
    )
  await fc.assert(
    fc.asyncProperty(arrivals, async ([length, order]) => {
      const seen: number[] = []
      const started = stock(({ data }) => seen.push(data.number), { max: 99 }, { idempotent: true, concurrency: 100 })
      await using bus = await started.bus
      for (const number of order) await bus.publish(StockMoved, { place: 'a', number }, { id: `id-${number}` })
      await until(() => seen.length >= length)
      await quiet()
      expect(seen).toEqual(Array.from({ length }, (_, index) => index + 1))
    }),
    { numRuns: 60 },
  )
})

test('INVARIANT: a failed event keeps its place, and those behind it wait for its retry', async () => {
  const seen: string[] = []
  let failures = 2
  const started = stock(async ({ data }, { attempt }) => {
    seen.push(`${data.number}/${attempt}`)
    await quiet(2)
    if (data.number === 1 && failures-- > 0) throw new Error('not yet')
  })
  await using bus = await started.bus
  for (const number of [1, 2, 3]) await bus.publish(StockMoved, { place: 'a', number })
  await until(() => seen.length === 5)
  expect(seen).toEqual(['1/1', '1/2', '1/3', '2/1', '3/1'])
})

test('behind an error that no retry mends, the next one goes on at once', async () => {
  const seen: number[] = []
  const started = stock(({ data }) => {
    seen.push(data.number)
    if (data.number === 1) throw new PermanentError('broken')
  })
  await using bus = await started.bus
  for (const number of [2, 1]) await bus.publish(StockMoved, { place: 'a', number })
  await until(() => seen.length === 2)
  expect(seen).toEqual([1, 2])
})

test('an error that cannot be asked keeps its place until it is tried again', async () => {
  const { proxy: odd, revoke } = Proxy.revocable(new Error('odd'), {})
  revoke()
  const seen: string[] = []
  const started = stock(({ data }, { attempt }) => {
    seen.push(`${data.number}/${attempt}`)
    if (data.number === 1 && attempt === 1) throw odd
  })
  await using bus = await started.bus
  for (const number of [1, 2]) await bus.publish(StockMoved, { place: 'a', number })
  await until(() => seen.length === 3)
  expect(seen).toEqual(['1/1', '1/2', '2/1'])
})

describe('gaps', () => {
  test('are waited for as long as gapTimeout, then passed, which the log says', async () => {
    const seen: number[] = []
    const { clock, log, bus: starting } = stock(({ data }) => seen.push(data.number), { gapTimeout: '10s' })
    await using bus = await starting
    for (const number of [1, 4, 5]) await bus.publish(StockMoved, { place: 'a', number })
    await quiet()
    clock.advance(9999)
    await quiet()
    expect(seen).toEqual([1])
    clock.advance(1)
    await until(() => seen.length === 3)
    expect(seen).toEqual([1, 4, 5])
    expect(log.lines).toEqual(['warn: a gap in a sequence is passed over: the time is up'])
    expect(log.facts[0]).toMatchObject({ source: 'a', from: 2, to: 3 })
    expect(clock.timers).toBe(0)
  })

  test('what fills one in time is handled in its place', async () => {
    const seen: number[] = []
    const { clock, bus: starting } = stock(({ data }) => seen.push(data.number))
    await using bus = await starting
    for (const number of [1, 3, 2, 5]) await bus.publish(StockMoved, { place: 'a', number })
    await until(() => seen.length === 3)
    await quiet()
    clock.advance(4999)
    await bus.publish(StockMoved, { place: 'a', number: 4 })
    await until(() => seen.length === 5)
    expect(seen).toEqual([1, 2, 3, 4, 5])
    expect(clock.timers).toBe(0)
  })

  test('are not waited for when more than `max` events are held', async () => {
    const seen: number[] = []
    const { log, bus: starting } = stock(({ data }) => seen.push(data.number), { max: 2 })
    await using bus = await starting
    for (const number of [5, 3, 4]) await bus.publish(StockMoved, { place: 'a', number })
    await until(() => seen.length === 3)
    expect(seen).toEqual([3, 4, 5])
    expect(log.lines).toEqual(['warn: a gap in a sequence is passed over: too many events are held'])
  })

  test('`max` and `concurrency` fit by default: held events leave a place for the one that is missing', async () => {
    const seen: number[] = []
    const { bus: starting } = stock(({ data }) => seen.push(data.number))
    await using bus = await starting
    for (let number = 10; number >= 1; number--) await bus.publish(StockMoved, { place: 'a', number })
    await until(() => seen.length === 10)
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })
})

describe('late events', () => {
  const late = async (option: 'handle' | 'drop') => {
    const seen: number[] = []
    const { log, bus: starting } = stock(({ data }) => seen.push(data.number), { max: 1, late: option })
    await using bus = await starting
    for (const number of [2, 3]) await bus.publish(StockMoved, { place: 'a', number })
    await until(() => seen.length === 2)
    await bus.publish(StockMoved, { place: 'a', number: 1 })
    await quiet(50)
    return { seen, last: log.lines.at(-1) }
  }

  test('are handled at once', async () => {
    expect((await late('handle')).seen).toEqual([2, 3, 1])
  })

  test('or left out, which the log says', async () => {
    expect(await late('drop')).toEqual({ seen: [2, 3], last: 'warn: an event came after its place was passed' })
  })
})

test('an attempt whose time is up leaves its place, held or running', async () => {
  let calls = 0
  const inOrder = resequencer<StockMoved>({ by, clock: new ManualClock() }, ({ data }) =>
    data.number === 1 && calls++ === 0 ? new Promise(() => {}) : undefined,
  )
  const attemptAt = (number: number) => {
    const controller = new AbortController()
    const context = { signal: controller.signal, log: new Log() } as unknown as HandlerContext
    return { controller, outcome: inOrder(StockMoved.create({ place: 'a', number }), context) }
  }
  const [running, held, last] = [attemptAt(1), attemptAt(2), attemptAt(3)]
  held.controller.abort(new Error('held too long'))
  await expect(held.outcome).rejects.toThrow('held too long')
  running.controller.abort(new Error('ran too long'))
  await expect(running.outcome).rejects.toThrow('ran too long')
  await attemptAt(1).outcome
  last.controller.abort(new Error('over'))
  await expect(last.outcome).rejects.toThrow('over')
  const over = new AbortController()
  over.abort(new Error('over before'))
  const context = { signal: over.signal, log: new Log() } as unknown as HandlerContext
  await expect(inOrder(StockMoved.create({ place: 'a', number: 7 }), context)).rejects.toThrow('over before')
})

test('a duplicate of an event that is held or running shares its outcome', async () => {
  const seen: number[] = []
  const inOrder = resequencer<StockMoved>({ by, clock: new ManualClock() }, async ({ data }) => {
    seen.push(data.number)
    await quiet(2)
    if (data.number === 2) throw new Error('failed')
  })
  const context = { signal: new AbortController().signal, log: new Log() } as unknown as HandlerContext
  const [one, two] = [1, 2].map((number) => StockMoved.create({ place: 'a', number }))
  const outcomes = [two!, two!, one!, one!].map((event) => inOrder(event, context))
  const settled = await Promise.allSettled(outcomes)
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled'])
  expect(seen).toEqual([1, 2])
})

test('by default the place is source and sequence; events without a sequence pass at once', async () => {
  const seen: unknown[] = []
  const inOrder = resequencer<StockMoved>({ first: 0, clock: new ManualClock() }, ({ data }) => seen.push(data.number))
  const context = { signal: new AbortController().signal, log: new Log() } as unknown as HandlerContext
  const moved = (sequence: number) =>
    StockMoved.create({ place: 'a', number: sequence }, { source: '/depot', sequence })
  const second = inOrder(moved(1), context)
  const first = inOrder(moved(0), context)
  await Promise.all([second, first])
  const free = resequencer<StockMoved>({ by: () => ({ source: 'a', sequence: undefined }) }, () => seen.push('free'))
  await free(moved(9), context)
  expect(seen).toEqual([0, 1, 'free'])
})

test('of sources that hold nothing only the last `maxSources` are remembered', async () => {
  const seen: string[] = []
  const inOrder = resequencer<StockMoved>({ by, maxSources: 2, late: 'drop' }, ({ data }) => seen.push(data.place))
  const context = { signal: new AbortController().signal, log: new Log() } as unknown as HandlerContext
  for (const place of ['a', 'b', 'a', 'c', 'a', 'b']) await inOrder(StockMoved.create({ place, number: 1 }), context)
  expect(seen).toEqual(['a', 'b', 'c', 'b'])
})

test.for([
  [{ gapTimeout: 'soon' }, 'gapTimeout'],
  [{ max: 0 }, '`max` must be a whole number from 1 on, received 0'],
  [{ maxSources: 0 }, '`maxSources` must be a whole number from 1 on, received 0'],
  [{ first: 1.5 }, '`first` must be a whole number, received 1.5'],
  [{ late: 'park' }, '`late` must be one of handle, drop, received "park"'],
  [{ by: 'sequence' }, '`by` must be a function, received "sequence"'],
  [{ order: 1 }, '`order` is no option of resequencer'],
] as const)('%j is refused', ([options, text]) => {
  expect(() => resequencer(options as never, () => {})).toThrow(text)
})

test('a place that is none is refused', async () => {
  const event = StockMoved.create({ place: 'a', number: 1 })
  const half = resequencer<StockMoved>({ by: () => ({ source: 'a', sequence: 0.5 }) }, () => {})
  await expect(half(event, {} as never)).rejects.toThrow(
    '`sequence of the event "shop.stock.moved" for resequencer` must be a whole number, received 0.5',
  )
  const nowhere = resequencer<StockMoved>({ by: () => ({ source: 1 as never, sequence: 1 }) }, () => {})
  await expect(nowhere(event, {} as never)).rejects.toThrow('`source of the event "shop.stock.moved"')
})

test('types: the place is told from the event, and the handler is for it', () => {
  const inOrder = resequencer({ by }, () => {})
  // @ts-expect-error it is for other events
  handler(OrderPlaced, { group: 'g' }, inOrder)
  handler(
    StockMoved,
    { group: 'g' },
    resequencer({}, ({ data }) => data.number),
  )
  // @ts-expect-error the number is no text
  resequencer({ by: ({ data }: StockMoved) => ({ source: data.number, sequence: 1 }) }, () => {})
})
