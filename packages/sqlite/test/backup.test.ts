import { renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Bus, createBus, handler } from '@tidings/bus'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { OrderPlaced } from './fixtures/shop.ts'

const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => void (tmp = fileInTmp()))
afterEach(() => tmp.remove())

/** As any client of SQLite does it, beside whoever uses the file. */
function backUp(into: string): void {
  const client = new DatabaseSync(tmp.file)
  client.exec(`VACUUM INTO '${into}'`)
  client.close()
}

function open(file: string, seen: number[]): Promise<Bus> {
  const orders = handler(OrderPlaced, { group: 'orders', idempotent: true }, ({ data }) => void seen.push(data.n))
  return createBus({ source: '/test', transport: sqlite({ file }), handlers: [orders], log: false })
}

test('a backup made while the file is in use has all that was confirmed before it, and goes on by itself', async () => {
  const backup = `${tmp.file}.backup`
  const seen: number[] = []
  const bus = await open(tmp.file, seen)
  let confirmed = 0
  let published = 0
  const enough = new AbortController()
  const publish = async (): Promise<void> => {
    while (!enough.signal.aborted) {
      await bus.publish(OrderPlaced, { key: `k${published % 5}`, n: published++ })
      confirmed++
    }
  }
  const publishing = Promise.all(Array.from({ length: 16 }, publish))
  await expect.poll(() => confirmed).toBeGreaterThan(300)
  const before = [...seen]
  const [confirmedBefore, publishedBefore] = [confirmed, published]
  backUp(backup)
  enough.abort()
  await publishing
  await bus.idle({ timeout: '20s' })
  await bus.close()
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: published }, (_, n) => n))

  // In another place, while the original may go on in its own.
  const again: number[] = []
  const restored = await open(backup, again)
  await restored.idle({ timeout: '20s' })
  const stream = new Set([...before, ...again])
  await restored.close()
  expect(stream.size).toBeGreaterThanOrEqual(confirmedBefore)
  expect(Math.max(...stream)).toBeLessThan(publishedBefore)
  expect(new Set(again).size).toBe(again.length)
})

test('a backup in the place of the file, without what was beside it, is the file as it was then', async () => {
  const backup = `${tmp.file}.backup`
  const seen: number[] = []
  const bus = await open(tmp.file, seen)
  await bus.publish(OrderPlaced, { key: 'k', n: 1 })
  await bus.idle({ timeout: '20s' })
  backUp(backup)
  await bus.publish(OrderPlaced, { key: 'k', n: 2 })
  await bus.idle({ timeout: '20s' })
  await bus.close()
  for (const end of ['', '-wal', '-shm']) rmSync(`${tmp.file}${end}`, { force: true })
  renameSync(backup, tmp.file)

  const again: number[] = []
  await using restored = await open(tmp.file, again)
  await restored.publish(OrderPlaced, { key: 'k', n: 3 })
  await restored.idle({ timeout: '20s' })
  // What came behind the backup is gone; what was handled before it does not come again.
  expect(again).toEqual([3])
})
