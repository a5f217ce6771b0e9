import type { Message } from '@tidings/bus'
import type { Delivery } from '@tidings/bus/transport'
import { afterAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { onChannel } from './fixtures/broker.ts'
import { connectTo, group } from './fixtures/connect.ts'
import { anyServer } from './fixtures/server.ts'

const rabbit = await anyServer()
afterAll(() => rabbit?.close())

/** All that AMQP has besides, which none of ours bears. */
const unset = {
  contentEncoding: undefined,
  priority: undefined,
  replyTo: undefined,
  expiration: undefined,
  userId: undefined,
  appId: undefined,
  clusterId: undefined,
}

const message: Message = {
  attributes: {
    specversion: '1.0',
    id: '0199a3c4-7a52-7c11-8d7e-6f0a2b3c4d5e',
    source: '/shop',
    type: 'wire.order.placed',
    time: '2026-12-01T09:30:00.500Z',
    subject: 'ünïcödé, order 42',
    dataversion: 2,
    correlationid: 'c-1',
    urgent: true,
  },
  contentType: 'application/json; charset=utf-8',
  body: '{"item":"Bücher"}',
  headers: { 'x-tidings-attempt': '2', 'x-tenant': 'acme, "north"' },
}

describe.runIf(rabbit !== undefined)('on a broker', () => {
  const { url } = rabbit!

  /** What a plain client is given of what is published to `to` meanwhile. */
  function received(from: { readonly exchange: string; readonly key: string }, publish: () => unknown) {
    return onChannel(url, async (channel) => {
      const { queue } = await channel.assertQueue('', { exclusive: true })
      await channel.bindQueue(queue, from.exchange, from.key)
      await publish()
      const { fields: _, ...rest } = (await channel.get(queue, { noAck: true })) as { fields: object }
      return rest
    })
  }

  test('an event is in the binary mode of CloudEvents, with the properties that the users of RabbitMQ look for', async () => {
    const line = await connectTo(rabbitmq({ url, prefix: 'wire' }))
    const raw = await received({ exchange: 'wire.events', key: 'wire.order.*' }, () => line.publish({ message }))
    expect(raw).toEqual({
      content: Buffer.from('7b226974656d223a2242c3bc63686572227d', 'hex'),
      properties: {
        ...unset,
        contentType: 'application/json; charset=utf-8',
        deliveryMode: 2,
        messageId: '0199a3c4-7a52-7c11-8d7e-6f0a2b3c4d5e',
        correlationId: 'c-1',
        type: 'wire.order.placed',
        timestamp: 1_796_117_400,
        headers: {
          cloudEvents_specversion: '1.0',
          cloudEvents_id: '0199a3c4-7a52-7c11-8d7e-6f0a2b3c4d5e',
          cloudEvents_source: '/shop',
          cloudEvents_type: 'wire.order.placed',
          cloudEvents_time: '2026-12-01T09:30:00.500Z',
          cloudEvents_subject: 'ünïcödé, order 42',
          cloudEvents_dataversion: '2',
          cloudEvents_correlationid: 'c-1',
          cloudEvents_urgent: 'true',
          'x-tidings-attempt': '2',
          'x-tenant': 'acme, "north"',
          'tidings-bucket': expect.stringMatching(/^\d+$/),
        },
      },
    })
    await line.close()
  })

  test('what has no content type and no body has neither on the wire', async () => {
    const line = await connectTo(rabbitmq({ url, prefix: 'wire' }))
    const bare: Message = {
      attributes: { specversion: '1.0', id: 'e-1', source: '/shop', type: 'wire.bare' },
      contentType: undefined,
      body: undefined,
      headers: {},
    }
    const raw = await received({ exchange: 'wire.events', key: 'wire.bare' }, () => line.publish({ message: bare }))
    expect(raw).toMatchObject({
      content: Buffer.alloc(0),
      properties: { contentType: undefined, messageId: 'e-1', timestamp: undefined },
    })
    await line.close()
  })

  test('what is too long for a property stands among the headers, and comes back', async () => {
    const line = await connectTo(rabbitmq({ url, prefix: 'wire' }))
    const came: Delivery[] = []
    await line.subscribe(group('wire.long', { types: ['wire.long'] }), (delivery) => came.push(delivery))
    const long: Message = {
      ...message,
      attributes: { ...message.attributes, type: 'wire.long', id: 'i'.repeat(300), correlationid: 'é'.repeat(200) },
      contentType: `text/plain; note=${'n'.repeat(300)}`,
    }
    const raw = await received({ exchange: 'wire.events', key: 'wire.long' }, () => line.publish({ message: long }))
    expect(raw).toMatchObject({
      properties: { messageId: undefined, correlationId: undefined, contentType: undefined },
    })
    await expect.poll(() => came.length).toBe(1)
    const { attributes, contentType, headers } = came[0]!.message
    expect({ attributes, contentType, headers }).toEqual({
      attributes: { ...long.attributes, dataversion: '2', urgent: 'true' },
      contentType: long.contentType,
      headers: long.headers,
    })
    await line.close()
  })

  test('headers for which the driver has no room are refused, and disturb nothing', async () => {
    const line = await connectTo(rabbitmq({ url, prefix: 'wire' }))
    const came: string[] = []
    await line.subscribe(group('wire.large', { types: ['wire.large'] }), ({ message: got }) => {
      came.push(String(got.headers['x-note']?.length))
    })
    const noted = (size: number): Message => ({
      ...message,
      attributes: { ...message.attributes, type: 'wire.large' },
      headers: { 'x-note': 'n'.repeat(size) },
    })
    const { maxHeadersSize } = rabbitmq({ url }).capabilities
    await expect(line.publish({ message: noted(65_536) })).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    await line.publish({ message: noted(maxHeadersSize - 1000) })
    await expect.poll(() => came).toEqual([String(maxHeadersSize - 1000)])
    await line.close()
  })

  test('names of CloudEvents with a colon, as other clients write them, are read alike', async () => {
    const line = await connectTo(rabbitmq({ url, prefix: 'wire' }))
    const came: Delivery[] = []
    await line.subscribe(group('wire.colon', { types: ['wire.colon'] }), (delivery) => came.push(delivery))
    await onChannel(url, async (channel) => {
      const headers = {
        'cloudEvents:specversion': '1.0',
        'cloudEvents:id': 'e-2',
        'cloudEvents:source': '/other',
        'cloudEvents:type': 'wire.colon',
        'cloudEvents:weight': 12,
        'cloudEvents:fragile': true,
        'x-own': 'as it is',
        'x-table': { nested: 1 },
      }
      channel.publish('wire.events', 'wire.colon', Buffer.from('{}'), { headers, contentType: 'application/json' })
      await expect.poll(() => came.length).toBe(1)
    })
    expect(came[0]!.message).toMatchObject({
      attributes: {
        specversion: '1.0',
        id: 'e-2',
        source: '/other',
        type: 'wire.colon',
        weight: '12',
        fragile: 'true',
      },
      contentType: 'application/json',
      headers: { 'x-own': 'as it is' },
    })
    await line.close()
  })
})
