import { createBus, handler } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { defineDecider, execute, runProjection, defineProjection, waitFor } from '@tidings/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { sqlite, sqliteStore } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({ id: z.string(), pence: z.int() }),
  key: ({ id }) => id,
})
const OrderPaid = defineEvent('shop.order.paid', { schema: z.object({ id: z.string() }), key: ({ id }) => id })
const events = [OrderPlaced, OrderPaid] as const
let tmp: ReturnType<typeof fileInTmp>

beforeEach(() => void (tmp = fileInTmp()))
afterEach(() => tmp.remove())

test('INVARIANT: what is appended to a stream is a message for the groups of the bus, in the same commit, and in order', async () => {
  const file = sqlite({ file: tmp.file })
  await using store = await file.store({ events })
  const seen: string[] = []
  const billing = handler(
    [OrderPlaced, OrderPaid],
    { group: 'billing' },
    ({ type, data }) => void seen.push(`${type} ${data.id}`),
  )
  await using bus = await createBus({ source: '/shop', transport: file, handlers: [billing], log: false })
  await store.append('order-1', [OrderPlaced.create({ id: '1', pence: 5 }), OrderPaid.create({ id: '1' })], {
    expectedVersion: 'no-stream',
  })
  await expect(
    store.append('order-1', [OrderPlaced.create({ id: '1', pence: 6 })], { expectedVersion: 'no-stream' }),
  ).rejects.toMatchObject({ code: 'CONCURRENCY_CONFLICT' })
  await bus.idle({ timeout: '10s' })
  expect(seen).toEqual(['shop.order.placed 1', 'shop.order.paid 1'])
})

test('what is published without a stream is no event of the store, and takes a position all the same', async () => {
  const file = sqlite({ file: tmp.file })
  await using store = await file.store({ events })
  const paid = handler(OrderPaid, { group: 'paid' }, () => {})
  await using bus = await createBus({ source: '/shop', transport: file, handlers: [paid], log: false })
  await store.append('order-1', [OrderPlaced.create({ id: '1', pence: 5 })])
  await bus.publish(OrderPaid, { id: '1' })
  const { position } = await store.append('order-1', [OrderPaid.create({ id: '1' })])
  const recorded: [number, string, number][] = []
  for await (const { position: at, event, version } of store.readAll()) recorded.push([Number(at), event.type, version])
  expect(recorded).toEqual([
    [1, 'shop.order.placed', 1],
    [3, 'shop.order.paid', 2],
  ])
  expect(position).toBe(3)
})

test('a group that begins with the oldest gets what was published before there was any', async () => {
  const file = sqlite({ file: tmp.file })
  const unroutable: unknown[] = []
  const observer = { unroutable: () => void unroutable.push(1) }
  const first = await createBus({ source: '/shop', transport: file, log: false, observer })
  await first.publish(OrderPaid, { id: '1' })
  await first.close()
  const seen: string[] = []
  const paid = handler(OrderPaid, { group: 'paid', from: 'earliest' }, ({ data }) => void seen.push(data.id))
  await using bus = await createBus({ source: '/shop', transport: file, handlers: [paid], log: false })
  await bus.idle({ timeout: '10s' })
  expect([seen, unroutable]).toEqual([['1'], [1]])
})

test('a stream that is truncated takes with it what no group has handled yet, and nothing else', async () => {
  const file = sqlite({ file: tmp.file })
  const store = await file.store({ events })
  const first = await createBus({
    source: '/shop',
    transport: file,
    handlers: [handler(OrderPlaced, { group: 'billing' }, () => {})],
    log: false,
  })
  await first.close()
  for (const id of ['1', '2', '1', '2']) await store.append(`order-${id}`, [OrderPlaced.create({ id, pence: 5 })])
  await store.truncate('order-1', { before: 3 })
  const seen: string[] = []
  const billing = handler(OrderPlaced, { group: 'billing' }, ({ data }) => void seen.push(data.id))
  await using bus = await createBus({ source: '/shop', transport: file, handlers: [billing], log: false })
  await bus.idle({ timeout: '10s' })
  expect(seen).toEqual(['2', '2'])
  await store.close()
})

test('INVARIANT: events, checkpoints and projections outlive the process, however small the retention of messages', async () => {
  const order = defineDecider({
    initial: () => ({ placed: false, paid: false }),
    evolve: (state, { type }) => (type === OrderPlaced.type ? { ...state, placed: true } : { ...state, paid: true }),
    decide: ({ id, pence }: { id: string; pence: number }, { placed }) =>
      placed ? [OrderPaid.create({ id })] : [OrderPlaced.create({ id, pence })],
  })
  const revenue = defineProjection('revenue', {
    on: [OrderPlaced],
    initial: () => 0,
    evolve: (sum: number, { data }) => sum + data.pence,
  })
  const options = { file: tmp.file, events, retention: { age: 0 } }
  const first = await sqliteStore(options)
  for (const id of ['1', '2', '3'])
    for (const pence of [5, 0]) await execute(first, order, `order-${id}`, { id, pence })
  const running = await runProjection(first, revenue)
  await waitFor(running, await first.end())
  expect(await running.get()).toBe(15)
  await running.stop()
  await first.close()

  await using again = await sqliteStore(options)
  const types: string[] = []
  for await (const { event } of again.read('order-2')) types.push(event.type)
  expect(types).toEqual([OrderPlaced.type, OrderPaid.type])
  await using resumed = await runProjection(again, revenue)
  expect(await resumed.get()).toBe(15)
})
