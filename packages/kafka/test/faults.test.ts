import { Admin } from '@platformatic/kafka'
import { type Delivery, handled } from '@tidings/bus/transport'
import { afterAll, describe, expect, test } from 'vitest'
import { kafka, type KafkaOptions } from '../src/index.ts'
import { connectTo, group, joined, type Line } from './fixtures/connect.ts'
import { privateServer } from './fixtures/server.ts'

const server = await privateServer()
afterAll(() => server?.stop())

describe.runIf(server !== undefined)('on a broker', () => {
  const { brokers } = server!
  const connect = (prefix: string, options: Partial<KafkaOptions> = {}): Promise<Line> =>
    connectTo(
      kafka({
        brokers,
        prefix,
        partitions: 4,
        sessionTimeout: '3s',
        timeout: '4s',
        backoff: { min: 20, max: 200 },
        delays: ['250ms', '1s'],
        ...options,
      }),
    )
  const published = async (line: Line, count: number, key?: string): Promise<string[]> => {
    const messages = Array.from({ length: count }, (_, n) =>
      line.message({ type: 'test.fault', key: key ?? `key-${n % 8}` }),
    )
    await Promise.all(messages.map(async (message) => line.publish({ message })))
    return messages.map(({ attributes }) => String(attributes['id']))
  }
  const faulty = (name: string, more: object = {}) => group(name, { types: ['test.fault'], ...more })
  const missing = (sent: readonly string[], ids: readonly string[]) => (): string[] =>
    sent.filter((id) => !ids.includes(id))

  test(
    'a topic that is deleted underneath is made anew, and whoever reads or writes it goes on',
    { timeout: 90_000 },
    async () => {
      const line = await connect('deleted')
      const ids = await joined(line, faulty('deleted'))
      await published(line, 5)
      await expect.poll(() => ids.length, { timeout: 10_000 }).toBe(5)
      const admin = new Admin({ clientId: 'operator', bootstrapBrokers: [...brokers] })
      await admin.deleteTopics({ topics: ['deleted.events', 'deleted.group.deleted'] })
      await admin.close()
      await new Promise((resolve) => setTimeout(resolve, 500))
      let later: string[] = []
      await expect
        .poll(
          async () => {
            later = [...later, ...(await published(line, 1).catch(() => []))]
            return later.some((id) => ids.includes(id))
          },
          { timeout: 40_000, interval: 200 },
        )
        .toBe(true)
      await expect.poll(missing(await published(line, 5), ids), { timeout: 20_000 }).toEqual([])
      await line.close()
    },
  )

  test(
    'INVARIANT: members that come and go every second lose nothing, and keep the order of each key',
    { timeout: 120_000 },
    async () => {
      const publisher = await connect('rolling')
      const request = faulty('rolling', { ordered: true, prefetch: 50 })
      const seen: string[] = []
      const order = new Map<string, number>()
      const wrong: string[] = []
      const join = async (): Promise<Line> => {
        const line = await connect('rolling')
        await line.subscribe(request, (delivery) => {
          const { subject, id } = delivery.message.attributes
          const n = Number(String(id).split('-').at(-1))
          if (!seen.includes(String(id)) && n < (order.get(String(subject)) ?? -1)) wrong.push(String(id))
          order.set(String(subject), Math.max(n, order.get(String(subject)) ?? -1))
          seen.push(String(id))
          setTimeout(() => void delivery.settle(handled), 5)
        })
        return line
      }
      const first = await join()
      const sent: string[] = []
      const over = new AbortController()
      const publishing = (async () => {
        for (let n = 0; !over.signal.aborted; n++) {
          for (let key = 0; key < 8; key++) {
            const id = `rolling-${key}-${n}`
            await publisher.publish({ message: publisher.message({ id, key: `k${key}`, type: 'test.fault' }) })
            sent.push(id)
          }
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      })()
      for (let round = 0; round < Number(process.env['TIDINGS_KILLS'] ?? 5); round++) {
        const other = await join()
        await new Promise((resolve) => setTimeout(resolve, 1000))
        await other.close()
      }
      over.abort()
      await publishing
      await expect.poll(missing(sent, seen), { timeout: 30_000 }).toEqual([])
      console.log(`members came and went: ${sent.length} confirmed, ${seen.length - sent.length} delivered again`)
      expect(wrong).toEqual([])
      await Promise.all([first.close(), publisher.close()])
    },
  )

  test(
    'INVARIANT: a broker that hangs is found out by its silence, and what was under way is known to be unknown',
    { timeout: 90_000 },
    async () => {
      const line = await connect('hangs')
      const ids = await joined(line, faulty('hangs'))
      server!.suspend()
      let outcome: unknown
      published(line, 1).catch((error: unknown) => (outcome = error))
      try {
        await expect.poll(() => line.states.at(-1), { timeout: 15_000 }).toBe('reconnecting')
        await expect.poll(() => outcome).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
      } finally {
        server!.resume()
      }
      await expect.poll(() => line.states.at(-1), { timeout: 20_000 }).toBe('connected')
      await expect.poll(missing(await published(line, 3), ids), { timeout: 30_000 }).toEqual([])
      await line.close()
    },
  )

  test('INVARIANT: close() with work in hand gives it back at once, in its order', { timeout: 60_000 }, async () => {
    const line = await connect('closing')
    const request = faulty('closing', { ordered: true })
    const held: Delivery[] = []
    await line.subscribe(request, (delivery) => held.push(delivery))
    const sent = await published(line, 10, 'one-key')
    await expect.poll(() => held.length, { timeout: 10_000 }).toBe(10)
    await held[0]!.settle(handled)
    await line.close()
    expect(held.every(({ lost }) => lost.aborted)).toBe(true)
    const next = await connect('closing')
    const ids = await joined(next, request)
    await expect.poll(() => ids.length, { timeout: 10_000 }).toBe(9)
    expect(ids).toEqual(sent.slice(1))
    await next.close()
  })

  test(
    'INVARIANT: close() ends while the broker is gone, and says of each publish what is known',
    { timeout: 90_000 },
    async () => {
      const line = await connect('gone')
      await joined(line, faulty('gone'))
      await server!.kill()
      try {
        await expect.poll(() => line.states.at(-1), { timeout: 10_000 }).toBe('reconnecting')
        const outcomes = Promise.allSettled(Array.from({ length: 10 }, () => published(line, 1)))
        const begin = performance.now()
        await line.close()
        expect(performance.now() - begin).toBeLessThan(9000)
        for (const outcome of await outcomes) {
          expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'BUS_CLOSED' } })
        }
        expect(line.states.at(-1)).toBe('closed')
      } finally {
        await server!.start()
      }
    },
  )
})
