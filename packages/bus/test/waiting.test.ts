import { defineEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Bus, handler, memory, memoryInbox, type Transport } from '../src/index.ts'
import { flapping } from './support/flapping.ts'
import { all } from './support/letters.ts'
import { connectTo, ManualClock, quiet, RecordingMember, stateOf, until } from './support/recording-member.ts'
import { OrderPlaced, ShelfScanned, testedBus } from './support/shop.ts'

const Page = defineEvent('crawler.page.found', z.object({ depth: z.int(), n: z.int() }))

/** A transport that cannot keep what waits for a retry, so that the bus holds it. */
function withoutRetries(): Transport {
  const real = memory()
  return { ...real, capabilities: { ...real.capabilities, ordering: 'partition', delay: false } }
}

/** An event is bad when its number is even. */
function isBad(n: number): boolean {
  return n % 2 === 0
}

describe('what waits for its next attempt', () => {
  test.each([
    ['with a key of its own', (bus: Bus, n: number) => bus.publish(OrderPlaced, { order: n })],
    ['without a key', (bus: Bus, n: number) => bus.publish(ShelfScanned, { shelf: n })],
  ] as const)('INVARIANT: costs the others nothing, a thousand %s', async (_which, publish) => {
    const clock = new ManualClock()
    const start = clock.now()
    const handled: number[] = []
    await using tested = await testedBus({
      clock,
      handlers: [
        handler([OrderPlaced, ShelfScanned], { group: 'deliveries' }, (event) => {
          const n = OrderPlaced.is(event) ? event.data.order : event.data.shelf
          if (isBad(n)) throw new Error('the customer is away')
          handled.push(clock.now() - start)
        }),
      ],
    })
    for (let n = 0; n < 2000; n++) await publish(tested.bus, n)
    await until(() => handled.length === 1000)
    expect(new Set(handled)).toEqual(new Set([0]))
    const health = await tested.bus.health()
    expect(health).toMatchObject({ status: 'ok', groups: [{ running: 0, held: 0, waiting: 0, retrying: 1000 }] })
    await tested.bus.close()
  })

  test('is held beside the prefetch where the transport cannot keep it, ten times as much', async () => {
    const handled: number[] = []
    await using tested = await testedBus({
      transport: withoutRetries(),
      handlers: [
        handler(
          ShelfScanned,
          { group: 'shelves', concurrency: 2, prefetch: 4, retry: { delay: '1h', max: '1h' } },
          ({ data: { shelf } }) => {
            if (isBad(shelf)) throw new Error('locked')
            handled.push(shelf)
          },
        ),
      ],
    })
    for (let shelf = 0; shelf < 80; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    expect(handled).toHaveLength(40)
    expect((await tested.bus.health()).groups).toMatchObject([{ status: 'ok', running: 0, retrying: 40 }])
    await tested.bus.close()
  })

  test('INVARIANT: is no stall, and says until when it waits', async () => {
    await using tested = await testedBus({
      stalledAfter: '1m',
      handlers: [
        handler(
          OrderPlaced,
          { group: 'billing', retry: { attempts: 2, delay: '10m', max: '10m', jitter: false } },
          () => {
            throw new Error('the bank is closed')
          },
        ),
      ],
    })
    const due = new Date(tested.clock.now() + 600_000).toISOString()
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    await tested.pass(300_000)
    expect(await tested.bus.health()).toMatchObject({
      status: 'ok',
      groups: [{ status: 'ok', retrying: 1, retryAt: due, held: 0, running: 0 }],
    })
    await tested.pass(301_000)
    expect((await tested.bus.health()).groups).toMatchObject([{ retrying: 0, retryAt: undefined }])
    expect(await tested.bus.deadLetters.count()).toBe(1)
  })

  test('INVARIANT: keeps its attempts and its last error through restarts, down to the letter', async () => {
    const clock = new ManualClock()
    const transport = memory()
    const attempts: number[] = []
    const retry = { attempts: 3, delay: '5m', max: '10m', jitter: false } as const
    const opened = () =>
      testedBus({
        clock,
        transport,
        handlers: [
          handler(OrderPlaced, { group: 'billing', retry }, (_event, { attempt }) => {
            attempts.push(attempt)
            throw new TypeError('the bank is closed')
          }),
        ],
      })
    let tested = await opened()
    await tested.bus.publish(OrderPlaced, { order: 1 })
    for (let minute = 0; minute < 20; minute++) {
      clock.advance(60_000)
      await quiet(5)
      await tested.bus.close()
      tested = await opened()
      await quiet(5)
    }
    expect(attempts).toEqual([1, 2, 3])
    expect(await all(tested.bus.deadLetters.list())).toMatchObject([
      { attempts: 3, reason: 'attempts-exhausted', error: { name: 'TypeError', message: 'the bank is closed' } },
    ])
    await tested.bus.close()
  })
})

describe('a full store of dead letters', () => {
  test.each([
    ['park', 'without a key', (bus: Bus) => bus.publish(ShelfScanned, { shelf: 1 })],
    ['park', 'of one key', (bus: Bus) => bus.publish(OrderPlaced, { order: 1 })],
    ['park-key', 'of one key', (bus: Bus) => bus.publish(OrderPlaced, { order: 1 })],
  ] as const)(
    "INVARIANT: lets the replay through that empties it, with '%s' and events %s",
    async (deadLetter, _which, publish) => {
      let isBroken = true
      let handled = 0
      await using tested = await testedBus({
        transport: memory({ maxDeadLetters: 2 }),
        handlers: [
          handler(
            [OrderPlaced, ShelfScanned],
            { group: 'g', retry: false, deadLetter, concurrency: 2, prefetch: 2 },
            () => {
              if (isBroken) throw new Error('broken')
              handled++
            },
          ),
        ],
      })
      for (let n = 0; n < 12; n++) await publish(tested.bus)
      await tested.pass(5_000)
      expect(await tested.bus.deadLetters.count()).toBe(2)
      isBroken = false
      const replay = tested.bus.deadLetters.replay({}, { rate: 1000 })
      await tested.pass(60_000)
      await replay
      expect([handled, await tested.bus.deadLetters.count()]).toEqual([12, 0])
    },
  )

  test('INVARIANT: takes no place from what can be handled', async () => {
    const handled: number[] = []
    await using tested = await testedBus({
      transport: memory({ maxDeadLetters: 1 }),
      handlers: [
        handler(ShelfScanned, { group: 'g', retry: false, concurrency: 2, prefetch: 2 }, ({ data: { shelf } }) => {
          if (isBad(shelf)) throw new Error('broken')
          handled.push(shelf)
        }),
      ],
    })
    for (let shelf = 0; shelf < 40; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await quiet()
    expect(handled).toHaveLength(20)
    expect(tested.log.lines).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('could not be parked') }),
    )
  })
})

test('INVARIANT: a parked key that goes on receiving comes free by a replay', async () => {
  let isBroken = true
  const handled: string[] = []
  await using tested = await testedBus({
    handlers: [
      handler(OrderPlaced, { group: 'g', retry: false, deadLetter: 'park-key' }, ({ id }) => {
        if (isBroken) throw new Error('broken')
        handled.push(id)
      }),
    ],
  })
  let published = 0
  const load = async (): Promise<void> => {
    await tested.bus.publish(OrderPlaced, { order: 1 }, { id: String(published++) })
  }
  for (let n = 0; n < 50; n++) await load()
  await tested.pass(100)
  expect(await tested.bus.deadLetters.count()).toBe(50)
  isBroken = false
  let isReplayed = false
  void tested.bus.deadLetters.replay({}, { rate: 100 }).then(() => (isReplayed = true))
  // Forty a second, which the replay has to catch up with.
  for (let tick = 0; tick < 200; tick++) {
    await load()
    tested.clock.advance(25)
    await quiet(5)
  }
  expect(isReplayed).toBe(true)
  await tested.pass(2_000)
  expect(await tested.bus.deadLetters.count()).toBe(0)
  expect(handled).toEqual(Array.from({ length: published }, (_, n) => String(n)))
})

describe('room in a group', () => {
  test('is not taken by what is delayed: an order of now gets in beside 10,000 reminders for tomorrow', async () => {
    const handled: string[] = []
    await using tested = await testedBus({
      handlers: [handler([OrderPlaced, ShelfScanned], { group: 'crm' }, ({ type }) => void handled.push(type))],
    })
    for (let shelf = 0; shelf < 10_000; shelf++) {
      await tested.bus.publish(ShelfScanned, { shelf }, { delay: '24h' })
    }
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(handled).toEqual([OrderPlaced.type])
    expect(await tested.bus.health()).toMatchObject({
      status: 'ok',
      groups: [{ delayed: 10_000, waiting: 0 }],
      full: [],
    })
  }, 60_000)

  test.each([
    ['of the broker', undefined],
    ['of the application', memoryInbox()],
  ])(
    'INVARIANT: is never waited for by a handler whose effects go round in a circle, with an inbox %s',
    async (_whose, inbox) => {
      let handled = 0
      await using tested = await testedBus({
        transport: memory({ capacity: 20 }),
        inbox,
        handlers: [
          handler(Page, { group: 'crawler', idempotent: true }, async ({ data: { depth, n } }, { publish }) => {
            handled++
            if (depth === 7) return
            for (const next of [2 * n, 2 * n + 1]) await publish(Page, { depth: depth + 1, n: next })
          }),
        ],
      })
      await tested.bus.publish(Page, { depth: 0, n: 0 })
      await until(() => handled === 255)
      expect(tested.hooks('failed')).toEqual([])
    },
  )

  test('is waited for no longer once the bus closes', async () => {
    const tested = await testedBus({
      transport: memory({ capacity: 1 }),
      handlers: [handler(ShelfScanned, { group: 'g', prefetch: 1, concurrency: 1 }, () => quiet(3))],
    })
    const published = [1, 2, 3].map((shelf) => tested.bus.publish(ShelfScanned, { shelf }))
    const codes = Promise.all(
      published.map((each) =>
        each.then(
          () => 'sent',
          (error: { code: string }) => error.code,
        ),
      ),
    )
    const closed = tested.bus.close()
    // Without a moment of its clock.
    expect(await stateOf(closed)).toBe('resolved')
    expect(await codes).toEqual(['sent', 'BUS_CLOSED', 'BUS_CLOSED'])
  })
})

describe('an event that ends its process', () => {
  test.each([true, false])('INVARIANT: is parked alone, keyed: %s', async (isKeyed) => {
    const transport = memory()
    const clock = new ManualClock()
    const type = isKeyed ? OrderPlaced.type : ShelfScanned.type
    const handled: string[] = []
    const healthy = handler([OrderPlaced, ShelfScanned], { group: 'g' }, ({ id }) => void handled.push(id))
    await (await testedBus({ transport, clock, handlers: [healthy] })).bus.close()
    await using publisher = await testedBus({ transport, clock })
    for (let n = 0; n < 60; n++) {
      if (isKeyed) await publisher.bus.publish(OrderPlaced, { order: n }, { id: String(n) })
      else await publisher.bus.publish(ShelfScanned, { shelf: n }, { id: String(n) })
    }
    for (let death = 0; death < 21; death++) {
      const { connection } = await connectTo(transport, clock)
      await RecordingMember.join(connection, { group: 'shop.g', types: [type], prefetch: 50 })
      await quiet(3)
      await connection.close()
    }
    await using tested = await testedBus({ transport, clock, handlers: [healthy] })
    await tested.pass(1_000)
    const letters = await all(tested.bus.deadLetters.list())
    expect(letters).toMatchObject([{ reason: 'unsettled', message: { attributes: { id: '0' } } }])
    expect(handled.toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 59 }, (_, at) => String(at + 1)),
    )
  })

  test('INVARIANT: is not found in a network that breaks 25 times', async () => {
    const { transport, cut } = flapping(memory())
    let isSlow = true
    const handled = new Set<number>()
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(ShelfScanned, { group: 'g' }, async ({ data: { shelf } }, { signal }) => {
          if (isSlow) await new Promise((resolve) => signal.addEventListener('abort', resolve))
          else handled.add(shelf)
        }),
      ],
    })
    for (let shelf = 0; shelf < 10; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    for (let time = 0; time < 25; time++) {
      await quiet(3)
      await cut()
    }
    isSlow = false
    await cut()
    await tested.pass(10_000)
    expect([handled.size, await tested.bus.deadLetters.count()]).toEqual([10, 0])
  })
})

test('`close` waits for a handler whose connection was lost, and `health` shows it', async () => {
  const { transport, cut } = flapping(memory())
  let isDone = false
  let go!: () => void
  const tested = await testedBus({
    transport,
    handlers: [
      handler(ShelfScanned, { group: 'g' }, async (_event, { attempt }) => {
        if (attempt > 1) return
        await new Promise<void>((resolve) => (go = resolve))
        isDone = true
      }),
    ],
  })
  await tested.bus.publish(ShelfScanned, { shelf: 1 })
  await quiet()
  await cut()
  await quiet()
  expect((await tested.bus.health()).groups).toMatchObject([{ running: 1 }])
  const closed = tested.bus.close()
  expect(await stateOf(closed)).toBe('pending')
  go()
  await closed
  expect(isDone).toBe(true)
})
