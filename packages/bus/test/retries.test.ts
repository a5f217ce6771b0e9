import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { handler, type HandlerOptions, memory, PermanentError } from '../src/index.ts'
import { altered } from './support/altered.ts'
import { logTransport } from './support/log-transport.ts'
import { connectTo, quiet } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, testedBus } from './support/shop.ts'

/** A handler that fails so often for each key, and notes each attempt with its time. */
function failing(times: number, options: HandlerOptions = {}) {
  const calls: { order: number; attempt: number; at: number }[] = []
  let now = (): number => 0
  const bound = handler(
    OrderPlaced,
    { group: 'g', retry: { delay: '1s', jitter: false }, ...options },
    ({ data: { order } }, { attempt }) => {
      calls.push({ order, attempt, at: now() })
      if (attempt <= times) throw new Error(`busy ${attempt}`)
    },
  )
  return { bound, calls, follow: (clock: { now(): number }) => (now = () => clock.now() - Date.UTC(2026, 0, 1)) }
}

describe('where the member holds what waits', () => {
  test('INVARIANT: an event that waits, and all that stands behind it, holds up no other key', async () => {
    const seen: string[] = []
    await using tested = await testedBus({
      transport: logTransport().transport,
      deadLetters: (await connectTo(memory())).connection.deadLetters,
      handlers: [
        handler(
          OrderPlaced,
          { group: 'g', prefetch: 2, concurrency: 2, retry: { delay: '1m', jitter: false } },
          (event) => {
            seen.push(`${event.data.order} ${event.data.item}`)
            if (seen.length === 1) throw new Error('once')
          },
        ),
      ],
    })
    for (let n = 0; n < 10; n++) await tested.bus.publish(OrderPlaced, { order: 1, item: `${n}` })
    await tested.bus.publish(OrderPlaced, { order: 2, item: 'other' })
    await quiet()
    expect(seen).toEqual(['1 0', '2 other'])
    await tested.pass(120_000)
    expect(seen.slice(2)).toEqual(Array.from({ length: 10 }, (_, n) => `1 ${n}`))
  })

  test('INVARIANT: there is a bound to it', async () => {
    let handed = 0
    const { transport } = logTransport()
    await using tested = await testedBus({
      transport: altered(transport, (connection) => ({
        subscribe: (request, deliver, signal) =>
          connection.subscribe(request, (delivery) => (handed++, deliver(delivery)), signal),
      })),
      deadLetters: (await connectTo(memory())).connection.deadLetters,
      handlers: [
        handler(OrderPlaced, { group: 'g', prefetch: 2, concurrency: 2, retry: { delay: '1m' } }, () => {
          throw new Error('always')
        }),
      ],
    })
    for (let order = 0; order < 100; order++) await tested.bus.publish(OrderPlaced, { order })
    await quiet()
    expect(handed).toBe(22)
    expect((await tested.bus.health()).groups).toMatchObject([{ retrying: 22, waiting: 100 }])
  })
})

describe('retries', () => {
  test('a failed attempt is made again after waits that grow', async () => {
    const { bound, calls, follow } = failing(3)
    await using tested = await testedBus({ handlers: [bound] })
    follow(tested.clock)
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(20_000)
    expect(calls).toEqual([
      { order: 1, attempt: 1, at: 0 },
      { order: 1, attempt: 2, at: 1000 },
      { order: 1, attempt: 3, at: 3000 },
      { order: 1, attempt: 4, at: 7000 },
    ])
    expect(tested.hooks('failed')).toMatchObject([{ retryIn: 1000 }, { retryIn: 2000 }, { retryIn: 4000 }])
    expect(tested.hooks('deadLettered')).toEqual([])
  })

  test.each([
    ['a key', OrderPlaced, OrderPlaced.create({ order: 1 }, { source: '/shop' })],
    ['no key', ShelfScanned, ShelfScanned.create({ shelf: 1 }, { source: '/shop' })],
  ])('an event with %s is given up after its attempts, with what is known of them', async (_, definition, event) => {
    let calls = 0
    const bound = handler(definition, { group: 'g', retry: { attempts: 3, delay: '1s', jitter: false } }, () => {
      calls++
      throw new TypeError(`broken ${calls}`)
    })
    await using tested = await testedBus({ handlers: [bound] })
    await tested.bus.publish(event)
    await tested.pass(10_000)
    expect(calls).toBe(3)
    expect(tested.hooks('deadLettered')).toMatchObject([
      {
        group: 'shop.g',
        reason: 'attempts-exhausted',
        error: { name: 'TypeError', message: 'broken 3' },
        attempts: 3,
        firstFailedAt: '2026-01-01T00:00:00.000Z',
        lastFailedAt: '2026-01-01T00:00:03.000Z',
        message: { attributes: { id: event.id }, headers: {} },
      },
    ])
  })

  test('a permanent error is not tried again, neither wrapped nor one that says retryable: false', async () => {
    const thrown = [
      new PermanentError('card declined'),
      Object.assign(new Error('gone'), { retryable: false }),
      new Error('the order failed', {
        cause: new Error('the payment failed', { cause: new PermanentError('declined') }),
      }),
    ]
    let calls = 0
    await using tested = await testedBus({
      handlers: [
        handler(OrderPlaced, { group: 'g' }, () => {
          throw thrown[calls++]!
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.bus.publish(OrderPlaced, { order: 2 })
    await tested.bus.publish(OrderPlaced, { order: 3 })
    await tested.pass(100_000)
    expect(calls).toBe(3)
    expect(tested.hooks('deadLettered')).toMatchObject([
      { reason: 'permanent-error', attempts: 1, error: { name: 'PermanentError', code: 'PERMANENT' } },
      { reason: 'permanent-error', attempts: 1, error: { name: 'Error', message: 'gone' } },
      { reason: 'permanent-error', attempts: 1, error: { name: 'Error', message: 'the order failed' } },
    ])
  })

  test('INVARIANT: a retry holds up later events of its key, and no other key', async () => {
    const { bound, calls } = failing(0)
    const order: string[] = []
    let first = true
    const slow = handler(OrderPlaced, { group: 'slow', retry: { delay: '5s', jitter: false } }, ({ data }) => {
      order.push(`${data.order}${data.item}`)
      if (data.item === 'a' && data.order === 1 && first) {
        first = false
        throw new Error('busy')
      }
    })
    await using tested = await testedBus({ handlers: [slow, bound] })
    for (const item of ['a', 'b'])
      for (const number of [1, 2]) await tested.bus.publish(OrderPlaced, { order: number, item })
    await quiet()
    expect(order).toEqual(['1a', '2a', '2b'])
    expect(calls).toHaveLength(4)
    await tested.pass(5_000)
    expect(order).toEqual(['1a', '2a', '2b', '1a', '1b'])
  })

  test('hundreds of events behind one that is tried again do not hold up other keys', async () => {
    const handled: number[] = []
    let failures = 0
    const bound = handler(
      OrderPlaced,
      { group: 'g', prefetch: 20, retry: { delay: '10s', jitter: false } },
      ({ data }) => {
        if (data.order === 0 && failures++ === 0) throw new Error('busy')
        handled.push(data.order)
      },
    )
    await using tested = await testedBus({ handlers: [bound] })
    for (let i = 0; i < 300; i++) await tested.bus.publish(OrderPlaced, { order: 0 })
    for (let order = 1; order <= 50; order++) await tested.bus.publish(OrderPlaced, { order })
    await quiet(50)
    expect(handled).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
    await tested.pass(10_000)
    expect(handled).toHaveLength(350)
  })

  test("events without a key wait for their retry at the broker, in nobody's way", async () => {
    let down = true
    const handled: number[] = []
    const bound = handler(
      ShelfScanned,
      { group: 'g', prefetch: 10, retry: { delay: '10s', jitter: false } },
      ({ data }) => {
        if (down && data.shelf < 100) throw new Error('down')
        handled.push(data.shelf)
      },
    )
    await using tested = await testedBus({ handlers: [bound] })
    for (let shelf = 0; shelf < 110; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet(50)
    expect(handled).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109])
    down = false
    await tested.pass(10_000)
    expect(handled).toHaveLength(110)
  })

  test('jitter takes off at most its part, and a wait is never longer than max', () => {
    const policies = fc.record({
      delay: fc.integer({ min: 0, max: 10_000 }),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      max: fc.integer({ min: 0, max: 60_000 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      attempts: fc.integer({ min: 2, max: 20 }),
    })
    const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
    fc.assert(
      fc.property(policies, chance, (retry, random) => {
        const { policy } = handler(OrderPlaced, { group: 'g', retry }, () => {})
        let sum = 0
        for (let attempt = 1; attempt < retry.attempts; attempt++) {
          const full = retry.delay === 0 ? 0 : Math.min(retry.max, retry.delay * retry.factor ** (attempt - 1))
          const wait = policy.backoff(attempt, () => random)
          expect(wait).toBeLessThanOrEqual(full)
          expect(wait).toBeGreaterThanOrEqual(full * (1 - retry.jitter) - 1e-9)
          sum += full
        }
        expect(policy.longestBackoff).toBeCloseTo(sum, 3)
      }),
    )
  })

  test('an attempt that takes too long is aborted by its signal and made again', async () => {
    const reasons: unknown[] = []
    const bound = handler(
      OrderPlaced,
      { group: 'g', timeout: '5s', retry: { delay: '1s', jitter: false } },
      (_event, { signal, attempt }) =>
        attempt === 2
          ? undefined
          : new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => {
                reasons.push(signal.reason)
                reject(new Error('stopped'))
              })
            }),
    )
    await using tested = await testedBus({ handlers: [bound] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(4_900)
    expect(reasons).toEqual([])
    await tested.pass(2_000)
    expect(reasons).toMatchObject([
      { code: 'ATTEMPT_TIMEOUT', message: expect.stringContaining('"shop.g" was not done') },
    ])
    expect(tested.hooks('handled')).toMatchObject([{ attempt: 2 }])
    expect((await tested.bus.health()).groups).toMatchObject([{ overdue: 0, running: 0, held: 0 }])
  })

  test('a handler that ignores its signal counts as overdue until it ends', async () => {
    let end!: () => void
    const bound = handler(
      OrderPlaced,
      { group: 'g', timeout: '1s', retry: false },
      () => new Promise<void>((resolve) => (end = resolve)),
    )
    await using tested = await testedBus({ handlers: [bound] })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_100)
    expect((await tested.bus.health()).groups).toMatchObject([{ overdue: 1, running: 1 }])
    await tested.pass(1_000)
    expect((await tested.bus.health()).groups).toMatchObject([{ overdue: 1, running: 0 }])
    end()
    await quiet()
    expect((await tested.bus.health()).groups).toMatchObject([{ overdue: 0 }])
  })
})
