import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Bus } from '@tidings/bus'
import { expect, test } from 'vitest'
import { sqlite, SqliteError } from '../src/index.ts'
import { consume } from './fixtures/crash-programs.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { OrderBooked, OrderPlaced } from './fixtures/shop.ts'

/** Copies that are damaged. `TIDINGS_CUTS=1000` for more. */
const cuts = Number(process.env['TIDINGS_CUTS'] ?? 40)
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')

interface Row {
  readonly event: string
  readonly key: string
  readonly n: number
}

/** What a file has, read by nothing of ours. */
function contentOf(file: string) {
  const database = new DatabaseSync(file)
  try {
    const all = (sql: string): Record<string, unknown>[] => database.prepare(sql).all()
    return {
      integrity: all('PRAGMA integrity_check'),
      log: all('SELECT position, type, attributes, body FROM tidings_log ORDER BY position'),
      cursors: all('SELECT low, high, claimed, open FROM tidings_cursors'),
      held: all('SELECT position FROM tidings_held'),
      marks: all(
        'SELECT name, event FROM tidings_marks JOIN tidings_groups ON tidings_groups.id = group_id ORDER BY name, event',
      ),
      ledger: all('SELECT event, key, n FROM ledger ORDER BY row') as never as readonly Row[],
      report: all('SELECT event, key, n FROM report ORDER BY row') as never as readonly Row[],
    }
  } finally {
    database.close()
  }
}

type Content = ReturnType<typeof contentOf>

const idOf = ({ attributes }: Record<string, unknown>): string => (JSON.parse(String(attributes)) as { id: string }).id
const idsOf = ({ log }: Content, type: string): string[] => log.filter((row) => row['type'] === type).map(idOf)

/** Each event whole, nothing done by half, and no group further than the log. */
function expectConsistent(found: Content, whole: Content): void {
  expect(found.integrity).toEqual([{ integrity_check: 'ok' }])
  expect(found.log).toEqual(whole.log.slice(0, found.log.length))
  const head = found.log.length
  for (const { low, high, claimed, open } of found.cursors) {
    const unsettled = JSON.parse(String(open)) as number[]
    expect([low, high, claimed].every((position) => Number(position) <= head)).toBe(true)
    expect(unsettled.every((position) => position > Number(low) && position <= Number(high))).toBe(true)
  }
  for (const { position } of found.held) expect(Number(position)).toBeLessThanOrEqual(head)
  // The row of the application, the mark and the effect are one commit.
  const booked = found.ledger.map(({ event }) => event).toSorted()
  const reported = found.report.map(({ event }) => event).toSorted()
  const marked = (group: string): unknown[] =>
    found.marks.filter(({ name }) => name === group).map(({ event }) => event)
  expect(marked('crash.ledger')).toEqual(booked)
  expect(marked('crash.report')).toEqual(reported)
  expect(idsOf(found, OrderBooked.type)).toHaveLength(booked.length)
}

async function load(bus: Bus): Promise<void> {
  const publishing = Array.from({ length: 10 }, async (_, key) => {
    for (let n = 0; n < 30; n++) {
      await bus.publish(OrderPlaced, { key: `k${key}`, n })
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4))
    }
  })
  await Promise.all(publishing)
  await bus.idle({ timeout: '20s' })
}

test('INVARIANT: what is cut or damaged at the end of the file was not there; all before it is, and is handled once', async () => {
  const tmp = fileInTmp()
  try {
    const first = new DatabaseSync(tmp.file)
    for (const table of ['ledger', 'report']) {
      first.exec(`CREATE TABLE ${table} (row INTEGER PRIMARY KEY, event TEXT NOT NULL, key TEXT, n INTEGER)`)
    }
    first.close()
    const open = (file: string): Promise<Bus> => consume({ transport: () => sqlite({ file }) } as never)
    // The groups are in the file itself: nothing that is cut off takes them away.
    await (await open(tmp.file)).close()

    const bus = await open(tmp.file)
    await load(bus)
    // No more was written than what is copied to the file at once: all of it is in the log of what was written ahead.
    const source = join(tmp.folder, 'source.db')
    copyFileSync(tmp.file, source)
    copyFileSync(`${tmp.file}-wal`, `${source}-wal`)
    await bus.close()
    const wal = readFileSync(`${source}-wal`)
    const copy = (name: string): string => {
      const file = join(tmp.folder, name, 'test.db')
      mkdirSync(join(tmp.folder, name))
      copyFileSync(source, file)
      writeFileSync(`${file}-wal`, wal)
      return file
    }
    const whole = contentOf(copy('whole'))
    expect(idsOf(whole, OrderPlaced.type)).toHaveLength(300)
    expectConsistent(whole, whole)

    let refused = 0
    const lengths: number[] = []
    for (let cut = 0; cut < cuts; cut++) {
      const file = copy(`cut-${cut}`)
      const at = Math.floor(wal.length * Math.random())
      if (cut % 2 === 0) truncateSync(`${file}-wal`, at)
      else {
        const damaged = Buffer.from(wal)
        damaged[at] = damaged[at]! ^ (1 + Math.floor(255 * Math.random()))
        writeFileSync(`${file}-wal`, damaged)
      }
      const where = `${cut % 2 === 0 ? 'cut' : 'damaged'} at ${at} of ${wal.length}`
      // Reading makes files beside it: of another copy.
      const looked = join(tmp.folder, `cut-${cut}`, 'looked.db')
      copyFileSync(file, looked)
      copyFileSync(`${file}-wal`, `${looked}-wal`)
      expectConsistent(contentOf(looked), whole)
      let again: Bus
      try {
        again = await open(file)
      } catch (error) {
        expect(error, where).toBeInstanceOf(SqliteError)
        expect((error as SqliteError).code, where).toBe('SQLITE_CORRUPT')
        refused++
        continue
      }
      await again.idle({ timeout: '20s' })
      await again.close()
      const after = contentOf(file)
      const placed = idsOf(after, OrderPlaced.type)
      lengths.push(placed.length)
      expect(placed, where).toEqual(idsOf(whole, OrderPlaced.type).slice(0, placed.length))
      expect(after.ledger.map(({ event }) => event).toSorted(), where).toEqual(placed.toSorted())
      expect(after.report, where).toHaveLength(placed.length)
      for (const rows of [after.ledger, after.report]) {
        for (let key = 0; key < 10; key++) {
          const numbers = rows.filter((row) => row.key === `k${key}`).map(({ n }) => n)
          expect(numbers, where).toEqual(numbers.map((_, n) => n))
        }
      }
      expect(after.integrity, where).toEqual([{ integrity_check: 'ok' }])
    }
    console.log(`${cuts} damaged, ${refused} refused, of 300 events there were ${lengths.join(' ')}`)
  } finally {
    tmp.remove()
  }
})
