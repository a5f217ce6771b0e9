import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { type AnyHandler, createBus, handler, memory, memoryInbox, type Transport } from '../src/index.ts'
import { altered, alteredDelivery } from './support/altered.ts'
import { Life } from './support/life.ts'
import { ManualClock, quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'
import { stepwise } from './support/stepwise.ts'
import { type Database, database, inDatabase, type Transaction } from './support/transactional.ts'

// Programs for each test. For more of them: TIDINGS_MODEL_RUNS=20000 pnpm test transactions.test.ts
const numRuns = Number(process.env['TIDINGS_MODEL_RUNS'] ?? 200)

const retry = { attempts: 3, delay: 10, jitter: false } as const
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
    expect(refused).toMatchObject([{ code: 'ATTEMPT_OVER' }])
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
      transaction((tx) => expectTypeOf(tx).toEqualTypeOf<Transaction>())
      // @ts-expect-error -- a database has no such thing
      transaction((tx) => tx.subtract('paid', 1))
    })
    // @ts-expect-error -- only who asks for it has it
    handler(OrderPlaced, { group: 'g' }, (_event, { transaction }) => transaction(() => {}))
    // @ts-expect-error -- nor without any options
    handler(OrderPlaced, (_event, { transaction }) => transaction(() => {}))
  })

  test('is refused at start-up by a transport that cannot, or is another one', async () => {
    const paying = handler(OrderPlaced, { group: 'billing', transaction: inDatabase }, () => {})
    await expect(createBus({ source: '/shop', transport: memory(), handlers: [paying] })).rejects.toThrow(
      'the transport memory lacks transactions (wanted by handler billing: a transaction of database)',
    )
    const elsewhere = handler(
      OrderPlaced,
      { group: 'billing', transaction: { transport: 'elsewhere' } },
      () => {},
    )
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
  readonly events: readonly { readonly key: number; readonly failures: readonly ('handler' | 'work')[]; readonly twice: boolean }[]
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
async function publishAll(bus: Awaited<ReturnType<typeof createBus>>, { events }: Program): Promise<void> {
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

describe('INVARIANT: a process that dies between any two steps of a settlement loses nothing', () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} }

  test.each(kinds)(
    'and with `transaction`, on a database that is %s, its handlers act exactly once, in order',
    async (_kind, made: () => Database) => {
      const run = async (program: Program): Promise<void> => {
        const { transport, rows, crashAt } = made()
        const clock = new ManualClock()
        const shared = { source: '/shop', transport, clock, random: () => 0, log: silent, observer: {} }
        const order: number[] = []
        const failed = new Map<number, number>()
        const handlers = (): AnyHandler[] => [
          handler(
            OrderPlaced,
            {
              group: 'billing',
              idempotent: true,
              concurrency: program.concurrency,
              retry: { attempts: 20, delay: 10 },
              transaction: inDatabase,
            },
            async ({ data }, { publish, transaction }) => {
              const { failures } = program.events[data.order]!
              const failure = failures[failed.get(data.order) ?? 0]
              if (failure !== undefined) failed.set(data.order, (failed.get(data.order) ?? 0) + 1)
              transaction((tx) => {
                tx.add(`billed ${data.order}`, 1)
                if (failure === 'work') throw new Error('the work failed')
              })
              await publish(PaymentTaken, { order: data.order })
              if (failure === 'handler') throw new Error('the handler failed')
            },
          ),
          handler(
            PaymentTaken,
            { group: 'ledger', transaction: inDatabase },
            ({ data }, { transaction }) => transaction((tx) => tx.add(`paid ${data.order}`, 1)),
          ),
        ]
        const publisher = await createBus(shared)
        const first = await createBus({ ...shared, handlers: handlers() })
        await first.close()
        await publishAll(publisher, program)
        for (const step of program.crashes) {
          const died = crashAt(step)
          const bus = await createBus({ ...shared, handlers: handlers() })
          await Promise.race([died, rest(clock)])
          // One that lives still comes to its end.
          await bus.close()
        }
        const last = await createBus({ ...shared, handlers: handlers() })
        await rest(clock)
        expect(await last.deadLetters.count()).toBe(0)
        for (const n of program.events.keys()) {
          expect([n, rows.get(`billed ${n}`), rows.get(`paid ${n}`)]).toEqual([n, 1, 1])
        }
        await last.close()
        await publisher.close()
        void order
      }
      await fc.assert(fc.asyncProperty(programs, run), { numRuns })
    },
    600_000,
  )
})

void altered
void alteredDelivery
void Life
void stepwise
type _Unused = Transport
