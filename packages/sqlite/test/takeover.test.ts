import { mkdirSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { type Bus, createBus, handler } from '@tidings/bus'
import { type Child, spawnChild } from '@tidings/conformance/faults'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import type { HoldOptions } from './fixtures/hold-events.ts'
import { OrderPlaced } from './fixtures/shop.ts'

const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite')
let tmp: ReturnType<typeof fileInTmp>
let cleanUp: (() => Promise<unknown>)[]

beforeEach(() => {
  tmp = fileInTmp()
  cleanUp = []
})
afterEach(async () => {
  await Promise.all(cleanUp.map((clean) => clean()))
  tmp.remove()
})

/** A process that handles orders, and comes to no end with any. */
async function holder(options: HoldOptions): Promise<Child> {
  const child = await spawnChild({ module: new URL('./fixtures/hold-events.ts', import.meta.url), options })
  cleanUp.push(() => child.kill())
  return child
}

/** What is handled in this process. */
async function worker(handled: number[], transport = sqlite({ file: tmp.file })): Promise<Bus> {
  const orders = handler(OrderPlaced, { group: 'orders' }, ({ data }) => void handled.push(data.n))
  const bus = await createBus({
    source: '/takeover',
    transport,
    handlers: [orders],
    log: false,
  })
  cleanUp.push(() => bus.close({ timeout: 1000 }))
  return bus
}

async function publishOrders(bus: Bus, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) await bus.publish(OrderPlaced, { key: `k${n}`, n })
}

test('INVARIANT: what a member holds when it is killed is handled by another process at once', async () => {
  const publisher = await createBus({ source: '/takeover', transport: sqlite({ file: tmp.file }), log: false })
  cleanUp.push(() => publisher.close())
  const taken: number[] = []
  for (let round = 0; round < 5; round++) {
    const numbers = Array.from({ length: 20 }, (_, at) => 100 * round + at)
    const victim = await holder({ file: tmp.file })
    await publishOrders(publisher, numbers)
    await victim.until((begun) => begun.length === numbers.length)
    const handled: number[] = []
    const heir = await worker(handled)
    expect(handled).toEqual([])
    const since = performance.now()
    await victim.kill()
    await expect.poll(() => handled.length, { timeout: 5000, interval: 5 }).toBe(numbers.length)
    taken.push(Math.round(performance.now() - since))
    expect(handled.toSorted((a, b) => a - b)).toEqual(numbers)
    await heir.close()
  }
  console.log(`taken over after ${taken.join(', ')} ms`)
})

test('INVARIANT: a member that comes and is killed between two looks at a file that was alone is found dead', async () => {
  const transport = sqlite({ file: tmp.file })
  const publisher = await createBus({ source: '/takeover', transport, log: false })
  cleanUp.push(() => publisher.close())
  // Another's write, after which it knows that it is alone.
  const visitor = new DatabaseSync(tmp.file)
  visitor.exec('CREATE TABLE visits (n)')
  visitor.close()
  await new Promise((resolve) => setTimeout(resolve, 200))
  for (let round = 0; round < 6; round++) {
    const victim = await holder({ file: tmp.file })
    await publishOrders(publisher, [round])
    await victim.until((begun) => begun.length > 0)
    await victim.kill()
    const handled: number[] = []
    const heir = await worker(handled, transport)
    await expect.poll(() => handled, { timeout: 10_000 }).toEqual([round])
    await heir.close()
  }
})

test('INVARIANT: a member that names the file by another path keeps what it holds', async () => {
  const far = await holder({ file: basename(tmp.file), folder: tmp.folder })
  const handled: number[] = []
  const here = await worker(handled)
  const numbers = Array.from({ length: 20 }, (_, at) => at)
  await publishOrders(here, numbers)
  await far.until((begun) => begun.length > 0)
  // By then it would have been taken for dead.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect([...handled, ...(far.reports as number[])].toSorted((a, b) => a - b)).toEqual(numbers)
})

test('a copy that was taken while its processes live belongs to none of them: who opens it has all of it', async () => {
  const publisher = await createBus({ source: '/takeover', transport: sqlite({ file: tmp.file }), log: false })
  cleanUp.push(() => publisher.close())
  const original = await holder({ file: tmp.file })
  const numbers = Array.from({ length: 20 }, (_, at) => at)
  await publishOrders(publisher, numbers)
  await original.until((begun) => begun.length === numbers.length)
  const copy = join(tmp.folder, 'backup', 'test.db')
  mkdirSync(join(tmp.folder, 'backup'))
  const database = new DatabaseSync(tmp.file)
  database.prepare('VACUUM INTO ?').run(copy)
  database.close()
  const handled: number[] = []
  await worker(handled, sqlite({ file: copy }))
  await expect.poll(() => handled.length, { timeout: 5000 }).toBe(numbers.length)
  expect(original.reports).toHaveLength(numbers.length)
})

test('processes that come, are killed and go leave nothing beside the file', async () => {
  const all = await Promise.all(Array.from({ length: 7 }, () => holder({ file: tmp.file })))
  const heirs = all.slice(0, 3)
  const observer = await worker([])
  // Those that are left all see it, and one of them is the first.
  for (const victim of all.slice(3)) await victim.kill()
  const members = async (): Promise<number> => (await observer.groups.list())[0]!.members
  await expect.poll(members, { timeout: 5000 }).toBe(heirs.length + 1)
  await Promise.all(heirs.map((heir) => heir.stop()))
  await observer.close()
  expect(readdirSync(tmp.folder)).toEqual([basename(tmp.file)])
})

test('a group comes to rest where lanes are parted while one of their messages is handed out', async () => {
  let end: (() => void) | undefined
  const hold = handler(OrderPlaced, { group: 'orders' }, () => new Promise<void>((resolve) => (end = resolve)))
  const transport = sqlite({ file: tmp.file })
  const first = await createBus({ source: '/takeover', transport, handlers: [hold], log: false })
  cleanUp.push(() => first.close({ timeout: 1000 }))
  // Of several keys, one at a time: some are of lanes that go to the other one.
  for (let n = 0; n < 6; n++) {
    await publishOrders(first, [n])
    await expect.poll(() => end).toBeDefined()
    const second = await worker([])
    // Until the first one has seen it, and parted the lanes.
    await new Promise((resolve) => setTimeout(resolve, 300))
    end!()
    end = undefined
    await first.idle()
    expect((await first.groups.list())[0]).toMatchObject({ waiting: 0, handedOut: 0 })
    await second.close()
    await expect.poll(async () => (await first.groups.list())[0]!.members).toBe(1)
  }
})
