import { createRequire } from 'node:module'
import { createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { sqlite, sqliteTransaction, type SqliteTransaction } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const Placed = defineEvent('test.order.placed', { schema: z.object({ n: z.int() }), key: () => 'all' })
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => {
  tmp = fileInTmp()
  const database = new DatabaseSync(tmp.file)
  database.exec('CREATE TABLE orders (n INTEGER PRIMARY KEY)')
  database.close()
})
afterEach(() => tmp.remove())

function orders(): number[] {
  const database = new DatabaseSync(tmp.file)
  try {
    return database
      .prepare('SELECT n FROM orders ORDER BY n')
      .all()
      .map((row) => Number(row['n']))
  } finally {
    database.close()
  }
}

const insert = (n: number) => (tx: SqliteTransaction) => void tx.run('INSERT INTO orders VALUES (?)', n)

test('INVARIANT: of many transactions in one commit each has its row and its event, or neither', async () => {
  const seen: number[] = []
  const placed = handler(Placed, { group: 'placed' }, ({ data }) => void seen.push(data.n))
  await using bus = await createBus({
    source: '/test',
    transport: sqlite({ file: tmp.file }),
    handlers: [placed],
    log: false,
  })
  await bus.transaction(sqliteTransaction, ({ transaction }) => transaction(insert(7)))
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, n) =>
      bus.transaction(sqliteTransaction, async ({ publish, transaction }) => {
        transaction(insert(n))
        await publish(Placed, { n })
        return n
      }),
    ),
  )
  // The row of the seventh is there already.
  expect(outcomes[7]).toMatchObject({
    status: 'rejected',
    reason: { code: 'SQLITE_FAILED', message: expect.stringMatching(/UNIQUE constraint failed: orders\.n/) },
  })
  const done = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  await bus.idle({ timeout: '10s' })
  const all = Array.from({ length: 50 }, (_, n) => n)
  expect(done).toEqual(all.filter((n) => n !== 7))
  expect(seen).toEqual(done)
  expect(orders()).toEqual(all)
})

test('what looks as if it were a part of the commit, and is none, fails the write', async () => {
  const file = sqlite({ file: tmp.file })
  await using store = await file.store({ events: [Placed] })
  await using bus = await createBus({ source: '/test', transport: file, log: false })
  const event = Placed.create({ n: 1 }, { source: '/test' })
  for (const misuse of [() => bus.publish(event), () => store.append('order-1', [event])]) {
    let refused: Promise<unknown> | undefined
    const misused = bus.transaction(sqliteTransaction, ({ transaction }) =>
      transaction((tx) => {
        insert(1)(tx)
        refused = misuse().catch((error: unknown) => error)
      }),
    )
    await expect(misused).rejects.toThrow(/`work` must write by the transaction that it is given/)
    expect(await refused).toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
  expect(orders()).toEqual([])
  await bus.transaction(sqliteTransaction, ({ transaction }) => transaction(insert(3)))
  expect(orders()).toEqual([3])
})

test('a transaction of a store and a bus is typed by what the adapter exports', async () => {
  await using bus = await createBus({ source: '/test', transport: sqlite({ file: tmp.file }), log: false })
  const n = await bus.transaction(sqliteTransaction, ({ transaction }) => {
    transaction((tx) => {
      expectTypeOf(tx).toEqualTypeOf<SqliteTransaction>()
    })
    return 5
  })
  expectTypeOf(n).toEqualTypeOf<number>()
  expect(n).toBe(5)
})
