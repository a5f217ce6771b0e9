import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createBus, type DeadLetter } from '@tidings/bus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrations } from '../src/database/schema.ts'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { groupsOf, Placed, Stocked } from './fixtures/schema-shop.ts'

const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
const folder = new URL('fixtures/schemas/', import.meta.url)
const schemas = migrations.map((_, index) => index + 1)
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => void (tmp = fileInTmp()))
afterEach(() => tmp.remove())

type Opened = InstanceType<typeof DatabaseSync>

/** Opens a file of SQLite for itself. */
function inFile<Result>(file: string, use: (database: Opened) => Result): Result {
  const database = new DatabaseSync(file)
  try {
    return use(database)
  } finally {
    database.close()
  }
}

/** A file as it was left with a schema, in the middle of its work. */
function leftBehind(schema: number): void {
  inFile(tmp.file, (database) => {
    database.exec('PRAGMA writable_schema = ON')
    database.exec(readFileSync(new URL(`${schema}.sql`, folder), 'utf8'))
  })
}

/** All tables and indices, as the file has them. */
function shapeOf(file: string): unknown {
  return inFile(file, (database) =>
    database
      .prepare(`SELECT name, sql FROM sqlite_schema WHERE name LIKE 'tidings_%' ORDER BY name`)
      .all()
      .map(({ name, sql }) => [name, sql]),
  )
}

test('there is a file of each schema', () => {
  expect(readdirSync(folder).toSorted()).toEqual(schemas.map((schema) => `${schema}.sql`).toSorted())
})

describe.each(schemas)('schema %i', (schema) => {
  test('is what its migrations make: what is released is not changed any more', () => {
    leftBehind(schema)
    const made = `${tmp.file}.made`
    inFile(made, (database) => {
      database.exec('CREATE TABLE tidings_schema (version INTEGER NOT NULL) STRICT')
      for (const migration of migrations.slice(0, schema)) database.exec(migration)
    })
    expect(shapeOf(tmp.file)).toEqual(shapeOf(made))
  })

  test('INVARIANT: a file of a released schema goes on where it was', async () => {
    leftBehind(schema)
    const transport = sqlite({ file: tmp.file, retention: { age: '36500d' } })
    const { handlers, handled } = groupsOf({ isFirst: false })
    await using bus = await createBus({ source: '/shop', transport, handlers, log: false })
    await using store = await transport.store({ events: [Stocked] })
    await bus.idle({ timeout: '20s' })

    // What waited, was under way, was to be tried again, or was delayed; and nothing of what was handled.
    const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)
    expect([sorted(handled.billing), handled.mail, handled.stock]).toEqual([[4, 5, 7, 8, 10], [10], [2, 3]])

    const letters: DeadLetter[] = []
    for await (const letter of bus.deadLetters.list()) letters.push(letter)
    expect(letters).toMatchObject([{ group: 'shop.billing', reason: 'permanent-error', error: { message: 'not 3' } }])
    await bus.deadLetters.replay({})
    await bus.publish(Placed, { key: '0', n: 11 })
    await bus.idle({ timeout: '20s' })
    expect([handled.billing.slice(5), handled.mail.slice(1)]).toEqual([[3, 11], [11]])

    const versions: number[] = []
    for await (const { version, event } of store.read('stock-1')) versions.push(version, event.data.n)
    expect(versions).toEqual([2, 2, 3, 3])
    const another = Stocked.create({ n: 4 }, { source: '/shop' })
    expect(await store.append('stock-1', [another], { expectedVersion: 3 })).toMatchObject({ nextVersion: 4 })
    await expect(store.append('stock-2', [Stocked.create({ n: 5 }, { source: '/shop' })])).rejects.toMatchObject({
      code: 'STREAM_TOMBSTONED',
    })

    expect(await transport.aggregations().read('of a')).toMatchObject({
      state: 'open',
      events: [{ id: 'a1' }, { id: 'a2' }],
    })
    expect(await transport.aggregations().read('of b')).toEqual({ state: 'closed', reason: 'complete', events: [] })
    expect(await transport.claimChecks().get('claim')).toEqual(Uint8Array.of(1, 2, 3))
    await using stores = await transport.stores()
    const event = { id: 'handled', source: '/elsewhere' }
    // There is one since the second schema.
    expect(await stores.inbox.has(event, 'elsewhere.group')).toBe(schema > 1)
    await stores.inbox.add(event, 'elsewhere.group')
    expect(await stores.inbox.has(event, 'elsewhere.group')).toBe(true)
  })

  test('ends with the tables of a new file', async () => {
    leftBehind(schema)
    const fresh = `${tmp.file}.fresh`
    for (const file of [tmp.file, fresh]) await (await sqlite({ file }).store({ events: [] })).close()
    expect(shapeOf(tmp.file)).toEqual(shapeOf(fresh))
    const versions = inFile(tmp.file, (database) => database.prepare('SELECT version FROM tidings_schema').all())
    expect(versions.map(({ version }) => version)).toEqual(schemas)
  })
})
