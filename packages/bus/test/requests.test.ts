import { defineEvent } from '@tidings/events'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { handler, memory, type Middleware, PermanentError } from '../src/index.ts'
import { altered } from './support/altered.ts'
import { quiet, stateOf } from './support/recording-member.ts'
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
      reason: 'permanent-error',
      error: { name: 'PermanentError', code: 'PERMANENT', message: 'not for sale' },
    })
    // Who asked knows of it.
    expect(await tested.bus.deadLetters.count()).toBe(0)
  })

  test('a letter besides is for a handler that says so', async () => {
    const keeping = handler(PriceAsked, { group: 'prices', retry: false, deadLetter: 'park' }, () => {
      throw new PermanentError('not for sale')
    })
    await using tested = await testedBus({ handlers: [keeping] })
    await expect(tested.bus.request(PriceAsked, { item: 'Unicorn' })).rejects.toMatchObject({ code: 'REQUEST_FAILED' })
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

  test('a signal that aborts right after the call ends it', async () => {
    await using tested = await testedBus({ handlers: [quoting] })
    const controller = new AbortController()
    const asked = tested.bus.request(PriceAsked, { item: 'Book' }, { signal: controller.signal })
    const reason = new Error('gone')
    controller.abort(reason)
    await expect(asked).rejects.toBe(reason)
    expect(tested.hooks('published')).toEqual([])
  })

  test('the timeout, and closing, end a wait for the group of the replies too', async () => {
    const signals: (AbortSignal | undefined)[] = []
    const transport = altered(memory(), (real) => ({
      subscribe: (request, deliver, signal) => {
        if (!request.temporary) return real.subscribe(request, deliver, signal)
        signals.push(signal)
        return new Promise(() => {})
      },
    }))
    const tested = await testedBus({ transport })
    const first = tested.bus.request(PriceAsked, { item: 'Book' }, { timeout: 100 })
    const second = tested.bus.request(PriceAsked, { item: 'Book' })
    for (const asked of [first, second]) asked.catch(() => {})
    await tested.pass(200)
    await expect(first).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' })
    expect(await stateOf(second)).toBe('pending')
    await tested.bus.close()
    await expect(second).rejects.toMatchObject({ code: 'REQUEST_FAILED' })
    expect(signals.map((signal) => signal?.aborted)).toEqual([true])
    expect(tested.clock.timers).toBe(0)
  })

  test('a second one of the same id is refused while the first one waits, and does it no harm', async () => {
    await using tested = await testedBus({ handlers: [quoting] })
    const ask = () => tested.bus.request(PriceAsked, { item: 'Book' }, { id: 'same', reply: PriceQuoted })
    const [first, second] = [ask(), ask()]
    await expect(second).rejects.toThrow('`id` must be of no request that is waiting still, received "same"')
    expect((await first).data.pence).toBe(4)
    expect((await ask()).data.pence).toBe(4)
  })

  test.each([
    [undefined, {}, '`definition` must be an event definition, received undefined'],
    [PriceAsked.create({ item: 'Book' }), {}, '`definition` must be an event definition'],
    [PriceAsked, { replay: PriceQuoted }, '`replay` is no option of request'],
    [PriceAsked, { timeout: 'soon' }, '`timeout` must be a duration'],
  ])('%s with %j is refused by name', async (definition, options, message) => {
    await using tested = await testedBus({ handlers: [quoting] })
    const asked = tested.bus.request(definition as never, { item: 'Book' }, options as never)
    await expect(asked).rejects.toThrow(message)
  })

  test('given up, it waits for no room at the broker either, so that the bus can close', async () => {
    const transport = altered(memory(), () => ({
      publish: (_outgoing, patience) =>
        new Promise((_resolve, reject) => {
          const { signal } = patience!
          signal!.addEventListener('abort', () => reject(signal!.reason as Error))
        }),
    }))
    const tested = await testedBus({ transport })
    const controller = new AbortController()
    const asked = tested.bus.request(PriceAsked, { item: 'Book' }, { signal: controller.signal, timeout: '1h' })
    asked.catch(() => {})
    await quiet()
    controller.abort()
    expect([await stateOf(asked), await stateOf(tested.bus.close())]).toEqual(['rejected', 'resolved'])
  })

  test('a reply passes the middleware on its way in, as on its way out', async () => {
    const base64: Middleware = {
      name: 'base64',
      publish: (sent, next) => next({ ...sent, body: btoa(String(sent.body)) }),
      receive: ({ message }, next) => next({ ...message, body: atob(String(message.body)) }),
    }
    await using tested = await testedBus({ handlers: [quoting], middleware: [base64] })
    const quoted = await tested.bus.request(PriceAsked, { item: 'Book' }, { reply: PriceQuoted })
    expect(quoted.data).toEqual({ pence: 4 })
    await expect(tested.bus.request(PriceAsked, { item: 'Unicorn' })).rejects.toMatchObject({ code: 'REQUEST_FAILED' })
  })

  test('a reply to a requester that is gone is unroutable, and its handler does not fail for it', async () => {
    const transport = memory()
    let answer!: () => void
    const slow = handler(PriceAsked, { group: 'prices', retry: false }, async (_event, { reply }) => {
      await new Promise<void>((resolve) => (answer = resolve))
      await reply(PriceQuoted, { pence: 1 })
    })
    await using tested = await testedBus({ transport, handlers: [slow] })
    const asking = await testedBus({ transport, clock: tested.clock })
    const asked = asking.bus.request(PriceAsked, { item: 'Book' })
    asked.catch(() => {})
    await quiet()
    await asking.bus.close()
    answer()
    await quiet()
    expect(tested.hooks('unroutable')).toMatchObject([{ attributes: { type: PriceQuoted.type } }])
    expect(tested.hooks('handled')).toHaveLength(1)
    expect(tested.hooks('failed')).toEqual([])
  })

  test.each(['/', `/${'a'.repeat(190)}`])('an application with the source %s gets its replies', async (source) => {
    const groups: string[] = []
    const transport = altered(memory(), (real) => ({
      subscribe: (request, deliver) => {
        groups.push(request.group)
        return real.subscribe(request, deliver)
      },
    }))
    await using tested = await testedBus({ source, transport, handlers: [quoting] })
    const asked = tested.bus.request(PriceAsked, { item: 'Book' }, { reply: PriceQuoted })
    asked.catch(() => {})
    await quiet()
    expect(await stateOf(asked)).toBe('resolved')
    expect(Math.max(...groups.map(({ length }) => length))).toBeLessThanOrEqual(200)
  })
})
