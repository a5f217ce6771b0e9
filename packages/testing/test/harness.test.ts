import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { handler, PermanentError } from '@tidings/bus'
import { defineEvent, type EventOf } from '@tidings/events'
import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { type NotSettledError, testBus } from '../src/index.ts'

const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({ orderId: z.string(), quantity: z.int().positive() }),
  key: (order) => order.orderId,
})
const PaymentTaken = defineEvent('shop.payment.taken', z.object({ orderId: z.string() }))
const order = { orderId: 'o-1', quantity: 1 }

const billing = handler(OrderPlaced, { group: 'billing' }, async (event, { publish }) => {
  await publish(PaymentTaken, { orderId: event.data.orderId })
})

test('a published event is handled, and so is its effect, when the bus has settled', async () => {
  const shipped: string[] = []
  const shipping = handler(PaymentTaken, { group: 'shipping' }, (event) => void shipped.push(event.data.orderId))
  await using t = await testBus({ handlers: [billing, shipping] })
  await t.publish(OrderPlaced, order)
  await t.settled()
  expect(shipped).toEqual(['o-1'])
  expect(t.published(PaymentTaken).map(({ data }) => data)).toEqual([{ orderId: 'o-1' }])
  expect(t.handled(OrderPlaced, 'billing').length).toBe(1)
  expect(t.handled(OrderPlaced, 'shipping')).toEqual([])
})

test('what the harness hands back has the type of the definition', async () => {
  await using t = await testBus({ handlers: [billing] })
  expectTypeOf(t.published(PaymentTaken)).toEqualTypeOf<readonly EventOf<typeof PaymentTaken>[]>()
  expectTypeOf(t.handled(OrderPlaced)).toEqualTypeOf<readonly EventOf<typeof OrderPlaced>[]>()
  expectTypeOf<ReturnType<typeof t.attempts<typeof OrderPlaced>>[number]['event']['data']['quantity']>().toBeNumber()
  // @ts-expect-error the data must fit the schema
  await expect(t.publish(OrderPlaced, { orderId: 'o-1' })).rejects.toThrow('quantity')
})

test('failNext makes the next calls fail before the handler runs, and retries pass in virtual time', async () => {
  let ran = 0
  const counting = handler(OrderPlaced, { group: 'billing' }, () => void ran++)
  await using t = await testBus({ handlers: [counting] })
  const begun = t.clock.now()
  const really = performance.now()
  t.failNext('billing', 2)
  await t.publish(OrderPlaced, order)
  await t.settled()
  const attempts = t.attempts(OrderPlaced, 'billing')
  expect(attempts.map(({ attempt, outcome, at }) => [attempt, outcome, at - begun])).toEqual([
    [1, 'failed', 0],
    [2, 'failed', 1000],
    [3, 'handled', 3000],
  ])
  expect(String(attempts[0]!.error)).toBe('Error: failNext: "billing" is to fail')
  expect(ran).toBe(1)
  expect(performance.now() - really).toBeLessThan(1000)
})

test('failNext takes an error, for one call or for several, and the name of a handler', async () => {
  const placed = handler(OrderPlaced, { group: 'mail' }, function mailOrder() {})
  await using t = await testBus({ handlers: [placed] })
  t.failNext('mailOrder', 2, new Error('smtp is down'))
  t.failNext('mail', new PermanentError('no such address'))
  await t.publish(OrderPlaced, order)
  await t.settled()
  // The name of the group comes first.
  expect(t.attempts(OrderPlaced).map(({ error }) => (error as Error).message)).toEqual(['no such address'])
  await t.publish(OrderPlaced, order)
  await t.settled()
  expect(t.attempts(OrderPlaced, 'mailOrder').map(({ outcome }) => outcome)).toEqual([
    'failed',
    'failed',
    'failed',
    'handled',
  ])
})

test('failNext refuses a group that there is not', async () => {
  await using t = await testBus({ handlers: [billing] })
  expect(() => t.failNext('biling')).toThrow('there is no group and no handler "biling"\nThere are: billing.')
  expect(() => t.failNext('billing', 0)).toThrow('`times` must be a whole number from 1 on, received 0')
})

test('an event that fails each time is found among the dead letters', async () => {
  await using t = await testBus({ handlers: [billing] })
  t.failNext('billing', 5, new Error('card declined'))
  await t.publish(OrderPlaced, order)
  await t.settled()
  const [letter, ...others] = await t.deadLetters()
  expect(others).toEqual([])
  expect(letter).toMatchObject({ group: 'test.billing', reason: 'attempts-exhausted', attempts: 5 })
  expect(letter!.error!.message).toBe('card declined')
  expect(await t.deadLetters({ group: 'shipping' })).toEqual([])
  expect(t.logged().map(({ level, message }) => [level, message])).toContainEqual([
    'error',
    'an event was parked among the dead letters',
  ])
})

test('advance passes as much virtual time as it is told, with the handlers in between', async () => {
  await using t = await testBus({ handlers: [billing] })
  t.failNext('billing', 2)
  await t.publish(OrderPlaced, order)
  await t.settled({ advance: false })
  expect(t.attempts(OrderPlaced).length).toBe(1)
  await t.clock.advance('1s')
  expect(t.attempts(OrderPlaced).length).toBe(2)
  await t.clock.advance(1999)
  expect(t.attempts(OrderPlaced).length).toBe(2)
  await t.clock.advance(1)
  expect(t.handled(OrderPlaced).length).toBe(1)
})

test('a delay of a day passes at once', async () => {
  await using t = await testBus({ handlers: [billing] })
  const begun = t.clock.now()
  await t.publish(OrderPlaced, order, { delay: '24h' })
  await t.settled({ advance: false })
  expect(t.handled(OrderPlaced)).toEqual([])
  await t.settled()
  expect(t.handled(OrderPlaced).length).toBe(1)
  expect(t.clock.now() - begun).toBe(24 * 3_600_000)
})

test('a handler that heeds its signal ends by its timeout, in virtual time', async () => {
  const hanging = handler(
    OrderPlaced,
    { group: 'hanging', timeout: '1h', retry: false },
    (_event, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  )
  await using t = await testBus({ handlers: [hanging] })
  await t.publish(OrderPlaced, order)
  await t.settled()
  const [letter] = await t.deadLetters()
  expect(letter?.error).toMatchObject({ name: 'AttemptTimeoutError', code: 'ATTEMPT_TIMEOUT' })
})

test('a handler that sleeps on the clock of the test is passed through without waiting', async () => {
  const slept: number[] = []
  const sleepy = handler(OrderPlaced, { group: 'sleepy', timeout: '2h' }, async () => {
    for (let i = 0; i < 60; i++) await t.clock.sleep('1m')
    slept.push(t.clock.now())
  })
  await using t = await testBus({ handlers: [sleepy], start: 0 })
  await t.publish(OrderPlaced, order)
  const really = performance.now()
  await t.settled()
  expect(slept).toEqual([3_600_000])
  expect(performance.now() - really).toBeLessThan(1000)
})

test('handlers that wait for something real are waited for, before any virtual time passes', async () => {
  const server = createServer((_request, response) => setTimeout(() => response.end('paid'), 60))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const answers: string[] = []
  const calling = handler(OrderPlaced, { group: 'calling', timeout: '1s' }, async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`)
    answers.push(await response.text())
    await new Promise((resolve) => setTimeout(resolve, 60))
    answers.push('waited')
  })
  await using t = await testBus({ handlers: [calling] })
  const begun = t.clock.now()
  await t.publish(OrderPlaced, order)
  await t.settled()
  server.close()
  server.closeAllConnections()
  expect(answers).toEqual(['paid', 'waited'])
  expect(t.clock.now()).toBe(begun)
  expect(t.attempts(OrderPlaced).length).toBe(1)
})

test('a program that never comes to rest is an error that names what goes on', async () => {
  const Tick = defineEvent('clock.tick', z.object({}))
  const ticking = handler(Tick, { group: 'ticking' }, async () => {
    await t.publish(Tick, {}, { delay: '1s' })
  })
  await using t = await testBus({ handlers: [ticking] })
  await t.publish(Tick, {})
  const error = await t.settled({ maxTimers: 100 }).then(
    () => undefined,
    (reason: NotSettledError) => reason,
  )
  expect(error).toMatchObject({ code: 'NOT_SETTLED' })
  expect(error!.message).toContain('did not come to rest within 100 timers: 1 timers wait, the next one for 1000ms')
})

test('a storm without any delay is bounded by real time', async () => {
  const Ping = defineEvent('ping', z.object({}))
  const pinging = handler(Ping, { group: 'pinging' }, async () => {
    await t.publish(Ping, {})
  })
  await using t = await testBus({ handlers: [pinging] })
  await t.publish(Ping, {})
  await expect(t.settled({ timeout: 50 })).rejects.toThrow('did not come to rest within 50ms of real time')
})

test('several events of several keys, failing here and there, all come to their end', async () => {
  const handled: string[] = []
  const slow = handler(OrderPlaced, { group: 'slow', concurrency: 3 }, async ({ data }) => {
    await t.clock.sleep(100)
    handled.push(`${data.orderId}/${data.quantity}`)
  })
  await using t = await testBus({ handlers: [slow] })
  t.failNext('slow', 4)
  for (let i = 0; i < 12; i++) await t.publish(OrderPlaced, { orderId: `o-${i % 4}`, quantity: 1 + i })
  await t.settled()
  expect(handled.toSorted()).toEqual(Array.from({ length: 12 }, (_, i) => `o-${i % 4}/${1 + i}`).toSorted())
  for (let key = 0; key < 4; key++) {
    const numbers = handled.flatMap((each) => (each.startsWith(`o-${key}/`) ? [Number(each.slice(4))] : []))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  }
})

test('batch handlers are attempted, failed and retried like others', async () => {
  const batches: number[] = []
  const bulk = handler(
    OrderPlaced,
    { group: 'bulk', batch: { size: 2, wait: '1s' } },
    (events) => void batches.push(events.length),
  )
  await using t = await testBus({ handlers: [bulk] })
  t.failNext('bulk', 1)
  await t.publish(OrderPlaced, { orderId: 'a', quantity: 1 })
  await t.publish(OrderPlaced, { orderId: 'b', quantity: 1 })
  await t.settled()
  expect(t.handled(OrderPlaced, 'bulk').length).toBe(2)
  expect(batches).toEqual([1, 1])
  expect(t.attempts(OrderPlaced, 'bulk').map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
    [1, 'failed'],
    [1, 'failed'],
    [2, 'handled'],
    [2, 'handled'],
  ])
})

test('a handler that returns a promise of another make is waited for', async () => {
  const slept: number[] = []
  const querying = handler(OrderPlaced, { group: 'querying' }, () => ({
    // oxlint-disable-next-line unicorn/no-thenable
    then: (resolve: () => void) =>
      t.clock.after(500, () => {
        slept.push(t.clock.now())
        resolve()
      }),
  }))
  await using t = await testBus({ handlers: [querying], start: 0 })
  await t.publish(OrderPlaced, order)
  await t.settled({ advance: false })
  expect(t.attempts(OrderPlaced).map(({ outcome }) => outcome)).toEqual(['running'])
  await t.settled()
  expect([slept, t.handled(OrderPlaced).length]).toEqual([[500], 1])
})

test('a request is answered', async () => {
  const Answer = defineEvent('answer', z.object({ text: z.string() }))
  const answering = handler(OrderPlaced, { group: 'answering' }, (_event, { reply }) => reply(Answer, { text: 'yes' }))
  await using t = await testBus({ handlers: [answering] })
  const answer = await t.request(OrderPlaced, order, { reply: Answer })
  expect(answer.data.text).toBe('yes')
})

test('events bear the virtual time', async () => {
  await using t = await testBus({ start: '2030-05-01T12:00:00Z' })
  const event = await t.publish(OrderPlaced, order)
  expect(event.time).toBe('2030-05-01T12:00:00.000Z')
})

test('an observer of the test is told as well, with its own `this`', async () => {
  class Counter {
    #count = 0
    get count(): number {
      return this.#count
    }
    handled(): void {
      this.#count++
    }
    deadLettered(): void {
      this.#count += 10
    }
  }
  const observer = new Counter()
  await using t = await testBus({ handlers: [billing], observer })
  await t.publish(OrderPlaced, order)
  await t.settled()
  t.failNext('billing', 5)
  await t.publish(OrderPlaced, order)
  await t.settled()
  expect(observer.count).toBe(11)
})

test('closing ends also while a handler waits for the virtual time, or for nothing at all', async () => {
  const stuck = handler(OrderPlaced, { group: 'stuck' }, () => new Promise(() => {}))
  const t = await testBus({ handlers: [stuck] })
  await t.publish(OrderPlaced, order)
  await t.close()
  await t.close()
  expect((await t.bus.health()).status).toBe('closed')
})
