import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBus, handler } from '@tidings/bus'
import { conformance } from '@tidings/conformance'
import { storeConformance } from '@tidings/conformance/store'
import { defineEvent } from '@tidings/events'
import { betterSqlite3 } from '@tidings/sqlite/better-sqlite3'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite, sqliteTransaction } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { membersOf } from './fixtures/members.ts'
import { onBetterSqlite3 } from './fixtures/on-better-sqlite3.ts'
import { ownTable } from './fixtures/own-table.ts'

const shared = fileInTmp()
const table = ownTable(shared.file, Database)
const transport = onBetterSqlite3({ file: shared.file })
const members = membersOf({
  module: new URL('./fixtures/on-better-sqlite3.ts', import.meta.url),
  name: 'onBetterSqlite3',
  options: { file: shared.file },
})
const skipped = new Set<string>()

afterAll(async () => {
  await members.end()
  shared.remove()
})

describe('the cases of every transport, with members in other processes', () => {
  conformance(
    {
      transport: () => transport,
      // Processes take a while to begin where the machine has much to do.
      within: '30s',
      aggregations: () => transport.aggregations(),
      claimChecks: () => transport.claimChecks(),
      table,
      ...members,
    },
    {
      test: (name, run) => test(name, { timeout: 60_000 }, run),
      concurrent: (name, run) => test.concurrent(name, { timeout: 60_000 }, run),
      skip: (name) => skipped.add(name.slice(0, 3)),
    },
  )
  test('all run but those of a broker, a network, a sink, or a foreign client', () => {
    const noBroker = ['C05', 'C31', 'C65', 'C72', 'C85', 'C86', 'C87']
    const noNetwork = ['C07', 'C29', 'C30', 'C32', 'C35', 'C83', 'C84']
    expect([...skipped].toSorted()).toEqual([...noBroker, ...noNetwork, 'C43', 'C44', 'C94'].toSorted())
  })
})

describe('the cases of every event store', () => {
  const recorder = async () => (await transport.store({ events: [] })).recorder
  storeConformance({ name: 'sqlite', recorder }, { test: (name, run) => test(name, { timeout: 30_000 }, run) })
})

describe('what the drivers could differ in', () => {
  const Placed = defineEvent('test.order.placed', z.object({ n: z.int() }))
  let tmp: ReturnType<typeof fileInTmp>
  const open = (file = tmp.file) => createBus({ source: '/test', transport: onBetterSqlite3({ file }), log: false })

  beforeEach(() => void (tmp = fileInTmp()))
  afterEach(() => tmp.remove())

  test('it is better-sqlite3 that opens the file', async () => {
    const opened: string[] = []
    class Watched extends Database {
      constructor(file: string, options: Database.Options) {
        super(file, options)
        opened.push(file)
      }
    }
    const file = sqlite({ file: tmp.file, driver: betterSqlite3(Watched) })
    await (await file.store({ events: [] })).close()
    expect(opened).toEqual([tmp.file, expect.stringContaining(`${tmp.file}-node-`)])
    expect(() => betterSqlite3(undefined as never)).toThrow(/`Database of better-sqlite3` must be a function/)
    expect(() => sqlite({ file: tmp.file, driver: 'better-sqlite3' as never })).toThrow(/`driver` must be a function/)
  })

  test('its errors are ours', async () => {
    const folder = join(tmp.folder, 'nowhere', 'test.db')
    await expect(open(folder)).rejects.toMatchObject({ code: 'SQLITE_FAILED', file: folder })
    mkdirSync(join(tmp.folder, 'folder.db'))
    await expect(open(join(tmp.folder, 'folder.db'))).rejects.toMatchObject({ code: 'SQLITE_FAILED' })
    writeFileSync(tmp.file, 'a letter to the bank, of some length, so that it is longer than a header'.repeat(50))
    await expect(open()).rejects.toMatchObject({ code: 'SQLITE_CORRUPT', file: tmp.file })
  })

  test('another process that writes for long is waited for, and told beyond `busyTimeout`', async () => {
    const transport = onBetterSqlite3({ file: tmp.file, busyTimeout: '100ms' })
    await using bus = await createBus({ source: '/test', transport, log: false })
    const other = new Database(tmp.file)
    other.exec('BEGIN IMMEDIATE')
    await expect(bus.publish(Placed, { n: 1 })).rejects.toMatchObject({ code: 'SQLITE_BUSY' })
    other.exec('COMMIT')
    await bus.publish(Placed, { n: 1 })
    other.close()
  })

  test('a handler reads what it wrote: integers as numbers, bytes as bytes, and none that is rounded', async () => {
    const rows: unknown[] = []
    const errors: unknown[] = []
    const keep = handler(
      Placed,
      { group: 'keep', transaction: sqliteTransaction, retry: { attempts: 1 } },
      ({ data }, { transaction }) =>
        transaction((tx) => {
          tx.run('CREATE TABLE IF NOT EXISTS kept (n INTEGER, big INTEGER, real REAL, bytes BLOB)')
          const big = BigInt(Number.MAX_SAFE_INTEGER) + BigInt(data.n)
          expect(tx.run('INSERT INTO kept VALUES (?,?,?,?)', data.n, big, 0.5, Uint8Array.of(1, 2))).toBe(1)
          rows.push(tx.get('SELECT n, real, bytes, NULL FROM kept WHERE n = ?', data.n))
          rows.push(tx.all('UPDATE kept SET n = n WHERE n = -1'), tx.get('SELECT 1 WHERE 0'))
          rows.push(tx.get('SELECT big FROM kept WHERE n = ?', data.n))
        }),
    )
    await using bus = await createBus({
      source: '/test',
      transport: onBetterSqlite3({ file: tmp.file }),
      handlers: [keep],
      log: false,
      observer: { failed: ({ error }) => void errors.push(error) },
    })
    await bus.publish(Placed, { n: 0 })
    await bus.idle()
    expect(rows.splice(0)).toEqual([[0, 0.5, Uint8Array.of(1, 2), null], [], undefined, [Number.MAX_SAFE_INTEGER]])
    await bus.publish(Placed, { n: 1 })
    await bus.idle()
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/9007199254740992 is too large for a number/) }),
    ])
  })

  test('a file goes from one driver to the other', async () => {
    const seen: number[] = []
    const see = handler(Placed, { group: 'see' }, ({ data }) => void seen.push(data.n))
    for (const [n, make] of [sqlite, onBetterSqlite3, sqlite].entries()) {
      await using bus = await createBus({
        source: '/test',
        transport: make({ file: tmp.file }),
        handlers: n === 2 ? [see] : [],
        log: false,
      })
      await bus.publish(Placed, { n })
      await bus.idle()
    }
    expect(seen).toEqual([2])
    const all = handler(Placed, { group: 'all', from: 'earliest' }, ({ data }) => void seen.push(data.n))
    await using bus = await createBus({
      source: '/test',
      transport: onBetterSqlite3({ file: tmp.file }),
      handlers: [all],
      log: false,
    })
    await bus.idle()
    expect(seen).toEqual([2, 0, 1, 2])
  })
})
