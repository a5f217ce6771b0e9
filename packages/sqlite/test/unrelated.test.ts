import { createRequire } from 'node:module'
import { defineEvent } from '@tidings/events'
import { defineProcess, runProcess, runProjection, defineProjection, waitFor } from '@tidings/store'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')

const OrderPlaced = defineEvent('shop.order.placed', z.object({ id: z.string() }))
const OrderReminded = defineEvent('shop.order.reminded', z.object({ id: z.string() }))
const events = [OrderPlaced, OrderReminded] as const
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => void (tmp = fileInTmp()))
afterEach(() => tmp.remove())

test('a long transaction that has nothing to do with it holds up no append, no follower and no timeout', async () => {
  const file = sqlite({ file: tmp.file })
  await using store = await file.store({ events })
  await store.append('order-0', [OrderPlaced.create({ id: '0' })])
  const other = new DatabaseSync(tmp.file)
  other.exec('CREATE TABLE others (n INTEGER)')
  other.exec('BEGIN')
  const count = (): unknown => other.prepare('SELECT count(*) AS n FROM tidings_log').get()
  const before = count()
  const placed = defineProjection('placed', { on: [OrderPlaced], initial: () => 0, evolve: (sum) => sum + 1 })
  const reminders = defineProcess('reminders', {
    on: [OrderPlaced],
    key: ({ data }) => data.id,
    initial: () => ({}),
    react: () => ({ timeouts: { reminder: 20 } }),
    timedOut: (_, timeout, { key }) => ({
      events: [{ stream: `order-${key}`, events: [OrderReminded.create({ id: key })] }],
      ends: true,
    }),
  })
  await using running = await runProjection(store, placed)
  await using process = await runProcess(store, reminders)
  for (let id = 1; id <= 20; id++) await store.append(`order-${id}`, [OrderPlaced.create({ id: `${id}` })])
  const end = await store.end()
  await Promise.all([waitFor(running, end), waitFor(process, end)])
  expect(await running.get()).toBe(21)
  await vi.waitFor(async () => expect((await store.info('order-20')).version).toBe(2), { timeout: 10_000 })
  // It still sees what it has seen.
  expect(count()).toEqual(before)
  other.exec('COMMIT')
  expect(count()).not.toEqual(before)
  other.close()
})

test('two that open a new file at once, and again, make its tables once and share it', async () => {
  for (let round = 0; round < 3; round++) {
    const stores = await Promise.all(Array.from({ length: 4 }, () => sqlite({ file: tmp.file }).store({ events })))
    await Promise.all(
      stores.map((store, index) => store.append(`order-${round}-${index}`, [OrderPlaced.create({ id: '1' })])),
    )
    const counts = await Promise.all(
      stores.map(async (store) => {
        let count = 0
        for await (const _ of store.readAll()) count++
        return count
      }),
    )
    expect(counts).toEqual(Array.from({ length: 4 }, () => 4 * (round + 1)))
    await Promise.all(stores.map((store) => store.close()))
  }
})
