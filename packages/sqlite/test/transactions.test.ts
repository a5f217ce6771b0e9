import { createRequire } from 'node:module'
import { type Bus, createBus, type DeadLetter, handler, type Observer } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { sqlite, sqliteTransaction, type SqliteTransaction } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { onBetterSqlite3 } from './fixtures/on-better-sqlite3.ts'

const Taken = defineEvent('test.payment.taken', { schema: z.object({ n: z.int() }), key: ({ n }) => n })
const Booked = defineEvent('test.payment.booked', z.object({ n: z.int() }))
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => {
  tmp = fileInTmp()
  const database = new DatabaseSync(tmp.file)
  database.exec('CREATE TABLE bookings (n INTEGER PRIMARY KEY)')
  database.close()
})
afterEach(() => tmp.remove())

function bookings(): number[] {
  const database = new DatabaseSync(tmp.file)
  try {
    return database
      .prepare('SELECT n FROM bookings ORDER BY n')
      .all()
      .map((row) => Number(row['n']))
  } finally {
    database.close()
  }
}

interface Tested {
  readonly bus: Bus
  readonly booked: number[]
  readonly errors: unknown[]
}

describe.each([
  ['node:sqlite', sqlite],
  ['better-sqlite3', onBetterSqlite3],
])('by %s', (_, open) => {
  /** A ledger that books payments in the commit of their event, and tells each. */
  async function ledger(
    work: (tx: SqliteTransaction, n: number, attempt: number) => unknown,
    attempts = 3,
  ): Promise<Tested> {
    const booked: number[] = []
    const errors: unknown[] = []
    const observer: Observer = { failed: ({ error }) => void errors.push(error) }
    const bus = await createBus({
      source: '/test',
      transport: open({ file: tmp.file }),
      log: false,
      observer,
      handlers: [
        handler(
          Taken,
          { group: 'ledger', idempotent: true, transaction: sqliteTransaction, retry: { attempts, delay: '10ms' } },
          async ({ data }, context) => {
            await context.publish(Booked, data)
            context.transaction((tx) => work(tx, data.n, context.attempt) as never)
          },
        ),
        handler(Booked, { group: 'told' }, ({ data }) => void booked.push(data.n)),
      ],
    })
    return { bus, booked, errors }
  }

  test('INVARIANT: writes, effects, mark and acknowledgement are one commit, and one that throws is undone alone', async () => {
    const { bus, booked, errors } = await ledger((tx, n, attempt) => {
      tx.run('INSERT INTO bookings VALUES (?)', n)
      if (n % 10 === 3 && attempt < 3) throw new Error(`not ${n}`)
    })
    await Promise.all(Array.from({ length: 100 }, (_, n) => bus.publish(Taken, { n })))
    await bus.idle({ timeout: '20s' })
    await bus.close()
    const all = Array.from({ length: 100 }, (_, n) => n)
    expect(bookings()).toEqual(all)
    // No attempt that failed has told anything.
    expect(booked.toSorted((a, b) => a - b)).toEqual(all)
    expect(errors).toHaveLength(20)
  })

  test('a write that always fails leaves nothing but a dead letter with the reason', async () => {
    const { bus, booked } = await ledger((tx, n) => {
      tx.run('INSERT INTO bookings VALUES (?)', n)
      tx.run('INSERT INTO bookings VALUES (?)', n)
    })
    await bus.publish(Taken, { n: 1 })
    await bus.idle({ timeout: '20s' })
    const letters: DeadLetter[] = []
    for await (const letter of bus.deadLetters.list()) letters.push(letter)
    await bus.close()
    expect([bookings(), booked]).toEqual([[], []])
    expect(letters).toMatchObject([{ reason: 'attempts-exhausted', attempts: 3, error: { code: 'SQLITE_FAILED' } }])
    expect(letters[0]!.error!.message).toMatch(/UNIQUE constraint failed: bookings\.n/)
  })

  test('what awaits between begin and commit is refused with the way out', async () => {
    const { bus, errors } = await ledger(async (tx, n) => void tx.run('INSERT INTO bookings VALUES (?)', n), 1)
    await bus.publish(Taken, { n: 1 })
    await bus.idle({ timeout: '20s' })
    await bus.close()
    expect(bookings()).toEqual([])
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/`work` must be a function without await/) }),
    ])
  })

  test('a transaction that is used when its function has returned is refused', async () => {
    let kept: SqliteTransaction | undefined
    const { bus } = await ledger((tx, n) => {
      kept = tx
      tx.run('INSERT INTO bookings VALUES (?)', n)
      expect(tx.get('SELECT n FROM bookings')).toEqual([n])
      expect(tx.all('SELECT n FROM bookings')).toEqual([[n]])
    })
    await bus.publish(Taken, { n: 1 })
    await bus.idle({ timeout: '20s' })
    expect(() => kept!.run('DELETE FROM bookings')).toThrow(/`transaction` must be used while its function runs/)
    await bus.close()
    expect(bookings()).toEqual([1])
  })
})

test('only who asks for it has a transaction', () => {
  handler(Taken, { group: 'ledger', transaction: sqliteTransaction }, (_, { transaction }) => {
    expectTypeOf(transaction).parameter(0).parameter(0).toEqualTypeOf<SqliteTransaction>()
  })
  // @ts-expect-error There is none without the option.
  handler(Taken, { group: 'ledger' }, (_, { transaction }) => transaction)
})
