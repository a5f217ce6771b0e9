import { describe, expect, expectTypeOf, test } from 'vitest'
import { createBus, handler, memory, memoryInbox } from '../src/index.ts'
import { ManualClock, quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, ShelfScanned, testedBus } from './support/shop.ts'
import { database, inDatabase, type Transaction } from './support/transactional.ts'

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
