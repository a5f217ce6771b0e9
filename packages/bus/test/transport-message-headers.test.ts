import { decodeEvent, defineEvent, encodeEvent } from '@tidings/events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { deliveryHeaders, type Message, messageFromHeaders, messageToHeaders } from '../src/transport/index.ts'

const OrderPlaced = defineEvent('shop.order.placed', z.object({ item: z.string() }))

const message: Message = {
  attributes: { specversion: '1.0', id: 'a', source: '/shop', type: 'shop.order.placed', dataversion: 1, urgent: true },
  headers: { [deliveryHeaders.attempt]: '2' },
  contentType: 'application/json',
  body: '{"item":"Book"}',
}
/** Header protocols make texts of attributes. */
const inTexts: Message = { ...message, attributes: { ...message.attributes, dataversion: '1', urgent: 'true' } }

const protocols = [
  ['HTTP and NATS', {}, 'ce-'],
  ['Kafka', { prefix: 'ce_', percentEncoding: false }, 'ce_'],
  ['AMQP', { prefix: 'cloudEvents_', alsoRead: ['cloudEvents:'], percentEncoding: false }, 'cloudEvents_'],
] as const

describe.each(protocols)('with the headers of %s', (_protocol, options, prefix) => {
  test('a message is written in binary mode, its own headers beside the attributes', () => {
    const { headers, body } = messageToHeaders(message, options)
    expect(headers).toEqual({
      [`${prefix}specversion`]: '1.0',
      [`${prefix}id`]: 'a',
      [`${prefix}source`]: '/shop',
      [`${prefix}type`]: 'shop.order.placed',
      [`${prefix}dataversion`]: '1',
      [`${prefix}urgent`]: 'true',
      'x-tidings-attempt': '2',
      'content-type': 'application/json',
    })
    expect(body).toBe(message.body)
  })

  test('INVARIANT: what is read is what was written, whatever its characters', () => {
    const values = [
      'a space, a "quote", a \\ and 100%',
      'ünïcödé, 日本語, 🚀',
      '%20%0A is no escape',
      ' leading and trailing ',
      '"quoted"',
      'line\r\nfeed: injected',
      '',
    ]
    for (const value of values) {
      const odd = {
        ...inTexts,
        attributes: { ...inTexts.attributes, tenantid: value },
        headers: { 'x-note': value, [deliveryHeaders.lastError]: JSON.stringify({ message: value }) },
      }
      const { headers, body } = messageToHeaders(odd, options)
      expect(messageFromHeaders(headers, body, options)).toEqual(odd)
    }
  })

  test('a body is not interpreted, and none is none', () => {
    for (const body of [new Uint8Array([0, 255]), '{"large":9007199254740993, "exact":1.10}', undefined]) {
      const written = messageToHeaders({ ...message, body }, options)
      expect(messageFromHeaders(written.headers, written.body, options).body).toBe(body)
    }
  })
})

test('percent-encoded headers are printable ASCII', () => {
  const odd = { ...message, headers: { 'x-note': 'ü\r\n' }, attributes: { ...message.attributes, subject: '日本語 1' } }
  const { headers } = messageToHeaders(odd)
  expect(headers).toMatchObject({ 'x-note': '%C3%BC%0D%0A', 'ce-subject': '%E6%97%A5%E6%9C%AC%E8%AA%9E%201' })
})

test('a header of others that is no percent-encoding stays as it is', () => {
  expect(messageFromHeaders({ 'x-share': '100%' }, undefined).headers).toEqual({ 'x-share': '100%' })
})

test('headers come as clients have them: in any case, as pairs, as bytes, twice', () => {
  const bytes = new TextEncoder().encode('/shöp')
  const read = messageFromHeaders(
    [
      ['CE_ID', 'old'],
      ['ce_Id', 'a'],
      ['ce_source', bytes],
      ['Content-Type', 'text/plain'],
      ['X-Note', 7],
      ['x-none', null],
    ],
    'text',
    { prefix: 'ce_', percentEncoding: false },
  )
  expect(read).toEqual({
    attributes: { id: 'a', source: '/shöp' },
    contentType: 'text/plain',
    headers: { 'x-note': '7' },
    body: 'text',
  })
  expect(messageFromHeaders({ 'ce-id': ['old', 'a'] }, undefined).attributes).toEqual({ id: 'a' })
})

test('another prefix of the same protocol is read alike', () => {
  const options = { prefix: 'cloudEvents_', alsoRead: ['cloudEvents:'] }
  const { attributes } = messageFromHeaders({ 'cloudEvents:id': 'a', cloudEvents_type: 'b' }, undefined, options)
  expect(attributes).toEqual({ id: 'a', type: 'b' })
})

test('the content type may stand among the attributes; one that contradicts stays there', () => {
  const among = messageFromHeaders({ 'ce-id': 'a', 'ce-datacontenttype': 'text/plain' }, 'text')
  expect(among).toMatchObject({ attributes: { id: 'a' }, contentType: 'text/plain' })
  const both = { 'ce-datacontenttype': 'text/plain', 'content-type': 'application/json' }
  expect(messageFromHeaders(both, '1')).toMatchObject({
    attributes: { datacontenttype: 'text/plain' },
    contentType: 'application/json',
  })
})

describe('structured mode', () => {
  const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8', 'x-tidings-attempt': '2' }
  const event = { specversion: '1.0', id: 'a', source: '/shop', type: 'shop.order.placed', dataversion: 1, time: null }
  const read = (value: unknown): Message => messageFromHeaders(headers, JSON.stringify(value))

  test('is read as the message that binary mode would have been', () => {
    const { time: _none, ...attributes } = event
    const body = '{"item":"Book"}'
    const expected = { attributes, contentType: 'application/json', headers: { 'x-tidings-attempt': '2' }, body }
    expect(read({ ...event, data: { item: 'Book' } })).toEqual(expected)
    expect(
      messageFromHeaders(headers, new TextEncoder().encode(JSON.stringify({ ...event, data: { item: 'Book' } }))),
    ).toEqual(expected)
    expect(decodeEvent(read({ ...event, data: { item: 'Book' } }), OrderPlaced).data).toEqual({ item: 'Book' })
  })

  test.each([
    [{ data: 'text', datacontenttype: 'text/plain' }, 'text/plain', 'text'],
    [{ data: 'text' }, 'application/json', '"text"'],
    [{ data_base64: 'AP8=' }, 'application/octet-stream', new Uint8Array([0, 255])],
    [{}, undefined, undefined],
  ])('has the data of %j as its body', (data, contentType, body) => {
    expect(read({ ...event, ...data })).toMatchObject({ contentType, body })
  })

  test.each(['no JSON', '[]', '{"specversion":"1.0"}', new Uint8Array([255])])(
    'that is no CloudEvent stays as it came: %j',
    (body) => {
      expect(messageFromHeaders(headers, body)).toEqual({
        attributes: {},
        contentType: headers['content-type'],
        headers: { 'x-tidings-attempt': '2' },
        body,
      })
    },
  )
})

test('an event goes over headers and comes back', () => {
  const event = OrderPlaced.create({ item: 'Büch' }, { source: '/shop', extensions: { tenantid: 'acme ünïcödé' } })
  const written = messageToHeaders({ ...encodeEvent(event), headers: {} })
  const read = decodeEvent(messageFromHeaders(written.headers, written.body), OrderPlaced)
  expect(read.toJSON()).toEqual(event.toJSON())
})
