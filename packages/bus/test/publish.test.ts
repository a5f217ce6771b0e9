import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { createBus, handler, memory, OutcomeUnknownError, PublishTimeoutError, type Transport } from '../src/index.ts'
import type { Connection } from '../src/transport/index.ts'
import { quiet, stateOf } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

describe('publishing', () => {
  test('a handler gets the event that publish resolves to', async () => {
    const got: unknown[] = []
    await using tested = await testedBus({
      handlers: [handler(OrderPlaced, { group: 'billing' }, (event) => void got.push(event.toJSON()))],
    })
    const event = await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(got).toEqual([event.toJSON()])
    expect(event).toMatchObject({ source: '/shop', subject: 'order-1', data: { order: 1, item: 'Book' } })
  })

  test('every group gets each event, and one member of a group handles it', async () => {
    const got: string[] = []
    const transport = memory()
    const note = (group: string, member: string) =>
      handler(OrderPlaced, { group }, ({ data }) => void got.push(`${group}${member}:${data.order}`))
    await using one = await testedBus({ transport, handlers: [note('a', '1'), note('b', '1')] })
    const other = await createBus({ source: '/shop', transport, clock: one.clock, handlers: [note('a', '2')] })
    for (let order = 0; order < 10; order++) await one.bus.publish(OrderPlaced, { order })
    await quiet()
    await other.close()
    expect(got.filter((each) => each.startsWith('b1'))).toHaveLength(10)
    const inA = got.filter((each) => each.startsWith('a'))
    expect(inA.map((each) => each.slice(3)).toSorted()).toEqual([...Array(10).keys()].map(String))
    expect(new Set(inA.map((each) => each.slice(0, 2)))).toEqual(new Set(['a1', 'a2']))
  })

  test('INVARIANT: nothing is published that does not match its schema', async () => {
    await using tested = await testedBus({ handlers: [handler('**', { group: 'all' }, () => {})] })
    // @ts-expect-error -- an order has a number
    await expect(tested.bus.publish(OrderPlaced, { order: 'one' })).rejects.toMatchObject({ code: 'INVALID_EVENT' })
    await quiet()
    expect(tested.seen).toEqual([])
  })

  test('what is no event and no definition is refused by name', async () => {
    await using tested = await testedBus()
    // @ts-expect-error -- a bus sends by schema
    await expect(tested.bus.publish('shop.order.placed', {})).rejects.toThrow(
      'publish takes an event definition or an event, received "shop.order.placed"',
    )
  })

  test('an event made before is published as it is', async () => {
    const got: string[] = []
    await using tested = await testedBus({
      handlers: [handler(OrderPlaced, { group: 'g' }, ({ id, source }) => void got.push(`${id} ${source}`))],
    })
    const event = OrderPlaced.create({ order: 1 }, { source: '/elsewhere' })
    expect(await tested.bus.publish(event)).toBe(event)
    await quiet()
    expect(got).toEqual([`${event.id} /elsewhere`])
  })

  test('effects carry correlation, causation and depth', async () => {
    const chain: unknown[] = []
    const note = ({ type, correlationId, causationId, causationDepth }: Record<string, unknown>) =>
      void chain.push({ type, correlationId, causationId, causationDepth })
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'a' }, async (event, { publish }) => {
          await publish(PaymentTaken, { order: event.data.order })
        }),
        handler(PaymentTaken, { group: 'b' }, async (event, { publish }) => {
          await publish(ShelfScanned, { shelf: event.data.order })
        }),
        handler('**', { group: 'audit', ordering: 'none' }, (event) => note({ ...event })),
      ],
    })
    const root = await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const paid = tested.hooks('published').find((event) => PaymentTaken.is(event)) as { id: string }
    expect(chain).toEqual([
      { type: OrderPlaced.type, correlationId: undefined, causationId: undefined, causationDepth: 0 },
      { type: PaymentTaken.type, correlationId: root.id, causationId: root.id, causationDepth: 1 },
      { type: ShelfScanned.type, correlationId: root.id, causationId: paid.id, causationDepth: 2 },
    ])
  })

  test('INVARIANT: events that cause each other without end are stopped, and the last one is parked', async () => {
    let handled = 0
    await using tested = await testedBus({
      maxDepth: 5,
      handlers: [
        handler(ShelfScanned, { group: 'echo' }, async (event, { publish }) => {
          handled++
          await publish(ShelfScanned, event.data)
        }),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet(100)
    expect(handled).toBe(6)
    expect(tested.hooks('deadLettered')).toMatchObject([{ reason: 'event-storm', error: { code: 'EVENT_STORM' } }])
  })

  test('an event from elsewhere that is too deep is parked, and no handler sees it', async () => {
    let handled = 0
    const transport = memory()
    await using tested = await testedBus({
      transport,
      maxDepth: 5,
      handlers: [handler(ShelfScanned, { group: 'g' }, () => handled++)],
    })
    await expect(tested.bus.publish(ShelfScanned, { shelf: 1 }, { causationDepth: 6 })).rejects.toMatchObject({
      code: 'EVENT_STORM',
    })
    await using elsewhere = await createBus({ source: '/deep', transport, clock: tested.clock, maxDepth: 100 })
    await elsewhere.publish(ShelfScanned, { shelf: 1 }, { causationDepth: 6 })
    await quiet()
    expect(handled).toBe(0)
    expect(tested.hooks('deadLettered')).toMatchObject([{ reason: 'event-storm' }])
  })
})

test('an event of an older version is brought up to the present one before a handler sees it', async () => {
  const placed = (version: number, schema: z.ZodType<object>, upcast = {}) =>
    defineEvent('shop.order.placed', { version, schema, upcast })
  const old = placed(1, z.object({ order: z.int() }))
  const present = placed(2, z.object({ order: z.int(), gift: z.boolean() }), {
    1: (data: { order: number }) => ({ ...data, gift: data.order === 7 }),
  })
  const got: unknown[] = []
  const transport = memory()
  await using tested = await testedBus({
    transport,
    handlers: [handler(present, { group: 'g' }, ({ version, data }) => void got.push([version, data]))],
  })
  await using elsewhere = await createBus({ source: '/old', transport, clock: tested.clock })
  await elsewhere.publish(old, { order: 7 })
  await tested.bus.publish(present, { order: 8, gift: true })
  await quiet()
  expect(got).toEqual([
    [2, { order: 7, gift: true }],
    [2, { order: 8, gift: true }],
  ])
})

describe('delays and expiry', () => {
  test('a delayed event is not delivered before its time', async () => {
    const got: number[] = []
    await using tested = await testedBus({
      handlers: [handler(OrderPlaced, { group: 'g' }, ({ data }) => void got.push(data.order))],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 }, { delay: '10s' })
    await tested.bus.publish(OrderPlaced, { order: 2 })
    await tested.pass(9_900)
    expect(got).toEqual([2])
    await tested.pass(200)
    expect(got).toEqual([2, 1])
  })

  test('a delayed event can be taken back, once', async () => {
    const got: number[] = []
    await using tested = await testedBus({
      handlers: [handler(OrderPlaced, { group: 'g' }, ({ data }) => void got.push(data.order))],
    })
    const event = await tested.bus.publish(OrderPlaced, { order: 1 }, { delay: '10s' })
    expect(await tested.bus.cancel(event)).toBe(true)
    expect(await tested.bus.cancel(event.id)).toBe(false)
    await tested.pass(20_000)
    expect(got).toEqual([])
  })

  test('an expired event is left out, and told', async () => {
    const got: number[] = []
    await using tested = await testedBus({
      handlers: [handler(OrderPlaced, { group: 'g' }, ({ data }) => void got.push(data.order))],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 }, { delay: '10s', expires: '5s' })
    await tested.bus.publish(OrderPlaced, { order: 2 }, { delay: '10s', expires: '15s' })
    await tested.pass(11_000)
    expect(got).toEqual([2])
    expect(tested.hooks('expired')).toMatchObject([{ message: { attributes: { subject: 'order-1' } } }])
  })
})

/** A transport whose publish does what it is told. */
function transportThat(publish: Connection['publish']): Transport {
  const real = memory()
  return {
    ...real,
    connect: async (options) => {
      const connection = await real.connect(options)
      return {
        publish,
        deadLetters: connection.deadLetters,
        groups: connection.groups,
        subscribe: (...args) => connection.subscribe(...args),
        close: () => connection.close(),
      }
    },
  }
}

describe('what can go wrong on the way to the broker', () => {
  test('an outcome that nobody knows comes with the event, so that it can be published again', async () => {
    let broken = true
    const sent: unknown[] = []
    await using tested = await testedBus({
      transport: transportThat(async ({ message }) => {
        sent.push(message.attributes['id'])
        if (broken) throw new OutcomeUnknownError('the connection broke')
      }),
    })
    const error = await tested.bus.publish(OrderPlaced, { order: 1 }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', event: { type: OrderPlaced.type, data: { order: 1 } } })
    broken = false
    await tested.bus.publish((error as OutcomeUnknownError).event!)
    expect(sent[1]).toBe(sent[0])
  })

  test('a broker that does not answer in time is a timeout that names the event type', async () => {
    const waiting = transportThat(
      (_outgoing, options) =>
        new Promise((_resolve, reject) => {
          options!.signal!.addEventListener('abort', () => reject(options!.signal!.reason as Error))
        }),
    )
    await using tested = await testedBus({ transport: waiting })
    const published = tested.bus.publish(OrderPlaced, { order: 1 }, { timeout: '2s' })
    published.catch(() => {})
    tested.clock.advance(1999)
    expect(await stateOf(published)).toBe('pending')
    tested.clock.advance(1)
    await expect(published).rejects.toThrow(PublishTimeoutError)
    await expect(published).rejects.toThrow('an event "shop.order.placed" was not sent within 2000ms')
  })

  test('an option that makes no sense is told, also where the signal has aborted', async () => {
    await using tested = await testedBus()
    const options = { delay: 'soon', signal: AbortSignal.abort() } as never
    await expect(tested.bus.publish(OrderPlaced, { order: 1 }, options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
  })

  test('the signal of a publish gives its own reason', async () => {
    await using tested = await testedBus()
    const reason = new Error('the customer left')
    await expect(tested.bus.publish(OrderPlaced, { order: 1 }, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
  })

  test('a publish with a delay on a transport without delays is refused by name', async () => {
    const real = memory()
    const transport = {
      ...real,
      connect: real.connect.bind(real),
      capabilities: { ...real.capabilities, delay: false },
    }
    await using tested = await testedBus({ transport })
    await expect(tested.bus.publish(OrderPlaced, { order: 1 }, { delay: 1 })).rejects.toThrow(
      'the transport memory lacks delay (wanted by publishing "shop.order.placed" with a delay)',
    )
  })

  test.each([
    [{ delay: Infinity }, '`delay` must be a time that ends, received Infinity'],
    [{ delay: 1e18 }, '`delay` must be a time that ends'],
    [{ delay: '99999999999999d' }, '`delay` must be a time that ends'],
    [{ expires: Infinity }, '`expires` must be a time that ends'],
    [{ expires: 'soon' }, '`expires` must be a duration'],
    [{ dealy: '1h' }, '`dealy` is no option of publish'],
  ])('%j is refused, and nothing is sent', async (options, message) => {
    const got: unknown[] = []
    await using tested = await testedBus({
      handlers: [handler(ShelfScanned, { group: 'g' }, ({ data }) => void got.push(data))],
    })
    await expect(tested.bus.publish(ShelfScanned, { shelf: 1 }, options as never)).rejects.toThrow(message)
    await expect(tested.bus.publish(ShelfScanned.create({ shelf: 1 }), options as never)).rejects.toThrow(message)
    await quiet()
    expect(got).toEqual([])
  })
})
