import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Bus, type BusOptions, createBus, handler } from '@tidings/bus'
import { type Child, spawnChild } from '@tidings/conformance/faults'
import { defineEvent } from '@tidings/events'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { betterSqlite3 } from '../src/better-sqlite3/index.ts'
import { sqlite, type SqliteDriver, SqliteError, type SqliteOptions } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const Placed = defineEvent('test.order.placed', z.object({ n: z.int() }))
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
let tmp: ReturnType<typeof fileInTmp>
let writer: Child | undefined

beforeEach(() => void (tmp = fileInTmp()))
afterEach(async () => {
  await writer?.kill()
  tmp.remove()
})

function open(options: Partial<SqliteOptions> = {}, handlers: BusOptions['handlers'] = []): Promise<Bus> {
  return createBus({
    source: '/test',
    handlers,
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

/** What stands alone in a log names the file; what to do stands below. */
function expectToTell({ message }: { readonly message: string }, file: string, fix: RegExp): void {
  const [first, ...others] = message.split('\n')
  expect(first).toContain(JSON.stringify(file))
  expect(others.join('\n')).toMatch(fix)
}

/** Another process that is in the middle of a write to the file. */
async function foreignWriter(): Promise<Child> {
  const module = new URL('./fixtures/foreign-writer.ts', import.meta.url)
  return (writer = await spawnChild({ module, options: tmp.file }))
}

describe('a file that cannot be used is refused by name, with what to do', () => {
  test('one that is no database', async () => {
    writeFileSync(tmp.file, 'a letter to the bank, of some length, so that it is longer than a header'.repeat(50))
    const error = await refusalOf(open())
    expect(error.code).toBe('SQLITE_CORRUPT')
    expectToTell(error, tmp.file, /go on from a backup/)
  })

  test('one that a newer release has written', async () => {
    await (await open()).close()
    const database = new DatabaseSync(tmp.file)
    database.exec('INSERT INTO tidings_schema VALUES (99)')
    database.close()
    const error = await refusalOf(open())
    expect(error).toMatchObject({ code: 'SQLITE_VERSION', file: tmp.file })
    expect(error.message).toMatch(/its schema is 99, this one knows up to \d+\n/)
    expectToTell(error, tmp.file, /Update the package/)
  })

  test('one in a folder that is not there', async () => {
    const file = join(tmp.folder, 'nowhere', 'test.db')
    const error = await refusalOf(open({ file }))
    expect(error).toMatchObject({ code: 'SQLITE_FAILED', file })
    expectToTell(error, file, /whether its folder is there/)
  })

  test('a folder', async () => {
    mkdirSync(join(tmp.folder, 'test.db'))
    const error = await refusalOf(open())
    expect(error.code).toBe('SQLITE_FAILED')
    expectToTell(error, tmp.file, /whether its folder is there/)
  })

  test('one that may only be read', async () => {
    await (await open()).close()
    chmodSync(tmp.file, 0o444)
    chmodSync(tmp.folder, 0o555)
    const module = new URL('./fixtures/open-without-rights.ts', import.meta.url)
    await using child = await spawnChild({ module, options: tmp.file })
    await child.until((reports) => reports.length > 0)
    chmodSync(tmp.folder, 0o755)
    const error = child.reports[0] as SqliteError
    expect(error).toMatchObject({ name: 'SqliteError', code: 'SQLITE_FAILED' })
    expectToTell(error, tmp.file, /whether this process may write/)
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
    await using bus = await open({ busyTimeout: '30s' })
    const other = await foreignWriter()
    let isPublished = false
    const published = bus.publish(Placed, { n: 1 }).then(() => (isPublished = true))
    let turns = 0
    for (const end = Date.now() + 300; Date.now() < end; turns++) await new Promise((resolve) => setTimeout(resolve, 1))
    // It tries for 20 ms at a time.
    expect(turns).toBeGreaterThan(5)
    expect(isPublished).toBe(false)
    await other.stop()
    await published
  })

  test('is told beyond `busyTimeout`, and nothing is lost', async () => {
    const seen: number[] = []
    const orders = handler(Placed, { group: 'orders' }, ({ data }) => void seen.push(data.n))
    await using bus = await open({ busyTimeout: '100ms' }, [orders])
    const other = await foreignWriter()
    const error = await refusalOf(bus.publish(Placed, { n: 1 }))
    expect(error).toMatchObject({ code: 'SQLITE_BUSY', file: tmp.file })
    expectToTell(error, tmp.file, /raise `busyTimeout`/)
    await other.stop()
    await bus.publish(Placed, { n: 2 })
    await bus.idle({ timeout: '20s' })
    expect(seen).toEqual([2])
  })

  test('is free as soon as that one is killed', async () => {
    await using bus = await open({ busyTimeout: '30s' })
    const other = await foreignWriter()
    const published = bus.publish(Placed, { n: 1 })
    await other.kill()
    await published
  })
})

test('a disk that cannot be read for a moment fails the publish, and the next one goes through', async () => {
  let left = 0
  let isWriting = false
  // The fault of a disk; everything else is the real driver.
  const driver: SqliteDriver = (file) => {
    const database = betterSqlite3(Database)(file)
    return {
      ...database,
      exec(sql) {
        database.exec(sql)
        isWriting = sql.startsWith('BEGIN')
      },
      prepare(sql) {
        const statement = database.prepare(sql)
        if (sql !== 'PRAGMA data_version') return statement
        return {
          ...statement,
          get(...values) {
            if (isWriting && left-- > 0) throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' })
            return statement.get(...values)
          },
        }
      },
    }
  }
  const bus = await open({ driver })
  try {
    await bus.publish(Placed, { n: 1 })
    left = 1
    const error = await refusalOf(bus.publish(Placed, { n: 2 }))
    expect(error.code).toBe('SQLITE_FAILED')
    await bus.publish(Placed, { n: 3 })
  } finally {
    await bus.close()
  }
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
