import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Bus, createBus } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite, SqliteError, type SqliteOptions } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const Placed = defineEvent('test.order.placed', z.object({ n: z.int() }))
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => void (tmp = fileInTmp()))
afterEach(() => tmp.remove())

function open(options: Partial<SqliteOptions> = {}): Promise<Bus> {
  return createBus({
    source: '/test',
    transport: sqlite({ file: tmp.file, ...options }),
    log: false,
    connectTimeout: '5s',
  })
}

async function refusalOf(opening: Promise<unknown>): Promise<SqliteError> {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SqliteError)
  return error as SqliteError
}

describe('a file that cannot be used is refused by name, with what to do', () => {
  test('one that is no database', async () => {
    writeFileSync(tmp.file, 'a letter to the bank, of some length, so that it is longer than a header'.repeat(50))
    const error = await refusalOf(open())
    expect(error.code).toBe('SQLITE_CORRUPT')
    expect(error.message).toContain(tmp.file)
    expect(error.message).toMatch(/go on from a backup/)
  })

  test('one that a newer release has written', async () => {
    await (await open()).close()
    const database = new DatabaseSync(tmp.file)
    database.exec('INSERT INTO tidings_schema VALUES (99)')
    database.close()
    const error = await refusalOf(open())
    expect(error).toMatchObject({ code: 'SQLITE_VERSION', file: tmp.file })
    expect(error.message).toMatch(/its schema is 99, this one knows up to \d+\nUpdate the package/)
  })

  test('one in a folder that is not there', async () => {
    const error = await refusalOf(open({ file: join(tmp.folder, 'nowhere', 'test.db') }))
    expect(error.code).toBe('SQLITE_FAILED')
    expect(error.message).toMatch(/nowhere.*could not be read or written/)
  })

  test('a folder', async () => {
    mkdirSync(join(tmp.folder, 'test.db'))
    expect((await refusalOf(open())).code).toBe('SQLITE_FAILED')
  })

  test('what is no path', () => {
    expect(() => sqlite({ file: ':memory:' })).toThrow(/`file` must be the path of a file, received ":memory:"/)
    expect(() => sqlite({ file: '' })).toThrow(/`file` must be/)
    expect(() => sqlite({ file: tmp.file, synchronous: 'off' as never })).toThrow(
      /`synchronous` must be one of full, normal/,
    )
    expect(() => sqlite({ file: tmp.file, retention: { days: 7 } as never })).toThrow(
      /`days` is no option of sqlite retention/,
    )
  })
})

describe('a file that another process writes to for long', () => {
  test('is waited for, without holding up this process', async () => {
    await using bus = await open({ busyTimeout: '5s' })
    const other = new DatabaseSync(tmp.file)
    other.exec('BEGIN IMMEDIATE')
    const published = bus.publish(Placed, { n: 1 })
    let turns = 0
    for (const end = Date.now() + 300; Date.now() < end; turns++) await new Promise((resolve) => setTimeout(resolve, 1))
    // It tries for 20 ms at a time.
    expect(turns).toBeGreaterThan(5)
    other.exec('COMMIT')
    other.close()
    await published
  })

  test('is told beyond `busyTimeout`, and nothing is lost', async () => {
    await using bus = await open({ busyTimeout: '100ms' })
    const other = new DatabaseSync(tmp.file)
    other.exec('BEGIN IMMEDIATE')
    const error = await refusalOf(bus.publish(Placed, { n: 1 }))
    expect(error).toMatchObject({ code: 'SQLITE_BUSY', file: tmp.file })
    other.exec('COMMIT')
    other.close()
    await bus.publish(Placed, { n: 2 })
  })
})

test('the application has its tables in the same file, and a file of its own becomes one', async () => {
  const own = new DatabaseSync(tmp.file)
  own.exec('CREATE TABLE orders (id TEXT); INSERT INTO orders VALUES (1)')
  own.close()
  await (await open()).close()
  chmodSync(tmp.file, 0o600)
  const again = new DatabaseSync(tmp.file)
  expect(again.prepare('SELECT count(*) AS n FROM orders').get()).toEqual({ n: 1 })
  again.close()
})
