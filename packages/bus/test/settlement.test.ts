import { TidingsError } from '@tidings/core'
import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { handler, memory, SettlementRefusedError, type Transport } from '../src/index.ts'
import type { Delivery, Settlement } from '../src/transport/index.ts'
import { altered, alteredDelivery } from './support/altered.ts'
import { flapping } from './support/flapping.ts'
import { quiet, stateOf } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, type Tested, testedBus } from './support/shop.ts'
import { stepwise } from './support/stepwise.ts'

const PriceAsked = defineEvent('shop.price.asked', z.object({ item: z.string() }))
const PriceQuoted = defineEvent('shop.price.quoted', z.object({ pence: z.int() }))
const retry = { attempts: 3, delay: 10, jitter: false } as const

/** Something that handlers wait for. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

/** Settles in its own way what a group is handed; `real` settles it as ever. */
function settling(
  transport: Transport,
  settle: (delivery: Delivery, settlement: Settlement) => ReturnType<Delivery['settle']>,
): Transport {
  return altered(transport, (connection) => ({
    subscribe: (request, deliver, signal) =>
      connection.subscribe(
        request,
        (real) => deliver(alteredDelivery(real, { settle: (settlement) => settle(real, settlement) })),
        signal,
      ),
  }))
}

/** Writes down the payments that are seen, by a group of its own. */
function ledger(paid: number[]) {
  return handler(PaymentTaken, { group: 'ledger' }, ({ data }) => void paid.push(data.order))
}

const transports = [
  ['one commit', () => memory()],
  ['steps', () => stepwise(memory())],
] as const

describe.each(transports)('what a handler publishes, on a transport that settles in %s,', (_how, transportOf) => {
  test('INVARIANT: leaves with the attempt that succeeds, and with none that fails', async () => {
    const paid: number[] = []
    const attempts: number[] = []
    await using tested = await testedBus({
      transport: transportOf(),
      handlers: [
        handler(OrderPlaced, { group: 'billing', retry }, async (_event, { publish, attempt }) => {
          attempts.push(attempt)
          await publish(PaymentTaken, { order: attempt })
          if (attempt < 3) throw new Error('not yet')
        }),
        ledger(paid),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect([attempts, paid]).toEqual([[1, 2, 3], [3]])
    expect(publishedBy(tested)).toEqual([3])
  })

  test('INVARIANT: never leaves where the event is given up', async () => {
    const paid: number[] = []
    await using tested = await testedBus({
      transport: transportOf(),
      handlers: [
        handler(OrderPlaced, { group: 'billing', retry }, async (_event, { publish }) => {
          await publish(PaymentTaken, { order: 1 })
          throw new Error('never')
        }),
        ledger(paid),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect(tested.hooks('deadLettered')).toHaveLength(1)
    expect([paid, publishedBy(tested)]).toEqual([[], []])
  })

  test('INVARIANT: never leaves where the time of the attempt was up, even if the handler ends well in the end', async () => {
    const paid: number[] = []
    const { opened, open } = gate()
    await using tested = await testedBus({
      transport: transportOf(),
      handlers: [
        handler(OrderPlaced, { group: 'billing', timeout: 100, retry: false }, async (_event, { publish }) => {
          await publish(PaymentTaken, { order: 1 })
          await opened
        }),
        ledger(paid),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(110)
    open()
    await tested.pass(1_000)
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { code: 'ATTEMPT_TIMEOUT' } }])
    expect([paid, publishedBy(tested)]).toEqual([[], []])
  })

  test('INVARIANT: never leaves where the bus was closed before the handler had ended; the next bus has it leave once', async () => {
    const transport = transportOf()
    const paid: number[] = []
    const { opened, open } = gate()
    const first = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, async (_event, { publish }) => {
          await publish(PaymentTaken, { order: 1 })
          await opened
        }),
      ],
    })
    await first.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    const closed = first.bus.close({ timeout: 100 })
    await first.pass(200)
    await closed
    open()
    await quiet()
    await using second = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, async (_event, { publish }) => {
          await publish(PaymentTaken, { order: 2 })
        }),
        ledger(paid),
      ],
    })
    await second.pass(100)
    expect(paid).toEqual([2])
  })

  test('INVARIANT: never leaves where the connection was lost before the handler had ended', async () => {
    const { transport, cut } = flapping(memory())
    const paid: number[] = []
    const gates = [gate(), gate()]
    let calls = 0
    await using tested = await testedBus({
      transport: _how === 'steps' ? stepwise(transport) : transport,
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, async (_event, { publish }) => {
          const at = calls++
          await publish(PaymentTaken, { order: at })
          await gates[at]?.opened
        }),
        ledger(paid),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await cut()
    gates[0]!.open()
    await tested.pass(1_000)
    expect([calls, paid]).toEqual([2, []])
    gates[1]!.open()
    await tested.pass(100)
    expect(paid).toEqual([1])
  })

  test('is seen by nobody while the handler runs, and then in the order in which it was published, awaited or not', async () => {
    const paid: number[] = []
    const { opened, open } = gate()
    await using tested = await testedBus({
      transport: transportOf(),
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, async (_event, { publish }) => {
          void publish(PaymentTaken, { order: 1 }, { subject: 'till' })
          await publish(PaymentTaken, { order: 2 }, { subject: 'till' })
          await opened
          for (let order = 3; order <= 100; order++) void publish(PaymentTaken, { order }, { subject: 'till' })
        }),
        ledger(paid),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect([paid, publishedBy(tested)]).toEqual([[], []])
    open()
    await tested.pass(100)
    const all = Array.from({ length: 100 }, (_, at) => at + 1)
    expect([paid, publishedBy(tested)]).toEqual([all, all])
  })

  test('leaves at once with `immediate`, stays although the attempt fails, and keeps its id', async () => {
    const paid: string[] = []
    await using tested = await testedBus({
      transport: transportOf(),
      handlers: [
        handler(OrderPlaced, { group: 'billing', retry }, async (_event, { publish, attempt }) => {
          const { id } = await publish(PaymentTaken, { order: 1 }, { immediate: true })
          // It is confirmed by now, so another group may have seen it.
          await quiet(5)
          expect(paid).toContain(id)
          if (attempt < 3) throw new Error('not yet')
        }),
        handler(PaymentTaken, { group: 'ledger' }, ({ id }) => void paid.push(id)),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect(tested.hooks('deadLettered')).toEqual([])
    expect(paid).toHaveLength(3)
    expect(new Set(paid).size).toBe(1)
  })

  test('is refused once the handler has ended, and the log says so, unless it leaves at once', async () => {
    const refused: unknown[] = []
    const { opened, open } = gate()
    await using tested = await testedBus({
      transport: transportOf(),
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, (_event, { publish }) => {
          void opened.then(() => publish(PaymentTaken, { order: 1 })).catch((error: unknown) => refused.push(error))
          void opened.then(() => publish(PaymentTaken, { order: 2 }, { immediate: true }))
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    open()
    await quiet()
    expect(refused).toMatchObject([{ code: 'EFFECT_TOO_LATE' }])
    expect(tested.log.lines).toMatchObject([{ level: 'error', facts: { group: 'shop.billing', error: refused[0] } }])
    expect(publishedBy(tested)).toEqual([2])
  })
})

describe('an effect that cannot be sent fails the attempt', () => {
  test.each([
    ['awaited', async (published: Promise<unknown>) => void (await published)],
    ['not awaited', async (published: Promise<unknown>) => void published],
    ['caught', async (published: Promise<unknown>) => void (await published.catch(() => {}))],
  ])('since its data does not fit, %s', async (_how, take) => {
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false }, async (_event, { publish }) => {
          await publish(PaymentTaken, { order: 1 })
          await take(publish(PaymentTaken, { order: 'one' } as never))
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { code: 'INVALID_EVENT' } }])
    expect(publishedBy(tested)).toEqual([])
  })

  test('since it is too large, which `publish` says', async () => {
    const refused: unknown[] = []
    const Noted = defineEvent('shop.noted', z.object({ text: z.string() }))
    await using tested = await testedBus({
      transport: memory({ maxMessageSize: 1000 }),
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false }, async (_event, { publish }) => {
          await publish(PaymentTaken, { order: 1 })
          await publish(Noted, { text: 'x'.repeat(1000) }).catch((error: unknown) => refused.push(error))
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(refused).toMatchObject([{ code: 'MESSAGE_TOO_LARGE', details: { limit: 1000 } }])
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { code: 'MESSAGE_TOO_LARGE' } }])
    expect(publishedBy(tested)).toEqual([])
  })

  test('since there are too many, which `publish` says; with `immediate` there is no bound', async () => {
    const refused: unknown[] = []
    await using tested = await testedBus({
      handlers: [
        handler([OrderPlaced, ShelfScanned], { group: 'g', retry: false }, async (event, { publish }) => {
          const immediate = ShelfScanned.is(event)
          for (let order = 1; order <= 10_001; order++) {
            await publish(PaymentTaken, { order }, { immediate }).catch((error: unknown) => refused.push(error))
          }
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(refused).toMatchObject([{ code: 'EFFECTS_OVERFLOW' }])
    expect(String(refused[0])).toContain('immediate: true')
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { code: 'EFFECTS_OVERFLOW' } }])
    expect(publishedBy(tested)).toEqual([])
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    expect(publishedBy(tested)).toHaveLength(10_001)
  })
})

describe('what a handler does by its context besides', () => {
  test('a reply is an effect: the requester hears of the attempt that succeeds', async () => {
    const attempts: number[] = []
    await using tested = await testedBus({
      handlers: [
        handler(PriceAsked, { group: 'prices', retry }, async (_event, { reply, attempt }) => {
          attempts.push(attempt)
          await reply(PriceQuoted, { pence: attempt })
          if (attempt < 2) throw new Error('not yet')
        }),
      ],
    })
    const asked = tested.bus.request(PriceAsked, { item: 'Book' }, { reply: PriceQuoted })
    await quiet()
    expect([attempts, await stateOf(asked)]).toEqual([[1], 'pending'])
    await tested.pass(100)
    expect((await asked).data).toEqual({ pence: 2 })
  })

  test('a request goes out at once, correlated with the event, and is answered while the handler runs', async () => {
    const asked: unknown[] = []
    const paid: number[] = []
    await using tested = await testedBus({
      handlers: [
        handler(PriceAsked, { group: 'prices' }, async ({ correlationId, causationId }, { reply }) => {
          asked.push([correlationId, causationId])
          await reply(PriceQuoted, { pence: 5 })
        }),
        handler(OrderPlaced, { group: 'billing' }, async ({ data }, { publish, request }) => {
          const quoted = await request(PriceAsked, { item: data.item }, { reply: PriceQuoted })
          await publish(PaymentTaken, { order: quoted.data.pence })
        }),
        ledger(paid),
      ],
    })
    const order = await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(asked).toEqual([[order.id, order.id]])
    expect(paid).toEqual([5])
  })

  test('a delayed event is taken back at once, although the attempt fails', async () => {
    const cancelled: boolean[] = []
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'billing', retry }, async (_event, { cancel, attempt }) => {
          cancelled.push(await cancel('reminder'))
          if (attempt < 2) throw new Error('not yet')
        }),
        handler(ShelfScanned, { group: 'reminders' }, () => {}),
      ],
    })
    await tested.bus.publish(ShelfScanned, { shelf: 1 }, { id: 'reminder', delay: '1h' })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(100)
    expect(cancelled).toEqual([true, false])
  })
})

describe('a settlement', () => {
  test('is told as handled, with its effects, when it is durable; the slot is free before that', async () => {
    const { opened, open } = gate()
    const transport = settling(memory(), async (delivery, settlement) => {
      if (delivery.message.attributes['type'] === OrderPlaced.type) await opened
      return delivery.settle(settlement)
    })
    let shelves = 0
    await using tested = await testedBus({
      transport,
      handlers: [
        handler([OrderPlaced, ShelfScanned], { group: 'g', concurrency: 1 }, async (event, { publish }) => {
          if (OrderPlaced.is(event)) await publish(PaymentTaken, { order: event.data.order })
          else shelves++
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.bus.publish(ShelfScanned, { shelf: 1 })
    await quiet()
    expect(shelves).toBe(1)
    expect(handledTypes(tested)).toEqual([ShelfScanned.type])
    expect(publishedBy(tested)).toEqual([])
    open()
    await quiet()
    expect(handledTypes(tested)).toEqual([ShelfScanned.type, OrderPlaced.type])
    expect(publishedBy(tested)).toEqual([1])
  })

  test('INVARIANT: of an event that takes its time lets no other of its key begin', async () => {
    const { opened, open } = gate()
    const begun: string[] = []
    const transport = settling(memory(), async (delivery, settlement) => {
      if (delivery.message.attributes['id'] === 'first') await opened
      return delivery.settle(settlement)
    })
    await using tested = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'g' }, ({ id }) => void begun.push(id))],
    })
    for (const id of ['first', 'second']) await tested.bus.publish(OrderPlaced, { order: 1 }, { id })
    await quiet()
    expect(begun).toEqual(['first'])
    open()
    await quiet()
    expect(begun).toEqual(['first', 'second'])
  })

  test('that is refused is a failed attempt, for the reason that it was refused for', async () => {
    const paid: number[] = []
    let refusals = 0
    const transport = settling(memory(), (delivery, settlement) => {
      const isFirst = settlement.as === 'handled' && settlement.effects.length > 0 && refusals++ === 0
      return isFirst
        ? Promise.reject(new SettlementRefusedError(new Error('no such row')))
        : delivery.settle(settlement)
    })
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g', retry, idempotent: true }, async (_event, { publish, attempt }) => {
          await publish(PaymentTaken, { order: attempt })
        }),
        ledger(paid),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(tested.hooks('failed')).toMatchObject([{ attempt: 1, error: { message: 'no such row' }, retryIn: 10 }])
    expect(handledTypes(tested)).toEqual([])
    await tested.pass(100)
    expect(paid).toEqual([2])
    expect(tested.hooks('failed')).toHaveLength(1)
    expect(tested.hooks('duplicate')).toEqual([])
  })

  test.each([
    ['by its transport', new SettlementRefusedError(new Error('no such row'))],
    // A transport may have another copy of the package.
    ['in the words of its code', new TidingsError('SETTLEMENT_REFUSED', 'no', { cause: new Error('no such row') })],
    ['by what no try again can mend', new TidingsError('MESSAGE_TOO_LARGE', 'no such row')],
  ])('that is refused at each attempt, %s, gives the event up, with that reason in its letter', async (_how, error) => {
    const transport = settling(memory(), (delivery, settlement) =>
      settlement.as === 'handled' ? Promise.reject(error) : delivery.settle(settlement),
    )
    let calls = 0
    await using tested = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'g', retry }, () => void calls++)],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect(calls).toBe(3)
    expect(tested.hooks('deadLettered')).toMatchObject([
      { reason: 'attempts-exhausted', attempts: 3, error: { message: 'no such row' } },
    ])
  })

  test('that fails otherwise is tried again, without the handler and with its slot free', async () => {
    let isAway = true
    const calls: string[] = []
    const transport = settling(memory(), (delivery, settlement) =>
      isAway && delivery.message.attributes['id'] === 'first'
        ? Promise.reject(new Error('the broker is away'))
        : delivery.settle(settlement),
    )
    await using tested = await testedBus({
      transport,
      handlers: [handler(ShelfScanned, { group: 'g', concurrency: 1 }, ({ id }) => void calls.push(id))],
    })
    for (const id of ['first', 'second']) await tested.bus.publish(ShelfScanned, { shelf: 1 }, { id })
    await tested.pass(1_000)
    expect(calls).toEqual(['first', 'second'])
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(tested.log.lines).toContainEqual({
      level: 'warn',
      message: 'a delivery could not be settled, trying again',
      facts: expect.objectContaining({ type: ShelfScanned.type, group: 'shop.g', id: 'first', attempt: 1 }),
    })
    isAway = false
    await tested.pass(10_000)
    expect([calls, tested.hooks('handled').length]).toEqual([['first', 'second'], 2])
    expect(tested.hooks('failed')).toEqual([])
  })

  test('INVARIANT: that finds its mark there already counts as a duplicate, and its effects are nowhere', async () => {
    const transport = memory()
    const gates = [gate(), gate()]
    const paid: number[] = []
    let calls = 0
    const billing = handler(ShelfScanned, { group: 'billing', idempotent: true }, async (_event, { publish }) => {
      const at = calls++
      await publish(PaymentTaken, { order: at })
      await gates[at]!.opened
    })
    const one = await testedBus({ transport, handlers: [billing, ledger(paid)] })
    const two = await testedBus({ transport, clock: one.clock, handlers: [billing] })
    const event = await one.bus.publish(ShelfScanned, { shelf: 1 })
    await one.bus.publish(event)
    await quiet()
    // One in each member, at the same time.
    expect(calls).toBe(2)
    for (const { open } of gates) {
      open()
      await quiet()
    }
    expect(paid).toEqual([0])
    expect([...one.hooks('duplicate'), ...two.hooks('duplicate')]).toHaveLength(1)
    expect([...handledTypes(one), ...handledTypes(two)]).toEqual([ShelfScanned.type, PaymentTaken.type])
    for (const each of [one, two]) await each[Symbol.asyncDispose]()
  })

  test('of an event of a batch is its own: the effects of one that failed stay back', async () => {
    const paid: number[] = []
    await using tested = await testedBus({
      handlers: [
        handler(ShelfScanned, { group: 'g', batch: { size: 3 }, retry: false }, async (events, { publish, fail }) => {
          for (const event of events) await publish(event, PaymentTaken, { order: event.data.shelf })
          fail(events[1]!, new Error('broken'))
        }),
        ledger(paid),
      ],
    })
    for (const shelf of [1, 2, 3]) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(100)
    expect(paid).toEqual([1, 3])
    expect(publishedBy(tested)).toEqual([1, 3])
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { message: 'broken' } }])
  })
})

/** The orders of the payments that were told as published. */
function publishedBy(tested: Tested): number[] {
  return tested.hooks('published').flatMap((event) => (PaymentTaken.is(event) ? [event.data.order] : []))
}

function handledTypes(tested: Tested): string[] {
  const handled = tested.hooks('handled') as { message: { attributes: { type: string } } }[]
  return handled.map(({ message }) => message.attributes.type)
}
