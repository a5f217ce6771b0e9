import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import {
  createCatalog,
  defineEvent,
  fromCloudEventHeaders,
  type HeadersLike,
  InvalidCloudEventError,
  parseCloudEventHeaders,
  toCloudEvent,
  toCloudEventHeaders,
} from '../src/index.ts'

const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({ orderId: z.string() }),
  key: (order) => order.orderId,
  source: '/shop',
})
const catalog = createCatalog([OrderPlaced])
const event = OrderPlaced.create(
  { orderId: 'Euro € 😀' },
  { id: 'e-1', time: 0, sequence: 3, extensions: { retries: 2, replay: true } },
)
const minimal = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-type': 'mock.test', 'ce-source': '/a' }

describe('binary content mode', () => {
  test('has attributes as headers and the data as body', () => {
    expect(toCloudEventHeaders(event)).toEqual({
      headers: {
        'ce-specversion': '1.0',
        'ce-id': 'e-1',
        'ce-source': '/shop',
        'ce-type': 'shop.order.placed',
        // The example of the HTTP protocol binding, section 3.1.3.2.
        'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
        'ce-time': '1970-01-01T00:00:00.000Z',
        'ce-dataversion': '1',
        'ce-sequence': '0000000000000003',
        'ce-retries': '2',
        'ce-replay': 'true',
        'content-type': 'application/json',
      },
      body: '{"orderId":"Euro € 😀"}',
    })
  })

  test('gives the event back; extensions of other types come back as text', () => {
    const { headers, body } = toCloudEventHeaders(event)
    expect(fromCloudEventHeaders(headers, body, catalog)).toEqual({
      ...event,
      extensions: { retries: '2', replay: 'true' },
    })
  })

  test('has no body and no content type without data, and bytes as they are', () => {
    const Empty = defineEvent('empty', z.undefined())
    const empty = toCloudEventHeaders(Empty.create(undefined))
    expect(empty.body).toBeUndefined()
    expect('content-type' in empty.headers).toBe(false)
    expect(fromCloudEventHeaders(empty.headers, empty.body, Empty).data).toBeUndefined()
    const Image = defineEvent('image', { schema: z.instanceof(Uint8Array), dataContentType: 'image/png' })
    const image = toCloudEventHeaders(Image.create(new Uint8Array([1, 2])))
    expect(image).toMatchObject({ headers: { 'content-type': 'image/png' }, body: new Uint8Array([1, 2]) })
    expect(fromCloudEventHeaders(image.headers, image.body, Image).data).toEqual(new Uint8Array([1, 2]))
    const Note = defineEvent('note', { schema: z.string(), dataContentType: 'text/plain' })
    const note = toCloudEventHeaders(Note.create('Hello'))
    expect(note).toMatchObject({ headers: { 'content-type': 'text/plain' }, body: 'Hello' })
    expect(fromCloudEventHeaders(note.headers, Buffer.from('Hello'), Note).data).toBe('Hello')
  })

  test('follows the prefix and the encoding of other protocols', () => {
    const { headers, body } = toCloudEventHeaders(event, { prefix: 'ce_', percentEncoding: false })
    expect(headers).toMatchObject({ ce_id: 'e-1', ce_subject: 'Euro € 😀', 'content-type': 'application/json' })
    const bytes = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]))
    expect(
      fromCloudEventHeaders(bytes, Buffer.from(String(body)), catalog, { prefix: 'ce_', percentEncoding: false }),
    ).toMatchObject({ id: 'e-1', subject: 'Euro € 😀' })
    const amqp = {
      cloudEvents_specversion: '1.0',
      cloudEvents_id: '1',
      cloudEvents_type: 't',
      cloudEvents_source: '/',
      cloudEvents_flag: true,
      cloudEvents_count: 3,
    }
    expect(
      parseCloudEventHeaders(amqp, undefined, { prefix: 'cloudEvents_', percentEncoding: false }).extensions,
    ).toEqual({ flag: true, count: 3 })
  })

  test('INVARIANT: every attribute survives percent-encoding, in printable ASCII', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((value) => !/[\p{Cc}\p{Noncharacter_Code_Point}\p{Surrogate}]/u.test(value))
    fc.assert(
      fc.property(text, (subject) => {
        const sent = toCloudEventHeaders(OrderPlaced.create({ orderId: 'a' }, { subject }))
        for (const value of Object.values(sent.headers)) expect(value).toMatch(/^[\x21-\x7e]+$/)
        expect(fromCloudEventHeaders(new Headers(sent.headers), sent.body, catalog).subject).toBe(subject)
      }),
    )
  })
})

describe('reading headers', () => {
  test('takes a Headers object, pairs, a map, lists of one, and names in any case', () => {
    const forms: HeadersLike[] = [
      minimal,
      new Headers(minimal),
      Object.entries(minimal),
      new Map(Object.entries(minimal)),
      Object.fromEntries(Object.entries(minimal).map(([name, value]) => [name.toUpperCase(), [value]])),
      { ...minimal, 'ce-subject': undefined, 'ce-time': null, host: 'example.com' },
    ]
    for (const form of forms)
      expect(parseCloudEventHeaders(form, undefined)).toMatchObject({
        id: '1',
        source: '/a',
        subject: undefined,
        data: undefined,
      })
  })

  test('takes a body as text, bytes, buffer or parsed JSON', () => {
    const headers = { ...minimal, 'content-type': 'application/json; charset=utf-8' }
    const bytes = new TextEncoder().encode('{"a":"ü"}')
    for (const body of ['{"a":"ü"}', bytes, Buffer.from(bytes), bytes.buffer, { a: 'ü' }]) {
      expect(parseCloudEventHeaders(headers, body).data).toEqual({ a: 'ü' })
    }
    for (const body of ['', new Uint8Array(), undefined, null])
      expect(parseCloudEventHeaders(headers, body).data).toBeUndefined()
    expect(parseCloudEventHeaders(minimal, bytes).data).toBe(bytes)
    expect(
      parseCloudEventHeaders({ ...minimal, 'content-type': 'text/plain; charset=iso-8859-1' }, new Uint8Array([0xfc]))
        .data,
    ).toBe('ü')
    expect(parseCloudEventHeaders({ ...minimal, 'content-type': 'text/plain; charset=unheard-of' }, bytes).data).toBe(
      '{"a":"ü"}',
    )
    expect(parseCloudEventHeaders({ ...minimal, 'content-type': 'application/atom+xml' }, bytes).data).toBe('{"a":"ü"}')
  })

  test('decodes percent-encoding and quotes as the HTTP binding demands', () => {
    const subject = (value: string) => parseCloudEventHeaders({ ...minimal, 'ce-subject': value }, undefined).subject
    expect(subject('%41b%c3%bc')).toBe('Abü')
    expect(subject('a+b')).toBe('a+b')
    expect(subject('"a b"')).toBe('a b')
    expect(subject(String.raw`"a \"b\" \\ c"`)).toBe(String.raw`a "b" \ c`)
    expect(subject('100%25')).toBe('100%')
    // An overlong encoding, half a character, and no hexadecimal digits.
    for (const wrong of ['%C0%A0', '%E2%82', '%zz', '100%'])
      expect(() => subject(wrong)).toThrow(/at subject: expected percent-encoded UTF-8/)
  })

  test('reads structured mode by its content type', () => {
    const structured = { 'Content-Type': 'application/cloudevents+json; charset=utf-8' }
    const text = JSON.stringify(toCloudEvent(event))
    for (const body of [text, Buffer.from(text), JSON.parse(text)]) {
      expect(fromCloudEventHeaders(structured, body, catalog)).toEqual(event)
    }
    expect(() => parseCloudEventHeaders(structured, '{')).toThrow(/at body: expected a CloudEvent as JSON text/)
    expect(() => parseCloudEventHeaders(structured, '{"specversion":"0.3"}')).toThrow(/at specversion/)
    expect(() => parseCloudEventHeaders({ 'content-type': 'application/cloudevents+avro' }, text)).toThrow(
      /one event format that is read here/,
    )
    expect(() => parseCloudEventHeaders({ 'content-type': 'application/cloudevents-batch+json' }, '[]')).toThrow(
      /fromCloudEventBatch\(\) reads a batch/,
    )
  })

  test('refuses what the binding does not allow', () => {
    const refused: [headers: HeadersLike, body: string | undefined, message: RegExp][] = [
      [{ host: 'example.com' }, undefined, /at specversion: expected "1\.0", received nothing/],
      [{ ...minimal, 'ce-specversion': '0.3' }, undefined, /received "0\.3"/],
      [{ ...minimal, 'ce-id': '' }, undefined, /at id/],
      [{ ...minimal, 'ce-a_b': 'x' }, undefined, /at a_b/],
      [
        [...Object.entries(minimal), ['CE-ID', '2']],
        undefined,
        /at id: expected one header of this name, received "2"/,
      ],
      [{ ...minimal, 'content-type': 'application/json' }, '{', /at data: expected a body of application\/json/],
      [{ ...minimal, 'content-type': 'nonsense' }, 'x', /at datacontenttype/],
      [
        { ...minimal, 'content-type': 'text/plain', 'ce-datacontenttype': 'text/html' },
        'x',
        /at datacontenttype: expected the value of the content-type header/,
      ],
    ]
    for (const [headers, body, message] of refused) {
      expect(() => parseCloudEventHeaders(headers, body)).toThrow(InvalidCloudEventError)
      expect(() => parseCloudEventHeaders(headers, body)).toThrow(message)
    }
  })

  test('takes the content type from the attribute where the protocol has no other place', () => {
    expect(parseCloudEventHeaders({ ...minimal, 'ce-datacontenttype': 'application/json' }, '{"a":1}')).toMatchObject({
      dataContentType: 'application/json',
      data: { a: 1 },
    })
  })
})
