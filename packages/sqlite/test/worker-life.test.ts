import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { createBus, handler, OutcomeUnknownError } from '@tidings/bus'
import { ConcurrencyError, EventExistsError } from '@tidings/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqlite, SqliteError, sqliteTransaction } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { OrderPlaced } from './fixtures/shop.ts'

let tmp: ReturnType<typeof fileInTmp>
const workers: Worker[] = []
const seen = (worker: Worker): void => void workers.push(worker)

beforeEach(() => {
  tmp = fileInTmp()
  process.on('worker', seen)
})
afterEach(async () => {
  process.off('worker', seen)
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
  tmp.remove()
})

const order = (n: number): OrderPlaced => OrderPlaced.create({ key: 'k', n }, { source: '/test' })

test('what cannot work in a worker is refused at the start, by name', async () => {
  const ledger = handler(OrderPlaced, { group: 'ledger', transaction: sqliteTransaction }, () => {})
  const transport = sqlite({ file: tmp.file, worker: true })
  await expect(createBus({ source: '/test', transport, handlers: [ledger], log: false })).rejects.toMatchObject({
    code: 'CAPABILITY_MISSING',
    message: expect.stringMatching(/transactions \(wanted by /),
  })
  expect(workers).toEqual([])
  await using bus = await createBus({ source: '/test', transport, log: false })
  await expect(bus.transaction(sqliteTransaction, () => {})).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' })
  expect(() => sqlite({ file: tmp.file, worker: true, driver: () => null as never })).toThrow(
    /`driver` must be left out beside `worker`/,
  )
  expect(() => sqlite({ file: tmp.file, worker: 'yes' as never })).toThrow(/`worker` must be true or false/)
})

test('buses and stores of one value share a worker, which ends with the last of them', async () => {
  const file = sqlite({ file: tmp.file, worker: true })
  const handled: number[] = []
  const orders = handler(OrderPlaced, { group: 'orders' }, ({ data }) => void handled.push(data.n))
  const [one, other, store] = await Promise.all([
    createBus({ source: '/test', transport: file, handlers: [orders], log: false }),
    createBus({ source: '/test', transport: file, log: false }),
    file.store({ events: [OrderPlaced] }),
  ])
  await other.publish(OrderPlaced, { key: 'k', n: 1 })
  await store.append('order-1', [order(2)])
  await one.idle()
  expect([handled, workers.length]).toEqual([[1, 2], 1])
  const [worker] = workers
  const exited = once(worker!, 'exit')
  await Promise.all([one.close(), other.close()])
  expect(worker!.threadId).toBeGreaterThan(0)
  await store.close()
  await exited
  expect(worker!.threadId).toBe(-1)
})

test('a program whose file is in a worker ends by itself', async () => {
  const script = fileURLToPath(new URL('fixtures/work-and-end.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@tidings/source', script, tmp.file], { stdio: 'pipe' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
  const [code] = await once(child, 'close')
  expect([code, output]).toEqual([0, 'closed\n'])
})

test('INVARIANT: a worker that dies is a lost connection that says so, and loses nothing that was confirmed', async () => {
  const file = sqlite({ file: tmp.file, worker: true })
  const forEver = new Promise<never>(() => {})
  let begun = 0
  const first = handler(OrderPlaced, { group: 'orders', concurrency: 4 }, () => {
    begun++
    return forEver
  })
  const bus = await createBus({ source: '/test', transport: file, handlers: [first], log: false })
  const store = await file.store({ events: [OrderPlaced] })
  for (let n = 0; n < 4; n++) await bus.publish(OrderPlaced, { key: `k${n}`, n })
  await expect.poll(() => begun).toBe(4)

  const underWay = bus.publish(OrderPlaced, { key: 'k4', n: 4 }).then(
    () => 'confirmed',
    (error: unknown) => error,
  )
  await workers[0]!.terminate()
  const outcome = await underWay
  if (outcome !== 'confirmed') {
    expect(outcome).toBeInstanceOf(OutcomeUnknownError)
    expect((outcome as Error).cause).toMatchObject({ code: 'SQLITE_WORKER_LOST' })
  }
  expect(await bus.health()).toMatchObject({ connection: 'closed' })
  await expect(bus.publish(OrderPlaced, { key: 'k', n: 5 })).rejects.toMatchObject({
    code: 'SQLITE_WORKER_LOST',
    file: tmp.file,
    message: expect.stringMatching(/^the worker of the file ".+" has ended \(.+\)\n.+begin a new bus or store/),
  })
  await expect(store.append('order-1', [order(6)])).rejects.toThrow(SqliteError)
  await Promise.all([bus.close({ timeout: 0 }), store.close()])

  // The same value goes on, by a new worker.
  const handled: number[] = []
  const again = handler(OrderPlaced, { group: 'orders' }, ({ data }) => void handled.push(data.n))
  await using next = await createBus({ source: '/test', transport: file, handlers: [again], log: false })
  await next.idle({ timeout: '20s' })
  const expected = outcome === 'confirmed' || handled.includes(4) ? [0, 1, 2, 3, 4] : [0, 1, 2, 3]
  expect([handled.toSorted((a, b) => a - b), workers.length]).toEqual([expected, 2])
})

test('errors come over as what they are', async () => {
  const file = sqlite({ file: tmp.file, worker: true })
  await using store = await file.store({ events: [OrderPlaced] })
  const [one, two] = [order(1), order(2)]
  await store.append('order-1', [one])
  const conflict = store.append('order-1', [two], { expectedVersion: 'no-stream' })
  await expect(conflict).rejects.toThrow(ConcurrencyError)
  await expect(conflict).rejects.toMatchObject({ stream: 'order-1', actual: 1, retryable: true })
  await expect(store.append('order-2', [one])).rejects.toThrow(EventExistsError)

  const broken = `${tmp.file}.broken`
  writeFileSync(broken, 'no database, and of some length'.repeat(100))
  const refused = createBus({ source: '/test', transport: sqlite({ file: broken, worker: true }), log: false })
  await expect(refused).rejects.toThrow(SqliteError)
  await expect(refused).rejects.toMatchObject({ code: 'SQLITE_CORRUPT', file: broken, cause: { errcode: 26 } })
})

test('bytes stay with their owner, and a part of larger bytes goes over alone', async () => {
  const file = sqlite({ file: tmp.file, worker: true })
  const claims = file.claimChecks()
  const bytes = new Uint8Array(1_000_000).fill(7)
  const part = bytes.subarray(10, 20)
  await claims.put('whole', bytes)
  await claims.put('part', part)
  expect([bytes.byteLength, part.byteLength, bytes[999_999]]).toEqual([1_000_000, 10, 7])
  const [whole, found] = [await claims.get('whole'), await claims.get('part')]
  expect(whole?.byteLength).toBe(1_000_000)
  expect([found, found?.buffer.byteLength]).toEqual([part, 10])
})
