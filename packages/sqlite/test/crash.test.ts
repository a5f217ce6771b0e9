import { createRequire } from 'node:module'
import { createBus } from '@tidings/bus'
import { type Child, spawnChild } from '@tidings/conformance/faults'
import { afterAll, expect, test } from 'vitest'
import { sqlite, sqliteStore } from '../src/index.ts'
import { type Acknowledged, consume } from './fixtures/crash-programs.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { OrderNoted, OrderPlaced } from './fixtures/shop.ts'

/** `TIDINGS_KILLS=1000 npx --yes pnpm@12 exec vitest run packages/sqlite/test/crash.test.ts` is the long run. */
const kills = Number(process.env['TIDINGS_KILLS'] ?? 50)
const { file, remove } = fileInTmp()
const children: Child[] = []
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')

afterAll(async () => {
  await Promise.all(children.map((child) => child.kill()))
  remove()
})

async function start(name: 'consume' | 'publish' | 'append', options?: unknown): Promise<Child> {
  const child = await spawnChild({
    module: new URL('./fixtures/crash-programs.ts', import.meta.url),
    name,
    transport: { module: new URL('../src/index.ts', import.meta.url), name: 'sqlite', options: { file } },
    options,
  })
  children.push(child)
  return child
}

interface Confirmed {
  readonly key: string
  readonly n: number
}

test(
  'INVARIANT: whatever is killed, and whenever, each confirmed event is handled, its writes and its effects are there once, and keys are in order; and each acknowledged append is there once, at its versions',
  { timeout: 60_000 + kills * 10_000 },
  async () => {
    const first = new DatabaseSync(file)
    first.exec('PRAGMA journal_mode = WAL')
    for (const table of ['ledger', 'report', 'placed']) {
      // Nothing in it denies an event a second row.
      first.exec(`CREATE TABLE ${table} (row INTEGER PRIMARY KEY, event TEXT NOT NULL, key TEXT, n INTEGER)`)
    }
    first.close()
    // Both groups are there before the first event.
    await (await consume({ transport: () => sqlite({ file }) } as never)).close()

    /** By key: how many are confirmed. They are published one after the other, so all before are. */
    const confirmed = new Map<string, number>()
    const keysOf = (publisher: number): Record<string, number> =>
      Object.fromEntries(
        Array.from({ length: 8 }, (_, at) => `p${publisher}-${at}`).map((key) => [key, (confirmed.get(key) ?? -1) + 1]),
      )
    const note = (child: Child): void => {
      for (const { key, n } of child.reports as readonly Confirmed[]) {
        confirmed.set(key, Math.max(confirmed.get(key) ?? -1, n))
      }
    }
    const consumers = [await start('consume'), await start('consume')]
    const publishers = [
      await start('publish', { name: '0', next: keysOf(0) }),
      await start('publish', { name: '1', next: keysOf(1) }),
    ]
    const acknowledged: Acknowledged[] = []
    let lives = 0
    const startWriter = (): Promise<Child> => start('append', { name: `w${lives++}`, file })
    const writers = [await startWriter(), await startWriter()]
    const killed = { consumers: 0, publishers: 0, writers: 0 }
    while (killed.consumers + killed.publishers + killed.writers < kills) {
      await new Promise((resolve) => setTimeout(resolve, 100 + 300 * Math.random()))
      const at = Math.random() < 0.5 ? 0 : 1
      const chance = Math.random()
      if (chance < 0.3) {
        killed.publishers++
        await publishers[at]!.kill()
        note(publishers[at]!)
        publishers[at] = await start('publish', { name: String(at), next: keysOf(at) })
      } else if (chance < 0.5) {
        killed.writers++
        await writers[at]!.kill()
        acknowledged.push(...(writers[at]!.reports as readonly Acknowledged[]))
        writers[at] = await startWriter()
      } else {
        // Now and then nobody is left to take over.
        const ats = chance < 0.6 ? [0, 1] : [at]
        killed.consumers += ats.length
        await Promise.all(ats.map((each) => consumers[each]!.kill()))
        for (const each of ats) consumers[each] = await start('consume')
      }
    }
    for (const publisher of publishers) {
      await publisher.kill()
      note(publisher)
    }
    for (const writer of writers) {
      await writer.kill()
      acknowledged.push(...(writer.reports as readonly Acknowledged[]))
    }
    const bus = await createBus({ source: '/crash', transport: sqlite({ file }), log: false })
    const left = async (): Promise<number> =>
      (await bus.groups.list()).reduce(
        (sum, { waiting, handedOut, retrying }) => sum + waiting + handedOut + retrying,
        0,
      )
    // However much has gathered on a slow machine: it gets less, all the time.
    let least = Infinity
    let since = Date.now()
    for (let now = await left(); now > 0; now = await left()) {
      if (now < least) [least, since] = [now, Date.now()]
      expect(Date.now() - since, `milliseconds for which ${now} are left`).toBeLessThan(50_000)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    const parked = (await bus.groups.list()).map(({ parked: letters }) => letters)
    await bus.close()
    await Promise.all(consumers.map((consumer) => consumer.kill()))

    const database = new DatabaseSync(file)
    const rows = (table: string): Confirmed[] =>
      database.prepare(`SELECT key, n FROM ${table} ORDER BY row`).all() as never
    const ledger = rows('ledger')
    const total = [...confirmed.values()].reduce((sum, last) => sum + last + 1, 0)
    console.log(
      `${killed.consumers} consumers, ${killed.publishers} publishers and ${killed.writers} writers killed, ${total} events confirmed, ${ledger.length} in the ledger, ${acknowledged.length} appends acknowledged`,
    )
    expect(parked).toEqual([0, 0])
    for (const table of [ledger, rows('report')]) {
      const byKey = new Map<string, number[]>()
      for (const { key, n } of table) {
        const numbers = byKey.get(key)
        if (numbers === undefined) byKey.set(key, [n])
        else numbers.push(n)
      }
      for (const [key, last] of confirmed) {
        const numbers = byKey.get(key)!
        // Each once and in order; behind the last that was confirmed there may be one whose confirm was lost.
        expect(numbers, key).toEqual(numbers.map((_, at) => at))
        expect(numbers.length, key).toBeGreaterThan(last)
        expect(numbers.length, key).toBeLessThanOrEqual(last + 2)
      }
    }
    const counts = (sql: string): unknown[] => database.prepare(sql).all()
    // As often as such an event was published, its row is there.
    expect(counts('SELECT event, count(*) AS times FROM placed GROUP BY event ORDER BY event')).toEqual(
      counts(
        `SELECT attributes ->> 'id' AS event, count(*) AS times FROM tidings_log
          WHERE type = '${OrderPlaced.type}' AND CAST(body ->> 'n' AS INTEGER) % 2 = 1 GROUP BY event ORDER BY event`,
      ),
    )
    const store = await sqliteStore({ file, events: [OrderNoted] })
    const streams = new Map<string, string[]>()
    for (const { stream } of acknowledged) streams.set(stream, [])
    for (const [stream, ids] of streams) {
      for await (const { event, version } of store.read(stream)) {
        ids.push(event.id)
        expect(version, stream).toBe(ids.length)
      }
      expect(new Set(ids).size, `events of ${stream} that are there once`).toBe(ids.length)
    }
    await store.close()
    for (const { stream, firstVersion, ids } of acknowledged) {
      expect(streams.get(stream)!.slice(firstVersion - 1, firstVersion - 1 + ids.length)).toEqual(ids)
    }
    expect(acknowledged.length).toBeGreaterThan(kills)
    expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    database.close()
  },
)
