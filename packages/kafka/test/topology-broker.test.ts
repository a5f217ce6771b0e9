import { Admin } from '@platformatic/kafka'
import { afterAll, describe, expect, test } from 'vitest'
import { kafka, type KafkaOptions } from '../src/index.ts'
import { connectTo, group, joined } from './fixtures/connect.ts'
import { anyServer } from './fixtures/server.ts'

const cluster = await anyServer()
afterAll(() => cluster?.close())

describe.runIf(cluster !== undefined)('on a broker', () => {
  const { brokers } = cluster!
  // Topics of this run alone, where the cluster is one that stays.
  const run = Date.now().toString(36)
  const transport = (name: string, options: Partial<KafkaOptions> = {}) =>
    kafka({ brokers, delays: ['100ms', '1s'], partitions: 2, prefix: `${name}-${run}`, ...options })
  const onAdmin = async (work: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = new Admin({ clientId: 'operator', bootstrapBrokers: [...brokers] })
    await work(admin)
    await admin.close()
  }

  test('a plan shows what is missing and makes nothing; apply makes it, once', async () => {
    const { plan, apply } = transport('planned')
    const groups = [group('plan.one'), group('plan.two')]
    const before = await plan!(groups)
    expect([before.present, before.differing, before.unknown]).toEqual([[], [], []])
    expect(before.missing.map(({ name }) => name)).toContain(`planned-${run}.group.plan.one`)
    expect(await plan!(groups)).toEqual(before)
    expect(await apply!(groups)).toEqual(before)
    const after = await plan!(groups)
    expect(after).toEqual({ missing: [], differing: [], unknown: [], present: before.missing })
    expect(await apply!(groups)).toEqual(after)
  })

  test('INVARIANT: apply makes nothing while anything differs, and names all of it with what the broker has', async () => {
    const prefix = `differing-${run}`
    await onAdmin(async (admin) => {
      await admin.createTopics({ topics: [`${prefix}.events`], partitions: 5, replicas: 1 })
      await admin.createTopics({ topics: [`${prefix}.dead.g`], partitions: 1, replicas: 1 })
      await expect.poll(() => admin.listTopics()).toContain(`${prefix}.dead.g`)
    })
    const { plan, apply } = transport('differing')
    const { differing, missing } = await plan!([group('g')])
    expect(differing.map(({ part, found }) => [part.name, found])).toEqual([
      [`${prefix}.events`, { partitions: 5 }],
      [`${prefix}.dead.g`, { 'retention.ms': '604800000' }],
    ])
    const applied = apply!([group('g')])
    await expect(applied).rejects.toMatchObject({ code: 'KAFKA_DIFFERS', retryable: false })
    await expect(applied).rejects.toThrow(`the topic "${prefix}.events" (partitions is 5, wanted 2)`)
    expect((await plan!([group('g')])).missing).toEqual(missing)
  })

  test('INVARIANT: an application that declares nothing runs on what an operator made by the plan', async () => {
    const asked = [group('made.one'), group('made.two', { ordered: true })]
    const missing = connectTo(transport('made', { declare: false }))
    await expect(missing).rejects.toMatchObject({ code: 'KAFKA_MISSING' })
    await expect(missing).rejects.toThrow(`made-${run}.events`)
    await transport('made').apply!(asked)
    const line = await connectTo(transport('made', { declare: false }))
    const [one, two] = [await joined(line, asked[0]!), await joined(line, asked[1]!)]
    const replies = await joined(
      line,
      group('made.replies-0199a3c4-7a52-7c11-8d7e-6f0a2b3c4d5e', { temporary: true, types: [] }),
    )
    await line.publish({ message: line.message() })
    await line.publish({ message: line.message(), group: 'made.replies-0199a3c4-7a52-7c11-8d7e-6f0a2b3c4d5e' })
    await line.publish({ message: line.message(), group: 'made.one', notBefore: Date.now() + 150 })
    await expect.poll(() => [one.length, two.length, replies.length], { timeout: 10_000 }).toEqual([2, 1, 1])
    await expect(joined(line, group('made.other'))).rejects.toThrow(`made-${run}.group.made.other`)
    await line.close()
  })

  test('INVARIANT: two applications on one cluster never steal from each other', async () => {
    // The same group of the same types, under two prefixes.
    const [shop, other] = [await connectTo(transport('shop')), await connectTo(transport('other'))]
    const [mine, theirs] = [await joined(shop, group('shared')), await joined(other, group('shared'))]
    await shop.publish({ message: shop.message() })
    await shop.publish({ message: shop.message(), group: 'shared' })
    await shop.publish({ message: shop.message(), notBefore: Date.now() + 120 })
    await other.publish({ message: other.message() })
    await expect.poll(() => [mine.length, theirs.length], { timeout: 10_000 }).toEqual([3, 1])
    await Promise.all([shop.close(), other.close()])
  })

  test('types with a topic of their own reach whoever asks for them, by name or by pattern', async () => {
    const line = await connectTo(transport('topics', { topics: { orders: ['shop.order.*'] } }))
    const all = await joined(line, group('all', { types: ['shop.**'] }))
    const orders = await joined(line, group('orders', { types: ['shop.order.placed'] }))
    const stock = await joined(line, group('stock', { types: ['shop.stock'] }))
    await line.publish({ message: line.message({ type: 'shop.order.placed' }) })
    await line.publish({ message: line.message({ type: 'shop.stock' }) })
    await expect.poll(() => [all.length, orders.length, stock.length], { timeout: 10_000 }).toEqual([2, 1, 1])
    await line.close()
  })

  test('INVARIANT: what is published to partitions that were added reaches every group', async () => {
    const line = await connectTo(transport('added', { sessionTimeout: '6s' }))
    const ids = await joined(line, group('added'))
    await line.publish({ message: line.message() })
    await onAdmin((admin) =>
      admin.createPartitions({ topics: [{ name: `added-${run}.events`, count: 6, assignments: null }] }),
    )
    const sent: string[] = []
    const begin = Date.now()
    while (Date.now() - begin < 12_000) {
      const message = line.message({ key: `key-${sent.length}` })
      sent.push(String(message.attributes['id']))
      await line.publish({ message })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await expect.poll(() => sent.filter((id) => !ids.includes(id)), { timeout: 20_000 }).toEqual([])
    await line.close()
  }, 60_000)

  test('what nobody answers is one error of ours', async () => {
    const nobody = connectTo(kafka({ brokers: ['127.0.0.1:1'], timeout: '2s' }))
    await expect(nobody).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE', name: 'KafkaError' })
  })
})
