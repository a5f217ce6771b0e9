import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Bus, createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite, SqliteError, sqliteTransaction } from '../src/index.ts'
import { smallDisk } from './fixtures/small-disk.ts'

const Placed = defineEvent('test.order.placed', {
  schema: z.object({ n: z.int(), pad: z.string() }),
  key: ({ n }) => n % 7,
})
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
const disk = smallDisk(24)

let open: Bus | undefined

afterAll(async () => {
  await open?.close({ timeout: 1000 })
  disk?.remove()
})

test.skipIf(disk === undefined)(
  'INVARIANT: on a full disk a publish is refused whole, what was confirmed stays, and it goes on once there is room',
  async () => {
    const { folder } = disk!
    const file = join(folder, 'test.db')
    const filler = join(folder, 'filler')
    const first = new DatabaseSync(file)
    first.exec('CREATE TABLE ledger (n INTEGER NOT NULL)')
    first.close()
    writeFileSync(filler, Buffer.alloc(20 * 1024 * 1024))
    const seen: number[] = []
    const ledger = handler(
      Placed,
      { group: 'ledger', idempotent: true, transaction: sqliteTransaction, retry: { attempts: 2, delay: '20ms' } },
      async ({ data }, { transaction }) => {
        seen.push(data.n)
        // Some end when the disk is full: that is no fault of theirs, and no attempt.
        await new Promise((resolve) => setTimeout(resolve, data.n % 50))
        transaction((tx) => void tx.run('INSERT INTO ledger VALUES (?)', data.n))
      },
    )
    const bus = await createBus({ source: '/test', transport: sqlite({ file }), handlers: [ledger], log: false })
    open = bus
    const confirmed: number[] = []
    const refused: [number, unknown][] = []
    let n = 0
    const round = async (): Promise<void> => {
      const publishing = Array.from({ length: 5 }, async () => {
        const own = n++
        // Of many sizes, so that one may fit where another did not.
        const pad = 'x'.repeat(100 + ((own * 7919) % 30_000))
        try {
          await bus.publish(Placed, { n: own, pad })
          confirmed.push(own)
        } catch (error) {
          refused.push([own, error])
        }
      })
      await Promise.all(publishing)
    }
    while (refused.length < 50) await round()
    const confirmedBefore = confirmed.length
    expect(confirmedBefore).toBeGreaterThan(50)
    for (const [, error] of refused) {
      expect(error).toBeInstanceOf(SqliteError)
      expect(error).toMatchObject({ code: 'SQLITE_FULL', file })
      expect((error as Error).message).toMatch(
        /^there is no room for the file ".*test\.db" on its disk .*\nNothing was/,
      )
    }

    await new Promise((resolve) => setTimeout(resolve, 300))
    expect((await bus.groups.list())[0]).toMatchObject({ parked: 0 })
    rmSync(filler)
    const refusedBefore = refused.length
    for (let more = 0; more < 10; more++) await round()
    expect(refused.length).toBe(refusedBefore)
    await bus.idle({ timeout: '30s' })
    const letters = (await bus.groups.list()).map(({ parked }) => parked)
    await bus.close()

    const database = new DatabaseSync(file)
    const booked = database.prepare('SELECT n FROM ledger').all()
    const published = database.prepare('SELECT count(*) AS n FROM tidings_log').get()
    expect(booked.map((row) => Number(row['n'])).toSorted((a, b) => a - b)).toEqual(confirmed.toSorted((a, b) => a - b))
    expect(published).toEqual({ n: confirmed.length })
    expect(letters).toEqual([0])
    expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    database.close()
    console.log(
      `${confirmedBefore} confirmed, then ${refusedBefore} refused, then ${confirmed.length} confirmed in all`,
    )
    for (const [own] of refused) expect(seen).not.toContain(own)
  },
)
