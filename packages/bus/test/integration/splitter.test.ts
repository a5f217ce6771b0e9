import { defineEvent, type InputOf } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { effectId, handler, type HandlerContext, type Middleware } from '../../src/index.ts'
import { partOf, splitter } from '../../src/integration/index.ts'
import { quiet, until } from '../support/recording-member.ts'
import {
  atOnce,
  busOf,
  someDeadLetters,
  LineOrdered,
  OrderPlaced,
  OrderPriced,
  preparing,
  recording,
} from './integration-bus.ts'

type Lines = readonly InputOf<typeof LineOrdered.schema>[]

const split = splitter(LineOrdered, ({ data }: OrderPlaced): Lines =>
  data.lines.map((line) => ({ orderId: data.orderId, ...line })),
)

const order = {
  orderId: '1',
  lines: [
    { item: 'Book', price: 10 },
    { item: 'Pen', price: 2 },
    { item: 'Ink', price: 5 },
  ],
}

/** Refuses the n-th message of a type, once. */
function failingOnce(type: string, at: number): Middleware {
  let count = 0
  return {
    name: 'failing',
    async publish(message, next) {
      if (message.attributes['type'] === type && ++count === at) throw new Error('the connection broke')
      await next(message)
    },
  }
}

test('one event comes out for each part, in order, with its number, correlation and causation', async () => {
  const lines: LineOrdered[] = []
  await using bus = await busOf([handler(OrderPlaced, { group: 'lines' }, split), recording(lines, LineOrdered)])
  const cause = await bus.publish(OrderPlaced, order, { correlationId: 'visit-7' })
  await until(() => lines.length === 3)
  expect(lines.map(({ data }) => data.item)).toEqual(['Book', 'Pen', 'Ink'])
  expect(lines.map((line) => partOf(line))).toEqual([1, 2, 3].map((number) => ({ of: cause.id, number, total: 3 })))
  for (const line of lines) expect(line).toMatchObject({ correlationId: 'visit-7', causationId: cause.id })
})

test.for([1, 3])(
  'INVARIANT: a retry after a failure in the middle sends the same ids (%i at a time)',
  async (concurrency) => {
    const lines: LineOrdered[] = []
    const ids: string[] = []
    const once: string[] = []
    const splitting = splitter(
      LineOrdered,
      ({ data }: OrderPlaced): Lines => data.lines.map((line) => ({ orderId: data.orderId, ...line })),
      { concurrency },
    )
    await using bus = await busOf(
      [
        handler(OrderPlaced, { group: 'lines', retry: atOnce }, splitting),
        recording(lines, LineOrdered),
        handler(LineOrdered, { group: 'once', idempotent: true }, (line) => {
          once.push(line.data.item)
        }),
      ],
      { middleware: [preparing(LineOrdered.type, ids), failingOnce(LineOrdered.type, 3)] },
    )
    await bus.publish(OrderPlaced, order)
    await until(() => lines.length === 3 && once.length === 3)
    await quiet()
    // The first two of the attempt that failed went nowhere.
    expect(lines).toHaveLength(3)
    expect(ids).toHaveLength(6)
    expect(new Set(ids)).toEqual(new Set(lines.map(({ id }) => id)))
    expect(new Set(ids).size).toBe(3)
    expect(once.toSorted()).toEqual(['Book', 'Ink', 'Pen'])
    // One at a time they are in order too.
    if (concurrency > 1) return
    expect(lines.map(({ data }) => data.item)).toEqual(['Book', 'Pen', 'Ink'])
    expect(once).toEqual(['Book', 'Pen', 'Ink'])
  },
)

test('other groups, names, event types and causes make other ids', async () => {
  const lines: LineOrdered[] = []
  const again = splitter(LineOrdered, ({ data }: OrderPlaced): Lines => [{ ...data, ...data.lines[0]! }], {
    name: 'again',
  })
  await using bus = await busOf([
    handler(OrderPlaced, { group: 'one' }, split),
    handler(OrderPlaced, { group: 'two' }, split),
    handler(OrderPlaced, { group: 'three' }, async (event, context) => {
      await split(event, context)
      await again(event, context)
    }),
    recording(lines, LineOrdered),
  ])
  const one = { ...order, lines: order.lines.slice(0, 1) }
  for (let i = 0; i < 2; i++) await bus.publish(OrderPlaced, one)
  await until(() => lines.length === 8)
  expect(new Set(lines.map(({ id }) => id)).size).toBe(8)
})

test('INVARIANT: when one part does not fit its schema, none is sent and nothing is tried again', async () => {
  const lines: LineOrdered[] = []
  await using bus = await busOf([
    handler(OrderPlaced, { group: 'lines', retry: atOnce }, split),
    recording(lines, LineOrdered),
  ])
  const event = await bus.publish(OrderPlaced, { orderId: '1', lines: [order.lines[0]!, { item: 'Pen', price: -2 }] })
  const letters = await someDeadLetters(bus)
  expect(lines).toEqual([])
  expect(letters).toMatchObject([{ reason: 'permanent-error', attempts: 1 }])
  expect(letters[0]!.error!.message).toContain(
    `part 2 of 2 of the event "shop.order.placed" ${event.id} is no "shop.line.ordered", and none was sent`,
  )
})

test('validating the parts leaves no hole in the sequence of the source', async () => {
  const source = '/sequence-of-parts'
  const Part = defineEvent('shop.part', { schema: z.object({ item: z.string() }), source })
  const parts: { readonly sequence: number | undefined }[] = []
  const splitting = splitter(Part, ({ data }: OrderPlaced) => data.lines.map(({ item }) => ({ item })))
  const handlers = [handler(OrderPlaced, { group: 'lines' }, splitting), recording(parts, Part)]
  await using bus = await busOf(handlers, { source })
  const { sequence } = await bus.publish(OrderPlaced, order)
  await until(() => parts.length === 3)
  expect(parts.map((part) => part.sequence! - sequence!)).toEqual([1, 2, 3])
})

test('after a failure no further part of the attempt is sent', async () => {
  let sent = 0
  const context = {
    group: 'lines',
    publish: async () => {
      if (++sent === 1) throw new Error('the connection broke')
      await quiet(2)
    },
  } as unknown as HandlerContext
  const many = Array.from({ length: 50 }, (_, price) => ({ orderId: '1', item: 'Book', price }))
  const splitting = splitter(LineOrdered, () => many, { concurrency: 4 })
  await expect(splitting(OrderPlaced.create(order), context)).rejects.toThrow('the connection broke')
  expect(sent).toBe(4)
  await quiet()
  expect(sent).toBe(4)
})

describe('bounds', () => {
  test('more than `max` parts fail for good, however many there would be', async () => {
    function* endless() {
      for (;;) yield { orderId: '1', item: 'Book', price: 1 }
    }
    const splitting = splitter(LineOrdered, endless, { max: 100 })
    await using bus = await busOf([handler(OrderPlaced, { group: 'lines', retry: atOnce }, splitting)])
    const event = await bus.publish(OrderPlaced, order)
    const letters = await someDeadLetters(bus)
    expect(letters).toMatchObject([{ reason: 'permanent-error', attempts: 1 }])
    expect(letters[0]!.error!.message).toContain(`${event.id} splits into more than 100 parts`)
  })

  test('no more than `concurrency` parts are on their way at a time', async () => {
    let sent = 0
    let open!: () => void
    const opened = new Promise<void>((resolve) => (open = resolve))
    const holding: Middleware = {
      name: 'holding',
      async publish(message, next) {
        if (message.attributes['type'] === LineOrdered.type) {
          sent++
          await opened
        }
        await next(message)
      },
    }
    const lines: LineOrdered[] = []
    const splitting = splitter(
      LineOrdered,
      () => Array.from({ length: 20 }, (_, price) => ({ orderId: '1', item: 'Book', price })),
      { concurrency: 4 },
    )
    await using bus = await busOf(
      [handler(OrderPlaced, { group: 'lines' }, splitting), recording(lines, LineOrdered)],
      { middleware: [holding] },
    )
    await bus.publish(OrderPlaced, order)
    await until(() => sent === 4)
    await quiet(50)
    expect(sent).toBe(4)
    open()
    await until(() => lines.length === 20)
    expect(new Set(lines.map(({ data }) => data.price)).size).toBe(20)
  })
})

test('an event without parts publishes nothing', async () => {
  const lines: LineOrdered[] = []
  let handled = 0
  await using bus = await busOf([handler(OrderPlaced, { group: 'lines' }, split), recording(lines, LineOrdered)], {
    observer: { handled: () => handled++ },
  })
  await bus.publish(OrderPlaced, { orderId: '1' })
  await until(() => handled === 1)
  expect(lines).toEqual([])
})

test('what makes no sense is refused', () => {
  expect(() => splitter('shop.line' as never, () => [])).toThrow(
    '`definition of splitter` must be an event definition, received "shop.line"',
  )
  expect(() => splitter(LineOrdered, 1 as never)).toThrow('`split` must be a function, received 1')
  expect(() => splitter(LineOrdered, () => [], { max: 0 })).toThrow('`max` must be a whole number from 1 on')
  expect(() => splitter(LineOrdered, () => [], { concurrency: 0 })).toThrow('`concurrency` must be a whole number')
  expect(() => splitter(LineOrdered, () => [], { size: 1 } as never)).toThrow('`size` is no option of splitter')
})

describe('effectId', () => {
  test('is a UUID of version 8, the same for the same cause and names', async () => {
    const cause = { source: '/shop', id: '1' }
    const id = await effectId(cause, 'group', 1)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(await effectId({ ...cause }, 'group', 1)).toBe(id)
    // Computed by hand from the SHA-256 of ["/shop","1","group",1]: ids must stay the same across releases.
    expect(id).toBe('aeaefeea-dc0e-8718-aa1b-35d6a338b62d')
  })

  test('tells apart what only joins to the same text', async () => {
    const of = (...names: (string | number)[]) => effectId({ source: '/shop', id: '1' }, ...names)
    const ids = await Promise.all([of('a', 'b'), of('ab'), of('a,b'), of('a', 'b', ''), of(1), of('1')])
    expect(new Set(ids).size).toBe(ids.length)
  })
})

test('types: the parts fit the definition', () => {
  // @ts-expect-error the price is missing
  splitter(LineOrdered, (event: OrderPlaced) => [{ orderId: event.data.orderId, item: 'Book' }])
  // @ts-expect-error it splits other events
  handler(OrderPriced, { group: 'g' }, split)
  handler(
    OrderPlaced,
    { group: 'g' },
    splitter(LineOrdered, ({ data }) => data.lines.map((line) => ({ ...data, ...line }))),
  )
})
