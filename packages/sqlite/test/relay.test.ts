import { join } from 'node:path'
import { createBus, handler } from '@tidings/bus'
import { createRelay } from '@tidings/bus/integration'
import { socketTransport, startBroker } from '@tidings/conformance/faults'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { OrderPlaced } from './fixtures/shop.ts'

let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => void (tmp = fileInTmp('shop.db')))
afterEach(() => tmp.remove())

const shared = { source: '/shop', log: false } as const

test('INVARIANT: a relay whose target is killed waits for it, says so, and goes on: nothing lost, each key in order', async () => {
  const from = sqlite({ file: tmp.file, synchronous: 'normal' })
  await using broker = await startBroker({
    transport: {
      module: new URL('../src/index.ts', import.meta.url),
      name: 'sqlite',
      options: { file: join(tmp.folder, 'broker.db'), synchronous: 'normal' },
    },
  })
  const { port, capabilities } = broker
  const to = socketTransport({ port, capabilities, timeout: 2000, backoff: { min: 10, max: 100 } })
  const seen = new Map<string, number[]>()
  const orders = handler(OrderPlaced, { group: 'orders', idempotent: true }, ({ data: { key, n } }) => {
    seen.set(key, [...(seen.get(key) ?? []), n])
  })
  await (await createBus({ ...shared, transport: from, handlers: [orders] })).close()
  await using publisher = await createBus({ ...shared, transport: from })
  const keys = ['a', 'b', 'c', 'd']
  const publish = async (first: number, count: number): Promise<void> => {
    for (let n = first; n < first + count; n++) {
      await Promise.all(keys.map((key) => publisher.publish(OrderPlaced, { key, n })))
    }
  }
  await publish(0, 30)
  await using relay = await createRelay({ ...shared, from, to, groups: 'all' })
  await expect.poll(async () => (await relay.health()).moved, { interval: 5 }).toBeGreaterThan(5)
  await broker.kill()
  await publish(30, 5)
  await expect.poll(async () => (await relay.health()).status, { interval: 5 }).toBe('reconnecting')
  const { waiting, age, moved } = await relay.health()
  expect(waiting! + moved).toBeGreaterThanOrEqual(140)
  expect(age).toBeGreaterThan(0)
  await expect(relay.caughtUp({ timeout: 50 })).rejects.toMatchObject({ code: 'RELAY_BEHIND' })
  await broker.start()
  await relay.caughtUp({ timeout: '30s' })
  expect(await relay.health()).toMatchObject({ status: 'ok', waiting: 0, retrying: 0, age: undefined, parked: 0 })

  await using there = await createBus({ ...shared, transport: to, handlers: [orders] })
  await there.idle({ timeout: '30s' })
  const all = Array.from({ length: 35 }, (_, n) => n)
  expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(keys.map((key) => [key, all])))
})
