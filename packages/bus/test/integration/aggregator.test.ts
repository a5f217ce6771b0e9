import type { Duration } from '@tidings/core'
import { defineEvent, type EventOf } from '@tidings/events'
import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import { handler, memory } from '../../src/index.ts'
import {
  type AggregationContext,
  type AggregationStore,
  aggregator,
  type AggregatorOptions,
  defineDeadline,
  memoryAggregations,
  splitter,
  translator,
} from '../../src/integration/index.ts'
import { ManualClock, quiet, until } from '../support/recording-member.ts'
import {
  atOnce,
  busOf,
  deadLetters,
  someDeadLetters,
  LineOrdered,
  Log,
  OrderPlaced,
  OrderPriced,
  preparing,
  recording,
} from './integration-bus.ts'

const LinePriced = defineEvent('shop.line.priced', LineOrdered.schema)
type LinePriced = EventOf<typeof LinePriced>

const PricesDue = defineDeadline('shop.prices.due')

const line = (orderId: string, item: string, price = 1) => ({ orderId, item, price })

const total = async (lines: readonly LineOrdered[], { publish, correlation }: AggregationContext): Promise<void> => {
  const items = lines.map(({ data }) => data.item)
  await publish(OrderPriced, {
    orderId: correlation,
    items,
    total: lines.reduce((sum, { data }) => sum + data.price, 0),
  })
}

const byOrder = { correlate: ({ data }: LineOrdered) => data.orderId, complete: 2 } as const

function totals(options: Partial<AggregatorOptions<LineOrdered>> = {}, then = total) {
  const gather = aggregator(LineOrdered, { ...byOrder, store: memoryAggregations(), ...options }, then)
  return handler([LineOrdered, PricesDue], { group: 'totals', retry: atOnce }, gather)
}

describe('gathering', () => {
  test('what belongs together comes out once it is complete, in the order of its coming', async () => {
    const priced: OrderPriced[] = []
    const store = memoryAggregations()
    await using bus = await busOf([totals({ store }), recording(priced, OrderPriced)])
    for (const [order, item] of [
      ['1', 'Book'],
      ['2', 'Cup'],
      ['1', 'Pen'],
    ] as const) {
      await bus.publish(LineOrdered, line(order, item))
    }
    await until(() => priced.length === 1)
    expect(priced[0]!.data).toEqual({ orderId: '1', items: ['Book', 'Pen'], total: 2 })
    await until(() => store.size === 1)
    await bus.publish(LineOrdered, line('2', 'Pot'))
    await until(() => priced.length === 2)
    expect(priced[1]!.data.items).toEqual(['Cup', 'Pot'])
    await until(() => store.size === 0)
  })

  test('a predicate says when it is complete', async () => {
    const priced: OrderPriced[] = []
    const complete = (lines: readonly LineOrdered[]) => lines.reduce((sum, { data }) => sum + data.price, 0) >= 10
    await using bus = await busOf([totals({ complete }), recording(priced, OrderPriced)])
    for (const price of [4, 5, 1]) await bus.publish(LineOrdered, line('1', `for ${price}`, price))
    await until(() => priced.length === 1)
    expect(priced[0]!.data.total).toBe(10)
  })

  test('the effect is caused by the event that completed it', async () => {
    const priced: OrderPriced[] = []
    await using bus = await busOf([totals(), recording(priced, OrderPriced)])
    await bus.publish(LineOrdered, line('1', 'Book'))
    const last = await bus.publish(LineOrdered, line('1', 'Pen'), { correlationId: 'visit-7' })
    await until(() => priced.length === 1)
    expect(priced[0]).toMatchObject({ causationId: last.id, correlationId: 'visit-7' })
  })

  test('INVARIANT: what splitter takes apart, aggregator puts together, whatever comes twice or in between', async () => {
    const items = fc.array(fc.record({ item: fc.string(), price: fc.nat({ max: 100 }) }), {
      minLength: 1,
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(items, { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.nat()),
        async (orders, chance) => {
          const priced: OrderPriced[] = []
          const transport = memory()
          const gather = aggregator(LinePriced, { store: memoryAggregations() }, async (lines, { publish }) => {
            const [{ data }] = lines as [LinePriced, ...LinePriced[]]
            const all = lines.map((each) => each.data.item)
            await publish(OrderPriced, { orderId: data.orderId, items: all, total: 0 })
          })
          await using bus = await busOf(
            [
              handler(
                OrderPlaced,
                { group: 'lines' },
                splitter(LineOrdered, ({ data }) => data.lines.map((each) => ({ orderId: data.orderId, ...each }))),
              ),
              // Everything comes up to three times, of several orders at a time.
              handler(LineOrdered, { group: 'prices', ordering: 'none' }, async (event, context) => {
                const price = translator(LinePriced, ({ data }: LineOrdered) => data)
                await quiet(chance.next().value! % 4)
                for (let i = 0; i <= chance.next().value! % 3; i++) await price(event, context)
              }),
              handler(LinePriced, { group: 'totals', ordering: 'none' }, gather),
              recording(priced, OrderPriced),
            ],
            { transport },
          )
          const placed = orders.map((lines, index) => ({ orderId: String(index), lines }))
          for (const order of placed) await bus.publish(OrderPlaced, order)
          await until(() => priced.length >= orders.length)
          await quiet()
          const inOrder = priced.toSorted((one, other) => Number(one.data.orderId) - Number(other.data.orderId))
          expect(inOrder.map(({ data }) => data.items)).toEqual(orders.map((lines) => lines.map(({ item }) => item)))
          expect(await deadLetters(bus)).toEqual([])
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('once', () => {
  test('a duplicate counts once, before and after the end', async () => {
    const priced: OrderPriced[] = []
    await using bus = await busOf([totals(), recording(priced, OrderPriced)])
    const book = await bus.publish(LineOrdered, line('1', 'Book'))
    await bus.publish(book)
    await quiet()
    expect(priced).toEqual([])
    const pen = await bus.publish(LineOrdered, line('1', 'Pen'))
    await bus.publish(pen)
    await bus.publish(book)
    await until(() => priced.length === 1)
    await quiet()
    expect(priced).toHaveLength(1)
    expect(await deadLetters(bus)).toEqual([])
  })

  test('INVARIANT: when `then` fails, the retry hands it the same events, and its effects keep their ids', async () => {
    const priced: OrderPriced[] = []
    const calls: string[][] = []
    const ids: string[] = []
    const flaky = async (lines: readonly LineOrdered[], context: AggregationContext): Promise<void> => {
      calls.push(lines.map(({ data }) => data.item))
      await total(lines, context)
      await total(lines, context)
      if (calls.length < 3) throw new Error('after the effects')
    }
    await using bus = await busOf([totals({ late: 'drop' }, flaky), recording(priced, OrderPriced)], {
      middleware: [preparing(OrderPriced.type, ids)],
    })
    for (const item of ['Book', 'Pen', 'Ink']) await bus.publish(LineOrdered, line('1', item))
    await until(() => priced.length === 2)
    await quiet()
    expect(calls).toEqual([
      ['Book', 'Pen'],
      ['Book', 'Pen'],
      ['Book', 'Pen'],
    ])
    // Those of the two attempts that failed went nowhere.
    expect(priced).toHaveLength(2)
    expect(ids).toHaveLength(6)
    expect(new Set(ids)).toEqual(new Set(priced.map(({ id }) => id)))
    expect(new Set(ids).size).toBe(2)
  })

  test('INVARIANT: a crash between adding and ending is made good by the next delivery of the event', async () => {
    const priced: OrderPriced[] = []
    const kept = memoryAggregations()
    const failing = new Set(['seal', 'close'])
    const once = (method: string): void => {
      if (failing.delete(method)) throw new Error(`the store is away: ${method}`)
    }
    const store: AggregationStore = {
      add: (entry) => kept.add(entry),
      read: (aggregation) => kept.read(aggregation),
      seal: async (aggregation, reason) => {
        once('seal')
        await kept.seal(aggregation, reason)
      },
      close: async (aggregation) => {
        once('close')
        await kept.close(aggregation)
      },
    }
    await using bus = await busOf([totals({ store }), recording(priced, OrderPriced)])
    for (const item of ['Book', 'Pen']) await bus.publish(LineOrdered, line('1', item))
    await until(() => priced.length === 1)
    expect(failing.size).toBe(0)
    await until(() => kept.size === 0)
    await quiet()
    expect(priced).toHaveLength(1)
  })

  test('an event that comes when the others are done is rejected, dropped, or the first of a new round', async () => {
    const third = async (
      late: 'reject' | 'drop' | 'reopen',
      items: string[],
      done: (seen: { priced: number; lines: number; letters: number }) => boolean,
    ) => {
      const priced: OrderPriced[] = []
      const log = new Log()
      await using bus = await busOf([totals({ late }), recording(priced, OrderPriced)], { log })
      for (const item of items) await bus.publish(LineOrdered, line('1', item))
      for (let turn = 0; turn < 10_000; turn++) {
        await quiet(1)
        if (done({ priced: priced.length, lines: log.lines.length, letters: await bus.deadLetters.count() })) break
      }
      return { priced: priced.map(({ data }) => data.items), letters: await deadLetters(bus), lines: log.lines }
    }
    const rejected = await third('reject', ['Book', 'Pen', 'Ink'], ({ letters }) => letters === 1)
    expect(rejected.letters).toMatchObject([{ reason: 'permanent-error', attempts: 1 }])
    expect(rejected.letters[0]!.error!.message).toContain('came when the others of "1" were done')
    expect(await third('drop', ['Book', 'Pen', 'Ink'], ({ lines }) => lines === 1)).toMatchObject({
      letters: [],
      lines: ['warn: an event came too late to be gathered'],
    })
    const reopened = await third('reopen', ['Book', 'Pen', 'Ink', 'Cup', 'Pot'], ({ priced }) => priced === 2)
    expect(reopened).toMatchObject({
      priced: [
        ['Book', 'Pen'],
        ['Ink', 'Cup'],
      ],
      letters: [],
    })
  })
})

describe('time', () => {
  const timeout = { after: '1m', event: PricesDue } as const

  /** Counts the events handled, with all that was published for them. */
  const counting = () => {
    const count = { handled: 0 }
    return { count, observer: { handled: () => void count.handled++ } }
  }

  test('when it is up, what is there comes out, and `then` is told why', async () => {
    const clock = new ManualClock()
    const reasons: string[] = []
    const { count, observer } = counting()
    const told = async (lines: readonly LineOrdered[], context: AggregationContext): Promise<void> => {
      reasons.push(`${context.correlation} ${context.reason} ${lines.length}`)
    }
    await using bus = await busOf([totals({ timeout }, told)], { clock, observer })
    await bus.publish(LineOrdered, line('1', 'Book'))
    await bus.publish(LineOrdered, line('2', 'Book'))
    await bus.publish(LineOrdered, line('2', 'Pen'))
    await until(() => count.handled === 3)
    clock.advance(59_999)
    await quiet()
    expect(reasons).toEqual(['2 complete 2'])
    clock.advance(1)
    await until(() => reasons.length === 2)
    await quiet()
    expect(reasons).toEqual(['2 complete 2', '1 timeout 1'])
    expect(await deadLetters(bus)).toEqual([])
  })

  test('INVARIANT: what fails at the deadline is tried again, with the same events', async () => {
    const clock = new ManualClock()
    const priced: OrderPriced[] = []
    const { count, observer } = counting()
    let failures = 2
    const flaky = async (lines: readonly LineOrdered[], context: AggregationContext): Promise<void> => {
      if (failures-- > 0) throw new Error('not yet')
      await total(lines, context)
    }
    await using bus = await busOf([totals({ timeout }, flaky), recording(priced, OrderPriced)], { clock, observer })
    await bus.publish(LineOrdered, line('1', 'Book'))
    await until(() => count.handled === 1)
    clock.advance(60_000)
    // The waits between attempts are of no time, but of the clock.
    await until(() => {
      clock.advance(0)
      return priced.length === 1
    })
    expect(priced.map(({ data }) => data.items)).toEqual([['Book']])
  })

  test('the deadline is that of the group which set it, and of its first event', async () => {
    const clock = new ManualClock()
    const ends: string[] = []
    const { count, observer } = counting()
    const store = memoryAggregations()
    const of = (group: string, after: Duration) =>
      handler(
        [LineOrdered, PricesDue],
        { group },
        aggregator(LineOrdered, { ...byOrder, complete: 9, store, timeout: { after, event: PricesDue } }, (lines) =>
          ends.push(`${group} ${lines.length}`),
        ),
      )
    await using bus = await busOf([of('one', '10s'), of('two', '20s')], { clock, observer })
    await bus.publish(LineOrdered, line('1', 'Book'))
    await until(() => count.handled === 2)
    clock.advance(9000)
    await bus.publish(LineOrdered, line('1', 'Pen'))
    await until(() => count.handled === 4)
    clock.advance(1000)
    await until(() => ends.length === 1)
    await quiet()
    expect(ends).toEqual(['one 2'])
    clock.advance(10_000)
    await until(() => ends.length === 2)
    expect(ends).toEqual(['one 2', 'two 2'])
  })

  test('the deadline is set again when the first event comes again, since a crash may have come first', async () => {
    const clock = new ManualClock()
    const ends: number[] = []
    const { count, observer } = counting()
    let away = true
    const gathering = totals({ timeout }, async (lines) => {
      ends.push(lines.length)
    })
    await using bus = await busOf([gathering], {
      clock,
      observer,
      middleware: [
        {
          name: 'failing',
          async publish(message, next) {
            if (message.attributes['type'] === PricesDue.type && away) {
              away = false
              throw new Error('the connection broke')
            }
            await next(message)
          },
        },
      ],
    })
    await bus.publish(LineOrdered, line('1', 'Book'))
    await until(() => {
      clock.advance(0)
      return count.handled === 1
    })
    expect(away).toBe(false)
    clock.advance(60_000)
    await until(() => ends.length === 1)
    expect(ends).toEqual([1])
  })
})

describe('bounds', () => {
  test('more than `max` events that belong together fail for good', async () => {
    await using bus = await busOf([totals({ max: 2, complete: () => false })])
    for (const item of ['Book', 'Pen', 'Ink']) await bus.publish(LineOrdered, line('1', item))
    const letters = await someDeadLetters(bus)
    expect(letters).toMatchObject([{ reason: 'permanent-error', attempts: 1 }])
    expect(letters[0]!.error!.message).toContain('is one more than the 2 that are gathered for "1"')
  })

  test('a memory that is full refuses, so that events wait and none is lost', async () => {
    const store = memoryAggregations({ max: 1 })
    await using bus = await busOf([totals({ store })])
    await bus.publish(LineOrdered, line('1', 'Book'))
    await bus.publish(LineOrdered, line('2', 'Pen'))
    const letters = await someDeadLetters(bus)
    expect(letters).toMatchObject([{ reason: 'attempts-exhausted', attempts: 5, error: { code: 'AGGREGATIONS_FULL' } }])
    expect(store.size).toBe(1)
  })

  test('of closed aggregations no more events are remembered than `remembered`', async () => {
    const store = memoryAggregations({ remembered: 2 })
    const add = (key: string, identity: string) =>
      store.add({
        key,
        aggregation: key,
        identity,
        event: OrderPlaced.create({ orderId: key }).toJSON(),
        reopen: false,
        max: 9,
      })
    for (const key of ['a', 'b', 'c']) {
      await add(key, '1')
      await store.close(key)
      await store.close(key)
    }
    expect(await add('b', '1')).toMatchObject({ outcome: 'known', state: 'closed', opener: true })
    expect(await add('c', '2')).toMatchObject({ outcome: 'late', state: 'closed' })
    expect(await add('a', '1')).toMatchObject({ outcome: 'added', state: 'open', size: 1 })
    expect(store.size).toBe(1)
    expect(await store.read('nobody')).toBeUndefined()
  })

  test('an event that belongs to no others fails for good', async () => {
    await using bus = await busOf([
      handler(
        LineOrdered,
        { group: 'parts', retry: atOnce },
        aggregator(LineOrdered, { store: memoryAggregations() }, total),
      ),
    ])
    await bus.publish(LineOrdered, line('1', 'Book'))
    const letters = await someDeadLetters(bus)
    expect(letters[0]).toMatchObject({ reason: 'permanent-error', attempts: 1 })
    expect(letters[0]!.error!.message).toContain('belongs to no others')
  })
})

test('several event definitions are gathered together, each event as its own', async () => {
  const seen: string[] = []
  const both = aggregator(
    [LineOrdered, OrderPlaced],
    { store: memoryAggregations(), correlate: ({ data }) => data.orderId, complete: 2 },
    (events) => {
      expectTypeOf(events).toEqualTypeOf<readonly (LineOrdered | OrderPlaced)[]>()
      for (const event of events) seen.push(event.type === 'shop.order.placed' ? event.data.country : event.data.item)
    },
  )
  await using bus = await busOf([handler([LineOrdered, OrderPlaced], { group: 'both' }, both)])
  await bus.publish(LineOrdered, line('1', 'Book'))
  await bus.publish(OrderPlaced, { orderId: '1' })
  await until(() => seen.length === 2)
  expect(seen).toEqual(['Book', 'CH'])
})

test('events are kept as JSON and come back as events, codecs and all', async () => {
  const Dated = defineEvent(
    'shop.dated',
    z.object({
      at: z.codec(z.iso.datetime(), z.date(), {
        decode: (text) => new Date(text),
        encode: (date) => date.toISOString(),
      }),
    }),
  )
  const dates: Date[] = []
  const gather = aggregator(Dated, { store: memoryAggregations(), correlate: () => 'all', complete: 1 }, ([event]) =>
    dates.push(event!.data.at),
  )
  await using bus = await busOf([handler(Dated, { group: 'dates' }, gather)])
  await bus.publish(Dated, { at: new Date(7) })
  await until(() => dates.length === 1)
  expect(dates).toEqual([new Date(7)])
})

test.for([
  [{ store: undefined }, '`store.add` must be a function, received undefined'],
  [{ complete: 0 }, '`complete` must be a whole number from 1 on, received 0'],
  [{ complete: 5, max: 4 }, '`complete` must be at most `max`, 4, received 5'],
  [{ complete: undefined }, '`complete` must be given beside `correlate`'],
  [{ complete: 'all' }, '`complete` must be a function, received "all"'],
  [{ max: 0 }, '`max` must be a whole number from 1 on, received 0'],
  [{ late: 'ignore' }, '`late` must be one of reject, drop, reopen, received "ignore"'],
  [{ timeout: { after: 'soon', event: PricesDue } }, 'timeout.after'],
  [{ timeout: { after: '1s', event: 'due' } }, '`timeout.event` must be an event definition, received "due"'],
  [{ size: 1 }, '`size` is no option of aggregator'],
] as const)('%j is refused', ([options, text]) => {
  expect(() => totals(options as never)).toThrow(text)
})

test('a deadline is a definition like any other, with a JSON Schema', () => {
  expect(PricesDue.jsonSchema()).toMatchObject({ required: ['group', 'name', 'correlation', 'aggregation'] })
  expect(() => PricesDue.create({ group: 'g' } as never)).toThrow('name')
  expect(() => defineDeadline('shop.*' as never)).toThrow('shop.*')
})

test('types: events, correlation and result fit the definition', () => {
  const store = memoryAggregations()
  // @ts-expect-error there is no such field
  aggregator(LineOrdered, { store, correlate: (event) => event.data.customer, complete: 1 }, () => {})
  // @ts-expect-error the function is for other events
  aggregator(LineOrdered, { store }, (events: readonly OrderPlaced[]) => events)
  // @ts-expect-error a deadline is made with defineDeadline
  aggregator(LineOrdered, { store, timeout: { after: '1s', event: OrderPlaced } }, () => {})
  const gather = aggregator(LineOrdered, { store }, () => {})
  // @ts-expect-error it gathers other events
  handler(OrderPlaced, { group: 'g' }, gather)
})
