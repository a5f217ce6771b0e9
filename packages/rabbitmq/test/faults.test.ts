import { type Delivery, handled } from '@tidings/bus/transport'
import { afterAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { onChannel } from './fixtures/broker.ts'
import { connectTo, group, joined, type Line } from './fixtures/connect.ts'
import { privateServer } from './fixtures/server.ts'

const server = await privateServer()
afterAll(() => server?.stop())

describe.runIf(server !== undefined)('on a broker', () => {
  const { url } = server!
  const connect = (options: object = {}): Promise<Line> =>
    connectTo(
      rabbitmq({
        url,
        heartbeat: '1s',
        timeout: '4s',
        backoff: { min: 20, max: 200 },
        delays: ['250ms', '1s'],
        ...options,
      }),
    )
  const published = async (line: Line, count: number): Promise<string[]> => {
    const messages = Array.from({ length: count }, () => line.message({ type: 'test.fault' }))
    await Promise.all(messages.map(async (message) => line.publish({ message })))
    return messages.map(({ attributes }) => String(attributes['id']))
  }
  const faulty = (name: string) => group(name, { types: ['test.fault'] })

  test('a queue that is deleted underneath is made anew, and the connection stands', async () => {
    const line = await connect()
    const [one, other] = [await joined(line, faulty('deleted.one')), await joined(line, faulty('deleted.other'))]
    await published(line, 3)
    await expect.poll(() => [one.length, other.length]).toEqual([3, 3])
    await onChannel(url, (channel) => channel.deleteQueue('tidings.group.deleted.one'))
    await expect
      .poll(
        async () => {
          await published(line, 1)
          return one.length
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(3)
    expect(line.states).toEqual(['connected'])
    await line.close()
  })

  test('a partition that is deleted underneath is made anew', async () => {
    const line = await connect({ partitions: 2, prefix: 'parts' })
    const ids = await joined(line, group('deleted', { types: ['test.fault'], ordered: true }))
    await published(line, 10)
    await expect.poll(() => ids.length).toBe(10)
    await onChannel(url, (channel) => channel.deleteQueue('parts.partition.1.deleted'))
    await expect.poll(() => line.states, { timeout: 10_000 }).toEqual(['connected', 'reconnecting', 'connected'])
    const later = await published(line, 20)
    await expect.poll(() => later.every((id) => ids.includes(id))).toBe(true)
    await line.close()
  })

  test('an exchange that is deleted underneath breaks the connection once, which makes it anew', async () => {
    const line = await connect({ prefix: 'exchange' })
    const ids = await joined(line, faulty('exchange'))
    await onChannel(url, (channel) => channel.deleteExchange('exchange.events'))
    await expect(published(line, 1)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    await published(line, 1)
    await expect.poll(() => ids.length).toBe(1)
    expect(line.states).toEqual(['connected', 'reconnecting', 'connected'])
    await line.close()
  })

  test('INVARIANT: a broker that is short of memory makes publishers wait, loses nothing, and hears of what is settled', async () => {
    const line = await connect()
    const held: Delivery[] = []
    await joined(line, faulty('alarm'), (delivery) => held.push(delivery))
    await published(line, 5)
    await expect.poll(() => held.length).toBe(5)
    await server!.ctl('set_vm_memory_high_watermark', 'absolute', '1MB')
    try {
      let confirmed = 0
      // One is taken still, and tells the broker that this connection publishes.
      const waiting = Promise.allSettled(
        Array.from({ length: 20 }, async () => {
          await published(line, 1)
          confirmed++
        }),
      )
      await new Promise((resolve) => setTimeout(resolve, 1000))
      expect(confirmed).toBe(0)
      // On the connection that consumes nothing is blocked.
      for (const delivery of held.splice(0)) void delivery.settle(handled)
      const other = await connect()
      const again = await joined(other, faulty('alarm'))
      await new Promise((resolve) => setTimeout(resolve, 500))
      await line.close()
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(again).toEqual([])
      await other.close()
      await waiting
    } finally {
      await server!.ctl('set_vm_memory_high_watermark', 'absolute', '1GB')
    }
  })

  test('what waits while the broker is short of memory is confirmed when it is not any more', async () => {
    const line = await connect()
    const ids = await joined(line, faulty('alarm.over'))
    await server!.ctl('set_vm_memory_high_watermark', 'absolute', '1MB')
    const waiting = published(line, 50)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(ids).toEqual([])
    await server!.ctl('set_vm_memory_high_watermark', 'absolute', '1GB')
    const sent = await waiting
    await expect.poll(() => ids.toSorted()).toEqual(sent.toSorted())
    expect(line.states).toEqual(['connected'])
    await line.close()
  })

  test('INVARIANT: a broker that hangs is found out by its silence, and what was under way is known to be unknown', async () => {
    const line = await connect()
    const ids = await joined(line, faulty('hangs'))
    server!.suspend()
    const begin = performance.now()
    let outcome: unknown
    published(line, 1).catch((error: unknown) => (outcome = error))
    try {
      await expect.poll(() => line.states.at(-1), { timeout: 15_000 }).toBe('reconnecting')
      expect(performance.now() - begin).toBeLessThan(6000)
      await expect.poll(() => outcome).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    } finally {
      server!.resume()
    }
    await expect.poll(() => line.states.at(-1), { timeout: 15_000 }).toBe('connected')
    const sent = await published(line, 3)
    await expect.poll(() => sent.every((id) => ids.includes(id))).toBe(true)
    await line.close()
  })

  test('INVARIANT: close() with work in hand gives it back at once, in its order', async () => {
    const line = await connect()
    const request = group('closing', { types: ['test.fault'], ordered: true })
    const held: Delivery[] = []
    await joined(line, request, (delivery) => held.push(delivery))
    const sent = await published(line, 10)
    await expect.poll(() => held.length).toBe(10)
    await held[0]!.settle(handled)
    await line.close()
    expect(held.every(({ lost }) => lost.aborted)).toBe(true)
    const next = await connect()
    const ids = await joined(next, request)
    await expect.poll(() => ids.length).toBe(9)
    expect(ids).toEqual(sent.slice(1))
    await next.close()
  })

  test('INVARIANT: close() ends while the broker is gone, and says of each publish what is known', async () => {
    const line = await connect()
    await joined(line, faulty('gone'))
    // What a quorum queue takes until it can be killed.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await server!.kill()
    try {
      await expect.poll(() => line.states.at(-1)).toBe('reconnecting')
      const outcomes = Promise.allSettled(Array.from({ length: 10 }, () => published(line, 1)))
      const begin = performance.now()
      await line.close()
      expect(performance.now() - begin).toBeLessThan(7000)
      for (const outcome of await outcomes) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'BUS_CLOSED' } })
      }
      expect(line.states.at(-1)).toBe('closed')
    } finally {
      await server!.start()
    }
  })
})
