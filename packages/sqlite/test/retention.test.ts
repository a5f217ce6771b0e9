import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type BusOptions, createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite, type SqliteOptions } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const Placed = defineEvent('test.order.placed', {
  schema: z.object({ n: z.int(), pad: z.string() }),
  key: ({ n }) => n % 1000,
})
const tmp = fileInTmp()

afterEach(() => tmp.remove())

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

function open(retention: SqliteOptions['retention'], options: Partial<BusOptions> = {}) {
  return createBus({ source: '/test', transport: sqlite({ file: tmp.file, retention }), log: false, ...options })
}

test('what every group has settled goes, and the file shrinks; what one has not settled stays', async () => {
  const counting = handler(Placed, { group: 'counting', idempotent: true }, () => {})
  const failing = handler(Placed, { group: 'failing', retry: { delay: '1h' } }, ({ data }) => {
    if (data.n === 7) throw new Error('not now')
  })
  const bus = await open({ count: Infinity }, { handlers: [counting, failing] })
  const pad = 'x'.repeat(1000)
  await Promise.all(Array.from({ length: 3000 }, (_, n) => bus.publish(Placed, { n, pad })))
  await expect.poll(async () => (await bus.health()).groups.map(({ settled }) => settled)).toEqual([3000, 2997])
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
