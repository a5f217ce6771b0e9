import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { handler, type HandlerOptions, memory, PermanentError } from '../src/index.ts'
import { quiet, stateOf } from './support/recording-member.ts'
import { testedBus } from './support/shop.ts'

const PriceAsked = defineEvent('shop.price.asked', z.object({ item: z.string() }))
const PriceQuoted = defineEvent('shop.price.quoted', z.object({ pence: z.number().int() }))

function refusing(options: HandlerOptions = {}) {
  return handler(PriceAsked, { group: 'prices', retry: false, ...options }, () => {
    throw new PermanentError('not for sale')
  })
}

describe('a request that is refused', () => {
  test('tells the requester why, as data', async () => {
    await using tested = await testedBus({ handlers: [refusing()] })
    await expect(tested.bus.request(PriceAsked, { item: 'Unicorn' })).rejects.toMatchObject({
      code: 'REQUEST_FAILED',
      reason: 'permanent-error',
      error: { name: 'PermanentError', code: 'PERMANENT', message: 'not for sale' },
      message: expect.stringContaining('the request "shop.price.asked" could not be handled: not for sale'),
    })
  })

  test('leaves no letter, unless its handler asks for one; an event that nobody waits for does', async () => {
    for (const [options, letters] of [
      [{}, 0],
      [{ deadLetter: 'park' }, 1],
      [{ deadLetter: 'discard' }, 0],
    ] as const) {
      await using tested = await testedBus({ handlers: [refusing(options)] })
      await expect(tested.bus.request(PriceAsked, { item: 'Unicorn' })).rejects.toMatchObject({
        code: 'REQUEST_FAILED',
      })
      expect(await tested.bus.deadLetters.count()).toBe(letters)
      await tested.bus.publish(PriceAsked, { item: 'Unicorn' })
      await quiet()
      expect(await tested.bus.deadLetters.count()).toBe('deadLetter' in options ? 2 * letters : 1)
    }
  })

  test('by an answer that does not fit is refused for that reason', async () => {
    await using tested = await testedBus({
      handlers: [
        handler(PriceAsked, { group: 'prices', retry: false }, async (_event, { reply }) => {
          await reply(PriceQuoted, { pence: 1.5 })
        }),
      ],
    })
    await expect(tested.bus.request(PriceAsked, { item: 'Book' })).rejects.toMatchObject({
      reason: 'attempts-exhausted',
      error: { code: 'INVALID_EVENT' },
    })
  })

  test('INVARIANT: is refused at once, for its reason, also where the transport has no room for what its handler says', async () => {
    let calls = 0
    const wordy = handler(PriceAsked, { group: 'prices' }, () => {
      calls++
      throw new PermanentError('not for sale, '.repeat(100))
    })
    await using tested = await testedBus({ transport: memory({ maxMessageSize: 1000 }), handlers: [wordy] })
    await expect(tested.bus.request(PriceAsked, { item: 'Unicorn' })).rejects.toMatchObject({
      code: 'REQUEST_FAILED',
      reason: 'permanent-error',
      error: undefined,
    })
    expect(calls).toBe(1)
  })

  test('at once where no group wants it', async () => {
    await using tested = await testedBus()
    const asked = tested.bus.request(PriceAsked, { item: 'Book' })
    expect(await stateOf(asked)).toBe('rejected')
    await expect(asked).rejects.toMatchObject({
      code: 'REQUEST_FAILED',
      message: expect.stringContaining('no group has a handler for it'),
    })
  })

  test('is given up by a handler whose time is up, though it has a signal of its own', async () => {
    const { signal } = new AbortController()
    const asking = handler(
      PriceQuoted,
      { group: 'asking', timeout: 100, retry: false },
      async (_event, { request }) => {
        await request(PriceAsked, { item: 'Book' }, { signal })
      },
    )
    const silent = handler(PriceAsked, { group: 'prices' }, () => {})
    await using tested = await testedBus({ handlers: [asking, silent] })
    await tested.bus.publish(PriceQuoted, { pence: 1 })
    await quiet()
    tested.clock.advance(100)
    await quiet()
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { code: 'ATTEMPT_TIMEOUT' } }])
  })

  test('fails the handler that asked, as any error of its own', async () => {
    const Wanted = defineEvent('shop.wanted', z.object({ item: z.string() }))
    await using tested = await testedBus({
      handlers: [
        refusing(),
        handler(Wanted, { group: 'wishes', retry: false }, async ({ data }, { request }) => {
          await request(PriceAsked, data, { reply: PriceQuoted })
        }),
      ],
    })
    await tested.bus.publish(Wanted, { item: 'Unicorn' })
    await quiet()
    expect(tested.hooks('deadLettered')).toMatchObject([{ group: 'shop.wishes', error: { code: 'REQUEST_FAILED' } }])
  })
})
