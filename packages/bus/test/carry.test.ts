import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createBus, handler, memory } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'

const PriceAsked = defineEvent('shop.price.asked', z.object({ item: z.string() }))
const PriceQuoted = defineEvent('shop.price.quoted', z.object({ pence: z.int() }))
const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tenant: 'acme' }

describe('extensions named by `carry`', () => {
  test('INVARIANT: go from cause to effect, however long the chain, and no others do', async () => {
    const seen: unknown[] = []
    await using tested = await testedBus({
      carry: ['traceparent', 'tenant'],
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, async ({ data }, { publish }) => {
          await publish(PaymentTaken, { order: data.order })
        }),
        handler(PaymentTaken, { group: 'ledger' }, async ({ data, extensions }, { publish }) => {
          seen.push(extensions)
          await publish(ShelfScanned, { shelf: data.order }, { immediate: true })
        }),
        handler(ShelfScanned, { group: 'stock' }, ({ extensions }) => void seen.push(extensions)),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 }, { extensions: { ...trace, basket: 'b1' } })
    await quiet()
    expect(seen).toEqual([trace, trace])
  })

  test('go to requests and replies too', async () => {
    const seen: unknown[] = []
    await using tested = await testedBus({
      carry: ['tenant'],
      handlers: [
        handler(PriceAsked, { group: 'prices' }, async ({ extensions }, { reply }) => {
          seen.push(extensions)
          await reply(PriceQuoted, { pence: 5 })
        }),
        handler(OrderPlaced, { group: 'billing' }, async ({ data }, { request }) => {
          seen.push((await request(PriceAsked, { item: data.item }, { reply: PriceQuoted })).extensions)
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 }, { extensions: trace })
    await quiet()
    expect(seen).toEqual([{ tenant: 'acme' }, { tenant: 'acme' }])
  })

  test('give way to what the effect is given, which keeps what it is not', async () => {
    const seen: unknown[] = []
    await using tested = await testedBus({
      carry: ['traceparent', 'tenant'],
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, async ({ data }, { publish }) => {
          await publish(PaymentTaken, { order: data.order }, { extensions: { tenant: 'globex', till: '3' } })
        }),
        handler(PaymentTaken, { group: 'ledger' }, ({ extensions }) => void seen.push(extensions)),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 }, { extensions: trace })
    await quiet()
    expect(seen).toEqual([{ traceparent: trace.traceparent, tenant: 'globex', till: '3' }])
  })

  test('are none where nothing is named, where the cause has none, and for what is published by the bus', async () => {
    for (const [carry, extensions] of [
      [undefined, trace],
      [['tenant'], undefined],
    ] as const) {
      const seen: unknown[] = []
      await using tested = await testedBus({
        carry,
        handlers: [
          handler(OrderPlaced, { group: 'billing' }, async ({ data }, { publish }) => {
            await publish(PaymentTaken, { order: data.order })
          }),
          handler(PaymentTaken, { group: 'ledger' }, (event) => void seen.push(event.extensions)),
        ],
      })
      await tested.bus.publish(OrderPlaced, { order: 1 }, { extensions })
      await tested.bus.publish(PaymentTaken, { order: 2 })
      await quiet()
      expect(seen).toEqual([{}, {}])
    }
  })

  test('are named by texts', async () => {
    for (const carry of ['tenant', [1], ['']] as never[]) {
      await expect(createBus({ source: '/shop', transport: memory(), carry })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('`carry`'),
      })
    }
  })
})
