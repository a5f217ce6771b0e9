import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type BusOptions, createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite, type SqliteOptions } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { onBetterSqlite3 } from './fixtures/on-better-sqlite3.ts'

const Placed = defineEvent('test.order.placed', {
  schema: z.object({ n: z.int(), pad: z.string() }),
  key: ({ n }) => n % 1000,
})
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => {
  tmp = fileInTmp()
})
afterEach(() => tmp.remove())

const patient = { timeout: 30_000 }

const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')

/** How many rows a table has. */
function rows(table: string): number {
  const database = new DatabaseSync(tmp.file)
  try {
    return Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n'])
  } finally {
    database.close()
  }
}

describe.each([
  ['node:sqlite', sqlite],
  ['better-sqlite3', onBetterSqlite3],
])('by %s', (_, make) => {
  function open(retention: SqliteOptions['retention'], options: Partial<BusOptions> = {}) {
    return createBus({ source: '/test', transport: make({ file: tmp.file, retention }), log: false, ...options })
  }

  test('what every group has settled goes, and the file shrinks; what one has not settled stays', async () => {
    const counting = handler(Placed, { group: 'counting', idempotent: true }, () => {})
    const failing = handler(Placed, { group: 'failing', retry: { delay: '1h' } }, ({ data }) => {
      if (data.n === 7) throw new Error('not now')
    })
    const bus = await open({ count: Infinity }, { handlers: [counting, failing] })
    const pad = 'x'.repeat(1000)
    await Promise.all(Array.from({ length: 3000 }, (_, n) => bus.publish(Placed, { n, pad })))
    await expect
      .poll(async () => (await bus.health()).groups.map(({ settled }) => settled), patient)
      .toEqual([3000, 2997])
    await bus.close()
    expect([rows('tidings_log'), rows('tidings_marks')]).toEqual([3000, 3000])
    const size = statSync(tmp.file).size

    // Seven, and the two behind it, wait in one group still.
    await (await open({ age: 0 })).close()
    expect(rows('tidings_log')).toBeLessThanOrEqual(3000)
    expect(rows('tidings_marks')).toBe(0)
    const healed = handler(Placed, { group: 'failing' }, () => {})
    const again = await open({ age: 0 }, { handlers: [healed] })
    const [group] = await again.groups.list().then((all) => all.filter(({ group }) => group === 'test.failing'))
    expect(group).toMatchObject({ retrying: 1, waiting: 2 })
    await again.close()
    expect(rows('tidings_log')).toBe(3)
    expect(statSync(tmp.file).size).toBeLessThan(size / 2)
  })

  test('what waits for its next attempt keeps nobody else: all behind it goes, and it too once it is settled', async () => {
    const failing = handler(Placed, { group: 'failing', retry: { delay: '1h' } }, ({ data }) => {
      if (data.n === 0) throw new Error('not now')
    })
    const bus = await open({ count: Infinity }, { handlers: [failing] })
    await Promise.all(Array.from({ length: 2500 }, (_, n) => bus.publish(Placed, { n: n % 999, pad: '' })))
    // Nought, and the two behind it.
    await expect.poll(async () => (await bus.health()).groups.map(({ settled }) => settled), patient).toEqual([2497])
    await bus.close()
    await (await open({ age: 0 })).close()
    expect(rows('tidings_log')).toBe(3)
    const again = await open({ age: 0 })
    expect(await again.groups.remove('test.failing')).toBe(true)
    // By this process, which has gone through all of it before.
    await again.close()
    expect(rows('tidings_log')).toBe(0)
  })

  test('events of streams stay, however many, and what is between them goes', async () => {
    const file = make({ file: tmp.file, retention: { age: 0 } })
    const store = await file.store({ events: [Placed] })
    const bus = await createBus({ source: '/test', transport: file, log: false })
    for (let n = 0; n < 12; n++) {
      const events = Array.from({ length: 200 }, () => Placed.create({ n, pad: '' }, { source: '/test' }))
      await Promise.all([store.append(`order-${n}`, events), bus.publish(Placed, { n, pad: '' })])
    }
    await bus.close()
    await store.close()
    expect(rows('tidings_log')).toBe(2400)
  })

  test('marks go by their age, whether or not the ids of their events grow with time', async () => {
    const counting = handler(Placed, { group: 'counting', idempotent: true }, () => {})
    const later = handler(Placed, { group: 'later', idempotent: true }, () => {})
    const bus = await open({ age: '1h' }, { handlers: [counting, later] })
    for (let n = 0; n < 1700; n++) void bus.publish(Placed, { n, pad: '' }, { id: String((n * 7919) % 1700) })
    await bus.idle()
    await bus.close()
    expect(rows('tidings_marks')).toBe(3400)
    const database = new DatabaseSync(tmp.file)
    database.exec('UPDATE tidings_marks SET at = 0 WHERE CAST(event AS INTEGER) % 3 = 1')
    database.close()
    await (await open({ age: '1h' })).close()
    expect(rows('tidings_marks')).toBe(3400 - 2 * 567)
  })

  test('what has been handled is known whatever the order of ids, and whichever process has handled it', async () => {
    const handled: string[] = []
    const counting = handler(Placed, { group: 'counting', idempotent: true }, ({ id }) => void handled.push(id))
    const ids = ['m', 'z', 'a', 'ä', '\u{1f600}', '\uffee', 'Z', 'm1']
    for (let time = 0; time < 3; time++) {
      const [one, other] = [await open({}, { handlers: [counting] }), await open({}, { handlers: [counting] })]
      for (const id of ids.toReversed()) await one.publish(Placed, { n: time, pad: '' }, { id })
      for (const id of ids) await other.publish(Placed, { n: ids.indexOf(id), pad: '' }, { id })
      await Promise.all([one.idle(), other.idle()])
      await Promise.all([one.close(), other.close()])
    }
    expect(handled.toSorted()).toEqual(ids.toSorted())
  })
})
