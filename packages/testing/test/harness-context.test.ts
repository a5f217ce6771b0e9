import { type AnyHandler, handler, type HandlerContext } from '@tidings/bus'
import { defineEvent, type EventOf } from '@tidings/events'
import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { testBus, testContext, virtualClock } from '../src/index.ts'

const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({ orderId: z.string() }),
  key: (order) => order.orderId,
})
const PaymentTaken = defineEvent('shop.payment.taken', z.object({ orderId: z.string(), cents: z.int().positive() }))
const order = { orderId: 'o-1' }

const billing = handler(OrderPlaced, { group: 'billing' }, async ({ data }, { publish, log, attempt }) => {
  log.info('a payment is taken', { attempt })
  await publish(PaymentTaken, { orderId: data.orderId, cents: 100 }, { delay: '1m' })
})

test('a handler is called alone, and what it published and logged is there', async () => {
  const event = OrderPlaced.create(order)
  const { context, published, logged, replied, optionsOf } = testContext({ cause: event, attempt: 2 })
  await billing.handle(event, context)
  expect(published.map(({ type, data, source }) => [type, data, source])).toEqual([
    ['shop.payment.taken', { orderId: 'o-1', cents: 100 }, '/test'],
  ])
  const { correlationId, causationId, causationDepth } = published[0]!
  expect([correlationId, causationId, causationDepth]).toEqual([event.id, event.id, 1])
  expect(optionsOf(published[0]!)).toEqual({ delay: '1m' })
  expect(optionsOf(event)).toEqual({})
  expect(replied).toEqual([])
  const facts = { id: event.id, type: 'shop.order.placed', group: 'test.handler', attempt: 2 }
  expect(logged).toEqual([{ level: 'info', message: 'a payment is taken', facts }])
})

test('an effect in a unit test has all that the same effect has on a bus, but for its id', async () => {
  const clock = virtualClock({ start: '2030-05-01T12:00:00Z' })
  await using t = await testBus({ handlers: [billing], start: '2030-05-01T12:00:00Z' })
  const event = await t.publish(OrderPlaced, order)
  await t.settled()
  const { context, published } = testContext({ cause: event, clock })
  await billing.handle(event, context)
  const comparable = (effect: object): object => ({ ...effect, id: '', sequence: 0 })
  expect(published.map(comparable)).toEqual(t.published(PaymentTaken).map(comparable))
})

test('the definition tells the type of what was published', async () => {
  const event = OrderPlaced.create(order)
  const { context, published } = testContext()
  await billing.handle(event, context)
  const taken = published.filter((each) => PaymentTaken.is(each))
  expectTypeOf(taken[0]!).toEqualTypeOf<EventOf<typeof PaymentTaken>>()
  expect(taken[0]!.data.cents).toBe(100)
  expect([taken[0]!.causationId, taken[0]!.causationDepth]).toEqual([undefined, 0])
})

test('what a bus would refuse is refused, and is not among what was published', async () => {
  const { context, published } = testContext()
  // @ts-expect-error the data must fit the schema
  await expect(context.publish(PaymentTaken, { orderId: 'o-1' })).rejects.toThrow('cents')
  await expect(context.publish(PaymentTaken, { orderId: 'o-1', cents: -1 })).rejects.toMatchObject({
    code: 'INVALID_EVENT',
  })
  await expect(context.publish(OrderPlaced, order, { delay: 'soon' as '1s' })).rejects.toThrow('`delay` must be')
  await expect(context.publish(OrderPlaced, order, { delayed: '1s' } as object)).rejects.toThrow('delayed')
  await expect(context.publish('order' as never, order as never)).rejects.toThrow('an event definition or an event')
  await expect(context.reply(PaymentTaken, { orderId: 'o-1', cents: 0 })).rejects.toThrow('cents')
  expect(published).toEqual([])
})

test('an event that was made before is published as it is', async () => {
  const { context, published, optionsOf } = testContext({ cause: OrderPlaced.create(order) })
  const made = OrderPlaced.create(order)
  expect(await context.publish(made, { expires: '1h' })).toBe(made)
  expect([published[0], optionsOf(made)]).toEqual([made, { expires: '1h' }])
})

test('replies are told from what is published', async () => {
  const answering = handler(OrderPlaced, { group: 'answering' }, async ({ data }, { reply }) => {
    await reply(PaymentTaken, { orderId: data.orderId, cents: 5 })
  })
  const event = OrderPlaced.create(order)
  const { context, published, replied } = testContext({ cause: event })
  await answering.handle(event, context)
  expect(published).toEqual([])
  expect(replied.map(({ data, causationId }) => [data, causationId])).toEqual([
    [{ orderId: 'o-1', cents: 5 }, event.id],
  ])
})

test('a handler can be told to stop, and publishes nothing from then on', async () => {
  const { context, published, abort } = testContext()
  expect(context.signal.aborted).toBe(false)
  const reason = new Error('over time')
  abort(reason)
  expect([context.signal.aborted, context.signal.reason]).toEqual([true, reason])
  await expect(context.publish(OrderPlaced, order)).rejects.toBe(reason)
  expect(published).toEqual([])
})

test('a signal of the test aborts that of the context as well', () => {
  const controller = new AbortController()
  const { context } = testContext({ signal: controller.signal })
  controller.abort(new Error('enough'))
  expect(context.signal.reason).toEqual(new Error('enough'))
})

test('the context says what it is told to say', async () => {
  const plain = testContext().context
  expect([plain.group, plain.attempt, plain.redelivered]).toEqual(['test.handler', 1, false])
  expect(testContext({ attempt: 3 }).context.redelivered).toBe(true)
  const { context } = testContext({ group: 'shop.billing', attempt: 3, redelivered: false })
  expect([context.group, context.attempt, context.redelivered]).toEqual(['shop.billing', 3, false])
  const { source, time } = await testContext({ source: '/shop', clock: virtualClock({ start: 0 }) }).context.publish(
    OrderPlaced,
    order,
  )
  expect((await context.publish(OrderPlaced, order, { source: undefined })).source).toBe('/test')
  expect([source, time]).toEqual(['/shop', '1970-01-01T00:00:00.000Z'])
})

test('any member of the context can be one of the test', async () => {
  const refusing: HandlerContext['publish'] = () => Promise.reject(new Error('the broker is gone'))
  const messages: string[] = []
  const note = (message: string): void => void messages.push(message)
  const { context, published, logged } = testContext({
    publish: refusing,
    log: { debug: note, info: note, warn: note, error: note },
  })
  await expect((async () => billing.handle(OrderPlaced.create(order), context))()).rejects.toThrow('the broker is gone')
  expect([published, logged, messages]).toEqual([[], [], ['a payment is taken']])
})

test('the context of a unit test has each member that a bus gives', async () => {
  const members: string[][] = []
  const looking: AnyHandler = handler(OrderPlaced, { group: 'looking' }, (_event, context) => {
    const names = new Set<string>()
    for (let of: object = context; of !== Object.prototype; of = Object.getPrototypeOf(of) as object) {
      for (const name of Object.getOwnPropertyNames(of)) names.add(name)
    }
    members.push([...names])
  })
  await using t = await testBus({ handlers: [looking] })
  await t.publish(OrderPlaced, order)
  await t.settled()
  for (const name of Object.keys(testContext().context)) expect(members[0]).toContain(name)
})

test('options that make no sense are refused', () => {
  const wrong =
    (options: object): (() => unknown) =>
    () =>
      testContext(options)
  expect(wrong({ attempts: 2 })).toThrow('`attempts` is no option of testContext\nThere are: group, attempt,')
  expect(wrong({ attempt: 0 })).toThrow('`attempt` must be a whole number from 1 on, received 0')
  expect(wrong({ cause: { type: 'shop.order.placed' } })).toThrow('`cause` must be an event, received an object')
  expect(wrong({ publish: 'nothing' })).toThrow('`publish` must be a function, received "nothing"')
  expect(wrong({ clock: {} })).toThrow('`clock.now` must be a function, received undefined')
})
