import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { type Bus, createBus, handler, type Inbox, memory, memoryInbox, type Transport } from '../src/index.ts'
import { altered, alteredDelivery } from './support/altered.ts'
import { Life } from './support/life.ts'
import { ManualClock, quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'
import { stepwise } from './support/stepwise.ts'
import { type Database, database, inDatabase, type Transaction } from './support/transactional.ts'

// Programs for each test. For more of them: TIDINGS_MODEL_RUNS=20000 pnpm test transactions.test.ts
const numRuns = Number(process.env['TIDINGS_MODEL_RUNS'] ?? 200)

const retry = { attempts: 3, delay: 10, jitter: false } as const
/** Asks for what the log would tell else. */
const still = { failed() {}, deadLettered() {}, discarded() {} }
const kinds = [
  ['synchronous', () => database({ sync: true })],
  ['asynchronous', () => database({ sync: false })],
] as const

describe.each(kinds)('a handler with `transaction`, on a database that is %s,', (_kind, made) => {
  test('writes in the commit of its settlement, in the order in which it hands its works over', async () => {
    const { transport, rows } = made()
    const seen: unknown[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(
          OrderPlaced,
          { group: 'billing', transaction: inDatabase },
          async ({ data }, { publish, transaction }) => {
            transaction((tx) => tx.add('paid', data.order))
            await publish(PaymentTaken, { order: data.order })
            transaction((tx) => tx.add('paid', 10 * tx.get('paid')))
            await quiet(2)
            seen.push(rows.get('paid'))
          },
        ),
        handler(PaymentTaken, { group: 'ledger' }, () => void seen.push(rows.get('paid'))),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 7 })
    await tested.pass(100)
    // Nothing while it runs, all by the time that anybody sees an effect.
    expect(seen).toEqual([undefined, 77])
  })

  test('INVARIANT: has no writes of an attempt that failed, whether it or its work did', async () => {
    const { transport, rows } = made()
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(
          OrderPlaced,
          { group: 'billing', retry, idempotent: true, transaction: inDatabase },
          async (_event, { publish, transaction, attempt }) => {
            transaction((tx) => tx.add('paid', 1))
            await publish(PaymentTaken, { order: attempt })
            if (attempt === 1) throw new Error('the handler failed')
            transaction((tx) => {
              tx.add('more', 1)
              if (attempt === 2) throw new Error('the work failed')
            })
          },
        ),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect(tested.hooks('failed')).toMatchObject([
      { attempt: 1, error: { message: 'the handler failed' } },
      { attempt: 2, error: { message: 'the work failed' } },
    ])
    expect([...rows]).toEqual([
      ['paid', 1],
      ['more', 1],
    ])
    const orders = tested.hooks('published').flatMap((event) => (PaymentTaken.is(event) ? [event.data.order] : []))
    expect(orders).toEqual([3])
    expect(tested.hooks('handled')).toHaveLength(1)
  })

  test('INVARIANT: shares its commit with others, of whom each is undone alone', async () => {
    const { transport, rows, commits } = made()
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(
          ShelfScanned,
          { group: 'shelves', concurrency: 64, prefetch: 64, retry: false, transaction: inDatabase },
          ({ data }, { transaction }) => {
            transaction((tx) => {
              tx.add('count', 1)
              tx.add(`shelf ${data.shelf}`, 1)
              if (data.shelf % 8 === 0) throw new Error('broken')
            })
          },
        ),
      ],
    })
    for (let shelf = 0; shelf < 64; shelf++) await tested.bus.publish(ShelfScanned, { shelf })
    await tested.pass(100)
    expect(rows.get('count')).toBe(56)
    expect([rows.has('shelf 8'), rows.has('shelf 9')]).toEqual([false, true])
    expect(await tested.bus.deadLetters.count()).toBe(8)
    expect(Math.max(...commits)).toBeGreaterThan(8)
  })

  test('INVARIANT: writes once for an event that comes twice, also within one commit', async () => {
    const { transport, rows } = made()
    const clock = new ManualClock()
    const counting = handler(
      ShelfScanned,
      { group: 'shelves', idempotent: true, transaction: inDatabase },
      (_event, { transaction }) => transaction((tx) => tx.add('count', 1)),
    )
    await using one = await testedBus({ transport, clock, handlers: [counting] })
    await using two = await testedBus({ transport, clock, handlers: [counting] })
    for (let shelf = 0; shelf < 10; shelf++) {
      const event = await one.bus.publish(ShelfScanned, { shelf })
      await one.bus.publish(event)
      await two.bus.publish(event)
    }
    await quiet()
    expect(rows.get('count')).toBe(10)
    expect(one.hooks('handled').length + two.hooks('handled').length).toBe(10)
    expect(one.hooks('duplicate').length + two.hooks('duplicate').length).toBe(20)
  })

  test('hands nothing over once it has ended', async () => {
    const { transport, rows } = made()
    const refused: unknown[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g', transaction: inDatabase }, (_event, { transaction }) => {
          setImmediate(() => {
            try {
              transaction((tx) => tx.add('paid', 1))
            } catch (error) {
              refused.push(error)
            }
          })
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(refused).toMatchObject([{ code: 'EFFECT_TOO_LATE' }])
    expect([...rows]).toEqual([])
  })

  test('that hands over nothing is settled as any other', async () => {
    const { transport } = made()
    await using tested = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'g', transaction: inDatabase }, () => {})],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(tested.hooks('handled')).toHaveLength(1)
  })
})

describe('a work that returns a promise', () => {
  test('is refused by a synchronous database, in words that say why, and leaves nothing behind', async () => {
    const { transport, rows } = database({ sync: true })
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g', retry, transaction: inDatabase }, (_event, { transaction }) => {
          transaction(async (tx) => {
            tx.add('before', 1)
            await Promise.resolve()
            tx.add('after', 1)
          })
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect([...rows]).toEqual([])
    expect(tested.hooks('deadLettered')).toMatchObject([
      {
        reason: 'permanent-error',
        attempts: 1,
        error: { message: expect.stringContaining('nothing can be awaited within a commit of this database') },
      },
    ])
  })

  test('is awaited by an asynchronous one, before the next work begins', async () => {
    const { transport, rows } = database({ sync: false })
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g', transaction: inDatabase }, (_event, { transaction }) => {
          transaction(async (tx) => {
            await quiet(2)
            tx.add('paid', 2)
          })
          transaction((tx) => tx.add('paid', 10 * tx.get('paid')))
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect([...rows]).toEqual([['paid', 22]])
  })
})

describe('the option `transaction`', () => {
  test('brings `transaction` into the context, typed by what the transport has for it', () => {
    handler(OrderPlaced, { group: 'g', transaction: inDatabase }, (event, { transaction, attempt }) => {
      expectTypeOf(event.data.order).toEqualTypeOf<number>()
      expectTypeOf(attempt).toEqualTypeOf<number>()
      transaction((tx) => {
        expectTypeOf(tx).toEqualTypeOf<Transaction>()
      })
      // @ts-expect-error -- a database has no such thing
      transaction((tx) => tx.subtract('paid', 1))
    })
    // @ts-expect-error -- only who asks for it has it
    handler(OrderPlaced, { group: 'g' }, (_event, { transaction }) => transaction(() => {}))
    // @ts-expect-error -- nor without any options
    handler(OrderPlaced, function named(_event, { transaction }) {
      transaction(() => {})
    })
  })

  test('is refused at start-up by a transport that cannot, or is another one', async () => {
    const paying = handler(OrderPlaced, { group: 'billing', transaction: inDatabase }, () => {})
    await expect(createBus({ source: '/shop', transport: memory(), handlers: [paying] })).rejects.toThrow(
      'the transport memory lacks transactions (wanted by handler billing: a transaction of database)',
    )
    const elsewhere = handler(OrderPlaced, { group: 'billing', transaction: { transport: 'elsewhere' } }, () => {})
    const { transport } = database({ sync: true })
    await expect(createBus({ source: '/shop', transport, handlers: [elsewhere] })).rejects.toThrow(
      'the transport database lacks transactions (wanted by handler billing: a transaction of elsewhere)',
    )
  })

  test('is refused where the bus has an inbox of its own, which would be no part of the commit', async () => {
    const paying = handler(OrderPlaced, { group: 'billing', transaction: inDatabase }, () => {})
    const { transport } = database({ sync: true })
    await expect(
      createBus({ source: '/shop', transport, inbox: memoryInbox(), handlers: [paying] }),
    ).rejects.toMatchObject({ code: 'CAPABILITY_MISSING', message: expect.stringContaining('inbox') })
  })

  test('is refused with a batch, and for what no transport has made', () => {
    const options = { group: 'g', transaction: inDatabase, batch: { size: 2 } } as never
    expect(() => handler(OrderPlaced, options, () => {})).toThrow('`transaction` must be left out with `batch`')
    expect(() => handler(OrderPlaced, { group: 'g', transaction: {} as never }, () => {})).toThrow(
      '`transaction` must be what a transport has for it',
    )
  })

  test('asks for a function', async () => {
    const { transport } = database({ sync: true })
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: false, transaction: inDatabase }, (_event, { transaction }) =>
          transaction('INSERT' as never),
        ),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(tested.hooks('deadLettered')).toMatchObject([{ error: { code: 'INVALID_ARGUMENT' } }])
  })
})

/** What the model does: events, each with the attempts that fail, and the steps at which a process dies. */
interface Program {
  readonly events: readonly {
    readonly key: number
    readonly failures: readonly ('handler' | 'work')[]
    readonly twice: boolean
  }[]
  readonly crashes: readonly number[]
  readonly concurrency: number
}

const programs: fc.Arbitrary<Program> = fc.record({
  events: fc.array(
    fc.record({
      key: fc.nat(3),
      failures: fc.array(fc.constantFrom('handler', 'work'), { maxLength: 2 }),
      twice: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  // No more than an event survives.
  crashes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
})

/** Publishes the events of a program, under their numbers. */
async function publishAll(bus: Bus, { events }: Program): Promise<void> {
  for (const [n, { key, twice }] of events.entries()) {
    const event = await bus.publish(OrderPlaced, { order: n }, { id: String(n), subject: `key-${key}` })
    if (twice) await bus.publish(event)
  }
}

/** Lets time pass until everything has come to rest. */
async function rest(clock: ManualClock): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await quiet(3)
    clock.advance(500)
  }
  await quiet(3)
}

/** The end of a bus, of whose process nobody knows whether it lives. */
async function end(bus: Bus, clock: ManualClock): Promise<void> {
  const closed = bus.close({ timeout: 10 })
  await quiet(5)
  clock.advance(10)
  await closed
}

describe('INVARIANT: a process that dies between any two steps of a settlement loses nothing', () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} }

  test.each(kinds)(
    'and with `transaction`, on a database that is %s, its handlers act exactly once',
    async (_kind, made: () => Database) => {
      const run = async (program: Program): Promise<void> => {
        const { transport, rows, crashAt } = made()
        const clock = new ManualClock()
        const shared = { source: '/shop', transport, clock, random: () => 0, log: silent, observer: still }
        const failed = new Map<number, number>()
        const { concurrency } = program
        const policy = { group: 'billing', idempotent: true, concurrency, retry: { attempts: 20, delay: 10 } } as const
        const handlers = [
          handler(OrderPlaced, { ...policy, transaction: inDatabase }, async ({ data }, { publish, transaction }) => {
            const times = failed.get(data.order) ?? 0
            const failure = program.events[data.order]!.failures[times]
            failed.set(data.order, times + 1)
            transaction((tx) => {
              tx.add(`billed ${data.order}`, 1)
              if (failure === 'work') throw new Error('the work failed')
            })
            await publish(PaymentTaken, { order: data.order })
            if (failure === 'handler') throw new Error('the handler failed')
          }),
          // By the acknowledgement alone, which is in the same commit.
          handler(PaymentTaken, { group: 'ledger', transaction: inDatabase }, ({ data }, { transaction }) =>
            transaction((tx) => tx.add(`paid ${data.order}`, 1)),
          ),
        ]
        const publisher = await createBus(shared)
        await (await createBus({ ...shared, handlers })).close()
        await publishAll(publisher, program)
        for (const step of program.crashes) {
          const died = crashAt(step)
          const bus = await createBus({ ...shared, handlers })
          await Promise.race([died, rest(clock)])
          await end(bus, clock)
        }
        const last = await createBus({ ...shared, handlers })
        await rest(clock)
        const done = [...program.events.keys()].map((n) => [n, rows.get(`billed ${n}`), rows.get(`paid ${n}`)])
        expect(done).toEqual([...program.events.keys()].map((n) => [n, 1, 1]))
        expect(await last.deadLetters.count()).toBe(0)
        await end(last, clock)
        await publisher.close()
      }
      await fc.assert(fc.asyncProperty(programs, run), { numRuns })
    },
    600_000,
  )

  test.each(['the inbox of the transport', 'an inbox of its own'])(
    'and without, step by step, with %s, its effects keep their ids, so that idempotent handlers behind act once',
    async (inbox) => {
      const run = async (program: Program): Promise<void> => {
        const real = memory()
        const clock = new ManualClock()
        const marks = memoryInbox({ clock })
        const shared = { source: '/shop', clock, random: () => 0, log: silent, observer: still }
        const failed = new Map<number, number>()
        const paid: number[] = []
        const billed = new Set<number>()
        const { concurrency } = program
        const policy = { group: 'billing', idempotent: true, concurrency, retry: { attempts: 20, delay: 10 } } as const
        const billing = handler(OrderPlaced, policy, async ({ data }, { publish }) => {
          const times = failed.get(data.order) ?? 0
          const failure = program.events[data.order]!.failures[times]
          failed.set(data.order, times + 1)
          await publish(PaymentTaken, { order: data.order })
          if (failure !== undefined) throw new Error('the handler failed')
          billed.add(data.order)
        })
        const ledger = handler(
          PaymentTaken,
          { group: 'ledger', idempotent: true },
          ({ data }) => void paid.push(data.order),
        )
        const open = async (crashAt: number, died: () => void): Promise<Bus> => {
          const { transport, life } = mortal(real, crashAt, died)
          const own = inbox === 'an inbox of its own' ? { inbox: mortalInbox(marks, life) } : {}
          return createBus({ ...shared, ...own, transport: stepwise(transport), handlers: [billing] })
        }
        const behind = await createBus({ ...shared, transport: real, handlers: [ledger] })
        await (await open(0, () => {})).close()
        await publishAll(behind, program)
        for (const step of program.crashes) {
          let died = (): void => {}
          const dead = new Promise<void>((resolve) => (died = resolve))
          const bus = await open(step, died)
          await Promise.race([dead, rest(clock)])
          await end(bus, clock)
        }
        const last = await open(0, () => {})
        await rest(clock)
        expect(await behind.deadLetters.count()).toBe(0)
        const all = [...program.events.keys()]
        expect([[...billed].toSorted(ascending), paid.toSorted(ascending)]).toEqual([all, all])
        await end(last, clock)
        await end(behind, clock)
      }
      await fc.assert(fc.asyncProperty(programs, run), { numRuns })
    },
    600_000,
  )
})

function ascending(a: number, b: number): number {
  return a - b
}

/** A transport whose connection dies at a step: of what it publishes, parks and settles. */
function mortal(real: Transport, crashAt: number, died: () => void): { transport: Transport; life: Life } {
  let close = (): void => {}
  const life = new Life(crashAt, () => {
    close()
    died()
  })
  const transport = altered(real, (connection) => {
    close = () => void connection.close()
    return {
      close: () => connection.close(),
      publish: (outgoing, patience) => life.live(() => connection.publish(outgoing, patience)),
      subscribe: (request, deliver, signal) =>
        connection.subscribe(
          request,
          (delivery) =>
            deliver(
              alteredDelivery(delivery, { settle: (settlement) => life.live(() => delivery.settle(settlement)) }),
            ),
          signal,
        ),
    }
  })
  return { transport, life }
}

function mortalInbox(inbox: Inbox, life: Life): Inbox {
  return {
    has: (event, group) => life.live(() => inbox.has(event, group)),
    add: (event, group) => life.live(() => inbox.add(event, group)),
  }
}
