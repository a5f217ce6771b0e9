import { Consumer, Producer } from '@platformatic/kafka'
import type { Message } from '@tidings/bus'
import type { Delivery } from '@tidings/bus/transport'
import { CloudEvent, Kafka as CloudEventsKafka } from 'cloudevents'
import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { kafka } from '../src/index.ts'
import { connectTo, group } from './fixtures/connect.ts'
import { anyServer } from './fixtures/server.ts'

const cluster = await anyServer()
afterAll(() => cluster?.close())

/** Topics of this run alone, where the cluster is one that stays. */
const run = Date.now().toString(36)

const message: Message = {
  attributes: {
    specversion: '1.0',
    id: '0199a3c4-7a52-7c11-8d7e-6f0a2b3c4d5e',
    source: '/shop',
    type: 'wire.order.placed',
    time: '2026-12-01T09:30:00.500Z',
    subject: 'ünïcödé, order 42',
    dataversion: 2,
    urgent: true,
  },
  contentType: 'application/json; charset=utf-8',
  body: '{"item":"Bücher"}',
  headers: { 'x-tidings-attempt': '2', 'x-tenant': 'acme, "north"' },
}

describe.runIf(cluster !== undefined)('on a broker', () => {
  const brokers = cluster!.brokers
  const base = { clientId: 'plain', bootstrapBrokers: [...brokers] }
  const transport = kafka({ brokers, prefix: `wire-${run}`, partitions: 6, delays: ['100ms'] })

  /** All that a plain client finds in a topic. */
  async function recordsOf(topic: string, count: number) {
    const consumer = new Consumer({ ...base, groupId: `plain-${randomUUID()}` })
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 200 })
    const records = []
    for await (const record of stream) if (records.push(record) === count) break
    await consumer.close(true)
    return records
  }

  test('an event is in the binary mode of CloudEvents, with its key as that of Kafka and where the clients of Java put it', async () => {
    const line = await connectTo(transport)
    await line.publish({ message })
    await line.publish({ message: { ...message, attributes: { ...message.attributes, partitionkey: 'p' } } })
    await line.publish({
      message: {
        attributes: { specversion: '1.0', id: 'e-1', source: '/shop', type: 'wire.bare' },
        contentType: undefined,
        body: undefined,
        headers: {},
      },
    })
    await line.close()
    const records = await recordsOf(`wire-${run}.events`, 3)
    const raw = records.find(({ key }) => key?.toString() === 'ünïcödé, order 42')!
    expect(raw.value.toString('hex')).toBe('7b226974656d223a2242c3bc63686572227d')
    expect(raw.headerEntries.map(([name, value]) => [name.toString(), value.toString()])).toEqual([
      ['ce_specversion', '1.0'],
      ['ce_id', '0199a3c4-7a52-7c11-8d7e-6f0a2b3c4d5e'],
      ['ce_source', '/shop'],
      ['ce_type', 'wire.order.placed'],
      ['ce_time', '2026-12-01T09:30:00.500Z'],
      ['ce_subject', 'ünïcödé, order 42'],
      ['ce_dataversion', '2'],
      ['ce_urgent', 'true'],
      ['x-tidings-attempt', '2'],
      ['x-tenant', 'acme, "north"'],
      ['content-type', 'application/json; charset=utf-8'],
    ])
    // Of Utils.toPositive(Utils.murmur2(bytes)) % 6.
    expect(raw.partition).toBe(javaPartition('ünïcödé, order 42', 6))
    expect(records.find(({ key }) => key?.toString() === 'p')?.partition).toBe(javaPartition('p', 6))
    const bare = records.find(({ headerEntries }) => headerEntries.some(([, value]) => value.toString() === 'e-1'))
    expect([bare?.key ?? null, bare?.value ?? null]).toEqual([null, null])
  })

  test.each(['binary', 'structured'] as const)('what the official SDK writes in %s mode is read', async (mode) => {
    const line = await connectTo(transport)
    const came: Delivery[] = []
    await line.subscribe(group(`wire.${mode}`, { types: [`sdk.${mode}`] }), (delivery) => came.push(delivery))
    const event = new CloudEvent({
      type: `sdk.${mode}`,
      source: '/sdk',
      id: 'sdk-1',
      partitionkey: 'k-1',
      datacontenttype: 'application/json',
      data: { item: 'Bücher' },
    })
    const written = CloudEventsKafka[mode](event)
    const producer = new Producer(base)
    const headers = Object.entries(written.headers).map(([name, value]) => [
      Buffer.from(name),
      Buffer.from(String(value)),
    ])
    const value = typeof written.value === 'string' ? written.value : JSON.stringify(written.value)
    const key = Buffer.from(String(written.key))
    await producer.send({
      messages: [
        {
          topic: `wire-${run}.events`,
          key,
          value: Buffer.from(value),
          headers: new Map(headers as [Buffer, Buffer][]),
        },
      ],
      acks: -1,
    })
    await producer.close()
    await expect.poll(() => came.length, { timeout: 10_000 }).toBe(1)
    const { attributes, body } = came[0]!.message
    expect(attributes).toMatchObject({ type: `sdk.${mode}`, source: '/sdk', id: 'sdk-1', partitionkey: 'k-1' })
    const text = typeof body === 'string' ? body : Buffer.from(body!).toString()
    expect(JSON.parse(text)).toEqual({ item: 'Bücher' })
    await line.close()
  })

  test('the official SDK reads what we write', async () => {
    const line = await connectTo(kafka({ brokers, prefix: `sdk-${run}`, partitions: 1, delays: ['100ms'] }))
    await line.publish({ message })
    await line.close()
    const [raw] = await recordsOf(`sdk-${run}.events`, 1)
    const headers = Object.fromEntries(raw!.headerEntries.map(([name, value]) => [name.toString(), value.toString()]))
    const written = { headers, value: raw!.value.toString(), key: raw!.key, body: undefined }
    const event = CloudEventsKafka.toEvent(written)
    expect(event).toMatchObject({ id: message.attributes['id'], type: 'wire.order.placed', data: { item: 'Bücher' } })
  })

  test('a dead letter is as it was received, with the reason in headers', async () => {
    const line = await connectTo(transport)
    const letter = {
      id: 'letter-1',
      group: 'wire.dead',
      reason: 'handler-failed',
      message: line.message({ key: 'k' }),
      attempts: 3,
      error: { name: 'Error', message: 'declined', stack: 'at billing' },
      firstFailedAt: '2026-12-01T09:30:00.000Z',
      lastFailedAt: '2026-12-01T09:31:00.000Z',
    } as never
    await line.subscribe(group('wire.dead'), (delivery) => {
      void delivery.settle({ as: 'dead-lettered', letter, effects: [] })
    })
    await line.publish({ message: line.message({ key: 'k' }) })
    const [raw] = await recordsOf(`wire-${run}.dead.wire.dead`, 1)
    const headers = Object.fromEntries(raw!.headerEntries.map(([name, value]) => [name.toString(), value.toString()]))
    expect(headers).toMatchObject({
      ce_type: 'test.happened',
      'x-tidings-dead-reason': 'handler-failed',
      'x-tidings-dead-attempts': '3',
      'x-tidings-dead-group': 'wire.dead',
    })
    expect(raw!.key.toString()).toBe('k')
    await line.close()
  })
})

/** As the clients of Java compute it, written for this test alone. */
function javaPartition(key: string, partitions: number): number {
  const data = Buffer.from(key)
  const m = 0x5bd1e995
  let h = 0x9747b28c ^ data.length
  for (let i = 0; i + 4 <= data.length; i += 4) {
    let k = Math.imul(data.readInt32LE(i), m)
    k = Math.imul(k ^ (k >>> 24), m)
    h = Math.imul(h, m) ^ k
  }
  const rest = data.length & ~3
  if ((data.length & 3) === 3) h ^= data[rest + 2]! << 16
  if ((data.length & 3) >= 2) h ^= data[rest + 1]! << 8
  if ((data.length & 3) >= 1) h = Math.imul(h ^ data[rest]!, m)
  h = Math.imul(h ^ (h >>> 13), m)
  h ^= h >>> 15
  return (h & 0x7fffffff) % partitions
}
