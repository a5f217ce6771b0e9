import { handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import {
  type FaultRates,
  simulate,
  type Simulated,
  simulatedTransactions,
  type SimulatedTransaction,
} from '../src/simulate/index.ts'
import { failureOf, none, type Sabotage, sabotaged } from './support/simulating.ts'

// Thousands of runs are computing time, which a busy machine has less of.
vi.setConfig({ testTimeout: 60_000 })

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string() }),
  key: (order) => order.orderId,
})
const PaymentTaken = defineEvent('payment.taken', z.object({ orderId: z.string() }))

const orders = ['o-1', 'o-2', 'o-3']
const transaction = simulatedTransactions

function add(tx: SimulatedTransaction, key: string): void {
  tx.set(key, Number(tx.get(key) ?? 0) + 1)
}

/** Counts each order in the database, and tells of its payment. */
const counting = (idempotent: boolean, sabotage?: Sabotage): Simulated<object> => ({
  brokers: ['store'],
  world: () => ({}),
  start: (_world, { pause }) => ({
    handlers: [
      handler(OrderPlaced, { group: 'counting', idempotent, transaction }, async ({ data }, context) => {
        context.transaction((tx) => add(tx, data.orderId))
        await pause('5ms')
        await context.publish(PaymentTaken, { orderId: data.orderId })
        context.transaction((tx) => add(tx, 'all'))
      }),
    ],
    ...(sabotage ? { transport: sabotaged(sabotage) } : {}),
  }),
  drive: async ({ publish }) => {
    for (const orderId of orders) await publish(OrderPlaced, { orderId })
  },
  invariants: {
    'each is counted once': (_world, { database }) =>
      expect(Object.fromEntries(database)).toEqual({ 'o-1': 1, 'o-2': 1, 'o-3': 1, all: 3 }),
    'each payment is told once': (_world, run) => run.published(PaymentTaken).length === 3,
  },
})

/** Nothing comes twice: a client publishes again what was not confirmed. */
const once: Partial<FaultRates> = { duplicate: 0, loseConfirm: 0 }

test('INVARIANT: what is written in the commit of a settlement is there once, wherever the process dies', async () => {
  const { faults } = await simulate(counting(false), { faults: { ...once, crash: 0.05 } })
  for (const kind of ['commit crash-before', 'commit crash-after', 'handle fail-after', 'pause crash']) {
    expect(Object.keys(faults)).toContain(kind)
  }
})

test('INVARIANT: with a mark it is there once although events come twice and confirms are lost', async () => {
  const { faults } = await simulate(counting(true))
  for (const kind of ['commit duplicate', 'commit confirm-lost', 'commit lost', 'clientPublish confirm-lost']) {
    expect(Object.keys(faults)).toContain(kind)
  }
})

test('without a mark an event that comes twice is counted twice, and found', async () => {
  const { failure } = await failureOf(counting(false), { faults: { ...none, duplicate: 0.1 } })
  expect(failure.invariant).toBe('each is counted once')
  expect(failure.decisions.map(([place]) => place.split(' ')[0])).toEqual(['commit'])
})

test('a broker that commits without the mark is found', async () => {
  const settle: Sabotage['settle'] = (settlement, real) =>
    real.settle(settlement.as === 'handled' ? { ...settlement, mark: undefined } : settlement)
  const { failure } = await failureOf(counting(true, { settle }), { faults: { ...none, duplicate: 0.1 } })
  expect(failure.reason).toMatch(/^group counting is called with order.placed#\d, which it has handled and marked$/)
})

test('a broker that commits without the writes is found', async () => {
  const settle: Sabotage['settle'] = (settlement, real) =>
    real.settle(settlement.as === 'handled' ? { ...settlement, work: undefined } : settlement)
  const { failure } = await failureOf(counting(true, { settle }), { faults: none, runs: 1 })
  expect(failure.invariant).toBe('each is counted once')
})

test('a broker that runs the writes a second time, since its commit was not confirmed, is found', async () => {
  const settle: Sabotage['settle'] = async (settlement, real) => {
    if (settlement.as !== 'handled' || settlement.work === undefined) return real.settle(settlement)
    const { work } = settlement
    return real.settle({
      ...settlement,
      work: (tx) => {
        void work(tx)
        void work(tx)
      },
    })
  }
  const { failure } = await failureOf(counting(true, { settle }), { faults: none, runs: 1 })
  expect(failure.invariant).toBe('each is counted once')
})

test('a work that throws undoes this event alone, and fails the attempt', async () => {
  await simulate(
    {
      ...counting(true),
      start: () => ({
        handlers: [
          handler(
            OrderPlaced,
            { group: 'counting', transaction, retry: { attempts: 3 } },
            async ({ data }, context) => {
              context.transaction((tx) => add(tx, data.orderId))
              await context.publish(PaymentTaken, { orderId: data.orderId })
              context.transaction((tx) => {
                if (data.orderId === 'o-2') throw new Error('no such row')
                add(tx, 'all')
              })
            },
          ),
        ],
      }),
      invariants: {
        'the others are there': (_world, { database }) =>
          expect(Object.fromEntries(database)).toEqual({ 'o-1': 1, 'o-3': 1, all: 2 }),
        'it is parked with its error, and has no effect': (_world, run) => {
          expect(run.deadLetters.map(({ attempts, error }) => [attempts, error?.message])).toEqual([[3, 'no such row']])
          expect(run.published(PaymentTaken).map(({ data }) => data.orderId)).toEqual(['o-1', 'o-3'])
        },
      },
    },
    { faults: { ...none, crash: 0.05, restart: 0.05 }, runs: 300 },
  )
})

test('what a transaction reads and writes are copies, and it ends with its work', async () => {
  const rows = { list: [1] }
  let leaked: SimulatedTransaction | undefined
  await simulate(
    {
      ...counting(false),
      start: () => ({
        handlers: [
          handler(OrderPlaced, { group: 'counting', transaction }, ({ data }, context) =>
            context.transaction((tx) => {
              leaked = tx
              tx.set('rows', rows)
              rows.list.push(2)
              expect(tx.get('rows')).toEqual({ list: [1] })
              rows.list.pop()
              tx.set(data.orderId, [...tx.keys()].length)
              expect([tx.has(data.orderId), tx.delete(data.orderId), tx.has(data.orderId)]).toEqual([true, true, false])
            }),
          ),
        ],
      }),
      invariants: {
        'the rows are there': (_world, { database }) =>
          expect(Object.fromEntries(database)).toEqual({ rows: { list: [1] } }),
      },
    },
    { faults: none, runs: 1 },
  )
  expect(() => leaked!.get('rows')).toThrow('the transaction has ended')
})

test('a work that waits is refused: nothing can be awaited within the commit', async () => {
  await simulate(
    {
      ...counting(false),
      start: () => ({
        handlers: [
          handler(OrderPlaced, { group: 'counting', transaction, retry: false }, (_event, context) =>
            context.transaction(async (tx) => {
              await Promise.resolve()
              tx.set('late', true)
            }),
          ),
        ],
      }),
      invariants: {
        'it is given up, with nothing written': (_world, { deadLetters, database }) => {
          expect(deadLetters.length).toBe(3)
          expect(deadLetters[0]?.error?.message).toContain('a work of `transaction` returned a promise')
          expect(database.size).toBe(0)
        },
      },
    },
    { faults: none, runs: 1 },
  )
})

test('a handler with a transaction is refused on a broker without; `brokers` says which it is made for', async () => {
  const { brokers: _store, ...anywhere } = counting(true)
  const { failure } = await failureOf(anywhere)
  expect(failure.invariant).toBe('the process starts')
  expect(failure.reason).toContain('transactions')
  await expect(simulate({ ...anywhere, brokers: [] })).rejects.toThrow(
    '`brokers` of simulate must be some of store, queue',
  )
  await expect(simulate({ ...anywhere, brokers: ['disk' as never] })).rejects.toThrow('received ["disk"]')
})

/** A client that writes each order and publishes it in one commit. */
const placing = (transact: 'together' | 'apart'): Simulated<object> => ({
  brokers: ['store'],
  world: () => ({}),
  start: () => ({
    handlers: [
      handler(OrderPlaced, { group: 'counting', idempotent: true, transaction }, ({ data }, context) =>
        context.transaction((tx) => add(tx, `handled ${data.orderId}`)),
      ),
    ],
  }),
  async drive(client) {
    for (const orderId of orders) {
      try {
        await client.transaction(transaction, async (outbox) => {
          outbox.transaction((tx) => add(tx, `placed ${orderId}`))
          if (transact === 'together') await outbox.publish(OrderPlaced, { orderId })
        })
        if (transact === 'apart') await client.publish(OrderPlaced, { orderId })
      } catch (error) {
        // It is there as a whole, or not at all; which of them nobody knows.
        if ((error as { code?: unknown }).code !== 'OUTCOME_UNKNOWN') throw error
      }
    }
  },
  invariants: {
    'what is written is published, once': (_world, { database }) =>
      expect(orders.map((order) => database.get(`placed ${order}`))).toEqual(
        orders.map((order) => database.get(`handled ${order}`)),
      ),
  },
})

test('INVARIANT: what a client writes and publishes in one transaction is there together or not at all', async () => {
  const { faults } = await simulate(placing('together'))
  for (const kind of ['clientPublish lost', 'clientPublish confirm-lost', 'commit crash-before']) {
    expect(Object.keys(faults)).toContain(kind)
  }
})

test('a client that writes first, and publishes then, is found', async () => {
  const { failure } = await failureOf(placing('apart'), { faults: { ...none, loseConfirm: 0.2 } })
  expect(failure.invariant).toBe('what is written is published, once')
})
