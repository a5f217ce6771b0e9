import { defineEvent } from '@tidings/events'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type Bus, createBus, handler, memory } from '../src/index.ts'

const Ticked = defineEvent('test.clock.ticked', { schema: z.object({ at: z.int() }), key: ({ at }) => at % 100 })
const Asked = defineEvent('test.clock.asked', { schema: z.object({}) })

test('INVARIANT: a publisher that awaits each batch is held up until it is delivered, so that little piles up', async () => {
  let handled = 0
  const counting = handler(Ticked, { group: 'counting' }, () => void handled++)
  await using bus = await createBus({ source: '/test', handlers: [counting], transport: memory() })
  let most = 0
  for (let at = 0; at < 10_000;) {
    const batch: Promise<unknown>[] = []
    for (const end = at + 100; at < end; at++) batch.push(bus.publish(Ticked, { at }))
    await Promise.all(batch)
    most = Math.max(most, at - handled)
  }
  await expect.poll(() => handled).toBe(10_000)
  // The batch, and what a turn of the event loop has not got to.
  expect(most).toBeLessThan(1000)
})

test('INVARIANT: a publisher does not run far ahead of handlers that answer soon', async () => {
  let handled = 0
  const counting = handler(Ticked, { group: 'counting' }, async () => {
    await Promise.resolve()
    handled++
  })
  await using bus = await createBus({ source: '/test', handlers: [counting], transport: memory() })
  let most = 0
  for (let at = 0; at < 20_000;) {
    const batch: Promise<unknown>[] = []
    for (const end = at + 1000; at < end; at++) batch.push(bus.publish(Ticked, { at }))
    await Promise.all(batch)
    most = Math.max(most, at - handled)
  }
  await expect.poll(() => handled).toBe(20_000)
  // What is behind when publishers are held up, and the batch.
  expect(most).toBeLessThan(2100)
})

test('handlers that do not answer hold nobody up before there is no room', async () => {
  let go!: () => void
  const gone = new Promise<void>((resolve) => (go = resolve))
  const waiting = handler(Ticked, { group: 'waiting' }, () => gone)
  await using bus = await createBus({ source: '/test', handlers: [waiting], transport: memory({ capacity: 3000 }) })
  for (let at = 0; at < 3000; at++) await bus.publish(Ticked, { at })
  expect((await bus.health()).groups[0]).toMatchObject({ waiting: 2950 })
  go()
})

test('INVARIANT: timers and I/O get their turn while a publisher and a handler never pause', async () => {
  let turns = 0
  let handled = 0
  const counting = handler(Ticked, { group: 'counting' }, () => void handled++)
  await using bus = await createBus({ source: '/test', handlers: [counting], transport: memory() })
  let isOver = false
  const turn = (): void => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  for (let at = 0; at < 5000; at++) await bus.publish(Ticked, { at })
  isOver = true
  expect(turns).toBeGreaterThan(10)
})

test('a publisher is let go where a group never comes to rest', async () => {
  let isOver = false
  // By the bus itself: what is published by the context is waited for.
  const circling = handler(Ticked, { group: 'circling' }, ({ data }) => {
    if (!isOver) void bus.publish(Ticked, data)
  })
  await using bus: Bus = await createBus({
    source: '/test',
    handlers: [circling, handler(Asked, { group: 'asked' }, () => {})],
    transport: memory(),
  })
  for (let at = 0; at < 1000; at++) void bus.publish(Ticked, { at })
  await new Promise((resolve) => setImmediate(resolve))
  await bus.publish(Asked, {})
  isOver = true
})

test('whatever waits behind a handler is handled in turn, however much it is', async () => {
  const handled: number[] = []
  let go!: () => void
  const gate = new Promise<void>((resolve) => (go = resolve))
  const inTurn = handler(Ticked, { group: 'queue', ordering: 'none', concurrency: 1, prefetch: 20_000 }, ({ data }) => {
    handled.push(data.at)
    return data.at === 0 ? gate : undefined
  })
  await using bus = await createBus({ source: '/test', handlers: [inTurn], transport: memory({ capacity: 20_000 }) })
  for (let at = 0; at < 15_000; at++) void bus.publish(Ticked, { at })
  await new Promise((resolve) => setTimeout(resolve, 50))
  go()
  await expect.poll(() => handled.length, { timeout: 5000 }).toBe(15_000)
  expect(handled).toEqual(handled.toSorted((a, b) => a - b))
})
