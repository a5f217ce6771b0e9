import { describe, expect, expectTypeOf, test } from 'vitest'
import { type Bus, createBus, handler, memory, type Middleware, type OutboxContext } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, PaymentTaken, testedBus } from './support/shop.ts'
import { database, inDatabase, type Transaction } from './support/transactional.ts'

const kinds = [
  ['synchronous', () => database({ sync: true })],
  ['asynchronous', () => database({ sync: false })],
] as const

describe.each(kinds)('bus.transaction, on a database that is %s,', (_kind, made) => {
  test('INVARIANT: writes and publishes together, in the order of the calls, when its function has ended', async () => {
    const { transport, rows } = made()
    const seen: unknown[] = []
    await using tested = await testedBus({
      transport,
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, ({ data }) => void seen.push([data.order, rows.get('orders')])),
      ],
    })
    const { bus } = tested
    const last = await bus.transaction(inDatabase, async ({ publish, transaction }) => {
      await publish(OrderPlaced, { order: 1 })
      transaction((tx) => tx.add('orders', 1))
      await quiet()
      expect([seen, [...rows], tested.hooks('published')]).toEqual([[], [], []])
      const event = await publish(OrderPlaced, { order: 2 })
      transaction((tx) => tx.add('orders', 10 * tx.get('orders')))
      return event
    })
    expect(OrderPlaced.is(last)).toBe(true)
    await tested.pass(100)
    expect(seen).toEqual([
      [1, 11],
      [2, 11],
    ])
    expect(tested.hooks('published')).toHaveLength(2)
  })

  test('INVARIANT: that throws, or whose write throws, has done nothing, and rejects with what was thrown', async () => {
    const { transport, rows } = made()
    const seen: unknown[] = []
    await using tested = await testedBus({
      transport,
      handlers: [handler(OrderPlaced, { group: 'billing' }, ({ data }) => void seen.push(data.order))],
    })
    const broken = new Error('no such table')
    const transactions = Array.from({ length: 9 }, (_, n) =>
      tested.bus.transaction(inDatabase, async ({ publish, transaction }) => {
        transaction((tx) => tx.add('orders', 1))
        void publish(OrderPlaced, { order: n })
        transaction(() => {
          if (n % 3 === 1) throw broken
        })
        if (n % 3 === 2) throw broken
      }),
    )
    const outcomes = await Promise.allSettled(transactions)
    expect(outcomes.map((each) => (each.status === 'rejected' ? each.reason : 'done'))).toEqual(
      Array.from({ length: 3 }, () => ['done', broken, broken]).flat(),
    )
    await tested.pass(100)
    expect([seen, rows.get('orders')]).toEqual([[0, 3, 6], 3])
    expect(tested.hooks('published')).toHaveLength(3)
  })

  test('refuses what does not fit before anything is written, awaited or not', async () => {
    const { transport, rows } = made()
    await using tested = await testedBus({ transport })
    const transaction = (publish: (context: OutboxContext<Transaction>) => unknown): Promise<unknown> =>
      tested.bus.transaction(inDatabase, (context) => {
        context.transaction((tx) => tx.add('orders', 1))
        void publish(context)
      })
    await expect(transaction(({ publish }) => publish(OrderPlaced, { order: 'x' as never }))).rejects.toMatchObject({
      code: 'INVALID_EVENT',
    })
    const large = { note: 'x'.repeat(2 ** 20 + 1) }
    await expect(
      transaction(({ publish }) => publish(OrderPlaced, { order: 1 }, { extensions: large })),
    ).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await expect(
      transaction(({ publish }) => publish(OrderPlaced, { order: 1 }, { causationDepth: 65 })),
    ).rejects.toMatchObject({ code: 'EVENT_STORM' })
    await expect(transaction((context) => context.transaction('write' as never))).rejects.toMatchObject({
      message: expect.stringContaining('`work` must be a function'),
    })
    expect([[...rows], tested.hooks('published')]).toEqual([[], []])
  })

  test('takes nothing more once its function has ended', async () => {
    const { transport, rows } = made()
    await using tested = await testedBus({ transport })
    let kept: OutboxContext<Transaction> | undefined
    await tested.bus.transaction(inDatabase, (context) => {
      kept = context
      context.transaction((tx) => tx.add('orders', 1))
    })
    await expect(kept!.publish(OrderPlaced, { order: 1 })).rejects.toMatchObject({
      code: 'EFFECT_TOO_LATE',
      message: expect.stringContaining('the function of the transaction that it belongs to has ended'),
    })
    expect(() => kept!.transaction((tx) => tx.add('orders', 1))).toThrow(/a write is refused/)
    await kept!.publish(OrderPlaced, { order: 2 }, { immediate: true })
    await quiet()
    expect([...rows]).toEqual([['orders', 1]])
    expect(tested.hooks('published')).toHaveLength(1)
  })

  test('publishes with delay, cause, id and middleware as bus.publish does', async () => {
    const { transport } = made()
    const through: string[] = []
    const stamp: Middleware = {
      name: 'stamp',
      async publish(message, next) {
        await quiet(1)
        through.push(String(message.attributes['type']))
        await next({ ...message, headers: { ...message.headers, stamp: 'yes' } })
      },
      async receive({ message }, next) {
        through.push(message.headers['stamp'] ?? 'none')
        await next(message)
      },
    }
    const seen: unknown[] = []
    await using tested = await testedBus({
      transport,
      middleware: [stamp],
      handlers: [
        handler(PaymentTaken, { group: 'ledger', idempotent: true }, (event) => {
          seen.push([event.data.order, event.causationId, event.causationDepth])
        }),
      ],
    })
    const { bus, clock } = tested
    const cause = OrderPlaced.create({ order: 1 }, { source: '/shop', id: 'cause' })
    for (let time = 0; time < 2; time++) {
      await bus.transaction(inDatabase, ({ publish }) => {
        void publish(PaymentTaken, { order: 1 }, { id: 'once', causationId: cause.id, causationDepth: 3 })
        void publish(PaymentTaken, { order: 2 + time }, { delay: '1s' })
      })
    }
    await quiet(5)
    expect(seen).toEqual([[1, 'cause', 3]])
    clock.advance(1000)
    await quiet(5)
    expect(seen.slice(1)).toEqual([
      [2, undefined, 0],
      [3, undefined, 0],
    ])
    expect(through.filter((what) => what === PaymentTaken.type)).toHaveLength(4)
    expect(through.filter((what) => what === 'none')).toEqual([])
  })

  test('without anything to do is done at once, and one within another is one of its own', async () => {
    const { transport, rows, commits } = made()
    await using tested = await testedBus({ transport })
    const { bus } = tested
    expect(await bus.transaction(inDatabase, () => 7)).toBe(7)
    expect(commits).toEqual([])
    const outer = bus.transaction(inDatabase, async ({ transaction }) => {
      transaction((tx) => tx.add('outer', 1))
      await bus.transaction(inDatabase, (inner) => inner.transaction((tx) => tx.add('inner', 1)))
      throw new Error('given up')
    })
    await expect(outer).rejects.toThrow('given up')
    expect([...rows]).toEqual([['inner', 1]])
  })

  test('is waited for by close(), and refused behind it', async () => {
    const { transport, rows } = made()
    const { bus } = await testedBus({ transport })
    const running = bus.transaction(inDatabase, async ({ publish, transaction }) => {
      await quiet(3)
      await publish(OrderPlaced, { order: 1 })
      transaction((tx) => tx.add('orders', 1))
    })
    await bus.close()
    expect([...rows]).toEqual([['orders', 1]])
    await running
    await expect(bus.transaction(inDatabase, () => {})).rejects.toMatchObject({ code: 'BUS_CLOSED' })
  })
})

test('bus.transaction is refused where the transport has none, or another one, and what is missing is named', async () => {
  await using bus = await createBus({ source: '/shop', transport: memory(), log: false })
  await expect(bus.transaction(inDatabase, () => {})).rejects.toMatchObject({
    code: 'CAPABILITY_MISSING',
    missing: [{ capability: 'transactions', wantedBy: 'bus.transaction: a transaction of database' }],
  })
  await using other = await createBus({ source: '/shop', transport: database({ sync: true }).transport, log: false })
  await expect(other.transaction({ transport: 'sqlite' }, () => {})).rejects.toMatchObject({
    code: 'CAPABILITY_MISSING',
  })
  await expect(other.transaction({} as never, () => {})).rejects.toThrow(/`of` must be what an adapter exports for it/)
  await expect(other.transaction(inDatabase, 7 as never)).rejects.toThrow(/`run` must be a function/)
})

test('a transport that claims transactions and has none is refused at the start', async () => {
  const { capabilities, ...real } = memory()
  const transport = { ...real, capabilities: { ...capabilities, transactions: true } }
  await expect(createBus({ source: '/shop', transport, log: false })).rejects.toThrow(/a connection with `transact`/)
})

test('what is written, published and returned is typed', () => {
  const typed = async (bus: Bus): Promise<void> => {
    const event = await bus.transaction(inDatabase, ({ publish, transaction }) => {
      transaction((tx) => {
        expectTypeOf(tx).toEqualTypeOf<Transaction>()
      })
      // @ts-expect-error -- a database has no such thing
      transaction((tx) => tx.subtract('paid', 1))
      // @ts-expect-error -- no such data
      void publish(OrderPlaced, { order: 'x' })
      return publish(OrderPlaced, { order: 1 })
    })
    expectTypeOf(event.data.order).toEqualTypeOf<number>()
  }
  expect(typed).toBeTypeOf('function')
})
