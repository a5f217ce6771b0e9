import { defineEvent } from '@tidings/events'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { handler, PermanentError } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { testedBus } from './support/shop.ts'

const PriceAsked = defineEvent('shop.price.asked', z.object({ item: z.string() }))
const PriceQuoted = defineEvent('shop.price.quoted', z.object({ pence: z.int() }))

const quoting = handler(PriceAsked, { group: 'prices', retry: false }, async ({ data }, { reply }) => {
  if (data.item === 'Unicorn') throw new PermanentError('not for sale')
  await reply(PriceQuoted, { pence: data.item.length })
})

describe('requests', () => {
  test('resolve to the reply, typed by its definition', async () => {
    await using tested = await testedBus({ handlers: [quoting] })
    const quoted = await tested.bus.request(PriceAsked, { item: 'Book' }, { reply: PriceQuoted })
    expectTypeOf(quoted.data.pence).toEqualTypeOf<number>()
    expect(quoted.data).toEqual({ pence: 4 })
    expect(quoted).toMatchObject({ causationDepth: 1, correlationId: quoted.causationId })
  })

  test('many at a time each get their own', async () => {
    await using tested = await testedBus({ handlers: [quoting] })
    const items = Array.from({ length: 50 }, (_, length) => 'x'.repeat(length + 1))
    const quotes = await Promise.all(
      items.map((item) => tested.bus.request(PriceAsked, { item }, { reply: PriceQuoted })),
    )
    expect(quotes.map(({ data }) => data.pence)).toEqual(items.map(({ length }) => length))
  })

  test('nobody answering is a timeout that says so', async () => {
    await using tested = await testedBus({ handlers: [handler(PriceAsked, { group: 'deaf' }, () => {})] })
    const asked = tested.bus.request(PriceAsked, { item: 'Book' }, { timeout: '2s' })
    asked.catch(() => {})
    await tested.pass(2_100)
    await expect(asked).rejects.toThrow('nobody answered the request "shop.price.asked" within 2000ms')
  })

  test('a handler that gives up tells the requester', async () => {
    await using tested = await testedBus({ handlers: [quoting] })
    await expect(tested.bus.request(PriceAsked, { item: 'Unicorn' })).rejects.toMatchObject({
      code: 'REQUEST_FAILED',
      message: expect.stringContaining('not for sale'),
    })
    expect(await tested.bus.deadLetters.count()).toBe(1)
  })

  test('a plain event that is answered goes nowhere, and is handled', async () => {
    await using tested = await testedBus({ handlers: [quoting] })
    await tested.bus.publish(PriceAsked, { item: 'Book' })
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(tested.hooks('published')).toHaveLength(1)
  })

  test('data that does not fit is refused at once, and a signal gives its own reason', async () => {
    await using tested = await testedBus({ handlers: [quoting] })
    await expect(tested.bus.request(PriceAsked, { item: 1 } as never)).rejects.toMatchObject({ code: 'INVALID_EVENT' })
    const reason = new Error('gone')
    await expect(tested.bus.request(PriceAsked, { item: 'Book' }, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
  })

  test('closing the bus refuses what still waits', async () => {
    const tested = await testedBus()
    const asked = tested.bus.request(PriceAsked, { item: 'Book' })
    asked.catch(() => {})
    await quiet()
    await tested.bus.close()
    await expect(asked).rejects.toMatchObject({ code: 'REQUEST_FAILED' })
    await expect(tested.bus.request(PriceAsked, { item: 'Book' })).rejects.toMatchObject({ code: 'BUS_CLOSED' })
  })
})
