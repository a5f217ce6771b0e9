import { defineEvent } from '@tidings/events'
import { expect, expectTypeOf, test } from 'vitest'
import * as z from 'zod'
import { handler, type HandlerContext, PermanentError } from '../../src/index.ts'
import { recipient, type Replies, scatterGather, type ScatterGatherOptions } from '../../src/integration/index.ts'
import { ManualClock, quiet, until } from '../support/recording-member.ts'
import { atOnce, busOf, deadLetters, LineOrdered, Log, OrderPlaced, someDeadLetters } from './integration-bus.ts'

const FastAsked = defineEvent('shop.fast.asked', z.object({ orderId: z.string() }))
const CheapAsked = defineEvent('shop.cheap.asked', z.object({ orderId: z.string() }))
const Quoted = defineEvent('shop.quoted', z.object({ by: z.string(), price: z.number() }))

const to = {
  fast: recipient(FastAsked, ({ data }: OrderPlaced) => ({ orderId: data.orderId }), Quoted),
  cheap: recipient(CheapAsked, ({ data }: OrderPlaced) => ({ orderId: data.orderId }), Quoted),
}

type Behaviour = 'replies' | 'is silent' | 'gives up'

const answering = (key: typeof FastAsked | typeof CheapAsked, by: string, price: number, behaviour: Behaviour) =>
  handler(key, { group: by }, async (_event, { reply }) => {
    if (behaviour === 'gives up') throw new PermanentError(`${by} is closed`)
    if (behaviour === 'replies') await reply(Quoted, { by, price })
  })

/** Asks two shops that behave so, and notes which replies were gathered. */
async function asking(
  fast: Behaviour,
  cheap: Behaviour,
  options: Partial<ScatterGatherOptions<typeof to>> = {},
  clock = new ManualClock(),
) {
  const gathered: Record<string, number>[] = []
  const log = new Log()
  const quotes = handler(
    OrderPlaced,
    { group: 'quotes', retry: { ...atOnce, attempts: 1 } },
    scatterGather({ to, timeout: '2s', ...options }, (replies) => {
      const prices = Object.entries(replies).map(([name, reply]) => [name, reply.data.price] as const)
      gathered.push(Object.fromEntries(prices))
    }),
  )
  const bus = await busOf([quotes, answering(FastAsked, 'fast', 9, fast), answering(CheapAsked, 'cheap', 5, cheap)], {
    clock,
    log,
  })
  return { bus, gathered, log, clock }
}

test('everybody is asked at the same time, and the replies come together, by name', async () => {
  const { bus, gathered } = await asking('replies', 'replies')
  await using _ = bus
  await bus.publish(OrderPlaced, { orderId: '1' })
  await until(() => gathered.length === 1)
  expect(gathered).toEqual([{ fast: 9, cheap: 5 }])
  expect(await deadLetters(bus)).toEqual([])
})

test('who is silent is not waited for longer than the timeout, and is missing', async () => {
  const { bus, gathered, clock, log } = await asking('replies', 'is silent', { atLeast: 1 })
  await using _ = bus
  await bus.publish(OrderPlaced, { orderId: '1' })
  await quiet(50)
  clock.advance(1999)
  await quiet()
  expect(gathered).toEqual([])
  clock.advance(1)
  await until(() => gathered.length === 1)
  expect(gathered).toEqual([{ fast: 9 }])
  expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual(['warn: a recipient did not reply'])
  expect(log.facts.at(-1)).toMatchObject({ recipient: 'cheap', error: { code: 'REQUEST_TIMEOUT' } })
})

test('who gives up is missing at once, without a wait', async () => {
  const { bus, gathered } = await asking('gives up', 'replies', { atLeast: 1 })
  await using _ = bus
  await bus.publish(OrderPlaced, { orderId: '1' })
  await until(() => gathered.length === 1)
  expect(gathered).toEqual([{ cheap: 5 }])
})

test('when too few can reply, the attempt fails at once and says who is missing', async () => {
  const { bus, gathered } = await asking('gives up', 'is silent')
  await using _ = bus
  await bus.publish(OrderPlaced, { orderId: '1' })
  let letters = await someDeadLetters(bus)
  for (let turn = 0; turn < 1000 && letters.length < 2; turn++) {
    await quiet(1)
    letters = await deadLetters(bus)
  }
  const letter = letters.find(({ group }) => group === 'shop.quotes')
  expect(letter).toMatchObject({ reason: 'attempts-exhausted', error: { code: 'TOO_FEW_REPLIES' } })
  expect(letter!.error!.message).toContain('0 of 2 recipients replied, and it takes 2. fast: the request')
  expect(letter!.error!.message).toContain('cheap: not waited for: too many others had failed')
  expect(gathered).toEqual([])
})

test('requests are caused by the event', async () => {
  const causes: unknown[] = []
  const quotes = handler(
    OrderPlaced,
    { group: 'quotes' },
    scatterGather({ to: { fast: to.fast } }, () => {}),
  )
  const fast = handler(FastAsked, { group: 'fast' }, async ({ causationId, correlationId }, { reply }) => {
    causes.push({ causationId, correlationId })
    await reply(Quoted, { by: 'fast', price: 1 })
  })
  await using bus = await busOf([quotes, fast])
  const { id } = await bus.publish(OrderPlaced, { orderId: '1' }, { correlationId: 'visit-7' })
  await until(() => causes.length === 1)
  expect(causes).toEqual([{ causationId: id, correlationId: 'visit-7' }])
})

test('when the attempt is over, nobody is waited for any more', async () => {
  const { bus } = await asking('is silent', 'is silent')
  await using _ = bus
  const gather = scatterGather({ to, atLeast: 1 }, () => {})
  const controller = new AbortController()
  const outcome = gather(OrderPlaced.create({ orderId: '1' }), {
    signal: controller.signal,
    log: new Log(),
    request: bus.request.bind(bus),
  } as unknown as HandlerContext)
  await quiet()
  controller.abort(new Error('the attempt is over'))
  await expect(outcome).rejects.toThrow('the attempt is over')
})

test('when a question cannot be made, nobody is asked', async () => {
  const asked: string[] = []
  const broken = recipient(
    CheapAsked,
    () => {
      throw new Error('no question')
    },
    Quoted,
  )
  const request = ((definition: { type: string }) => asked.push(definition.type)) as never
  const gather = scatterGather({ to: { fast: to.fast, broken } }, () => {})
  const context = { signal: new AbortController().signal, request } as unknown as HandlerContext
  await expect(gather(OrderPlaced.create({ orderId: '1' }), context)).rejects.toThrow('no question')
  expect(asked).toEqual([])
})

test.for([
  [{ to: {} }, '`to` must be recipients by name'],
  [{ to: { fast: {} } }, '`to.fast.prepare` must be a function'],
  [{ atLeast: 0 }, '`atLeast` must be a whole number from 1 on, received 0'],
  [{ atLeast: 3 }, '`atLeast` must be at most 2, the number of recipients, received 3'],
  [{ timeout: 'soon' }, 'timeout'],
  [{ wait: 1 }, '`wait` is no option of scatterGather'],
] as const)('%j is refused', ([options, text]) => {
  expect(() => scatterGather({ to, ...options } as never, () => {})).toThrow(text)
})

test('types: recipients, their questions and replies fit', () => {
  const gather = scatterGather({ to }, ({ fast }, event) => {
    expectTypeOf(fast?.data.price).toEqualTypeOf<number | undefined>()
    expectTypeOf(event).toEqualTypeOf<OrderPlaced>()
  })
  expectTypeOf<keyof Replies<typeof to>>().toEqualTypeOf<'fast' | 'cheap'>()
  // @ts-expect-error it asks about other events
  handler(LineOrdered, { group: 'g' }, gather)
  // @ts-expect-error the question does not fit its definition
  recipient(FastAsked, (event: OrderPlaced) => ({ order: event.data.orderId }), Quoted)
})
