import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import {
  causedBy,
  createCatalog,
  defineEvent,
  fromCloudEvent,
  fromCloudEventBatch,
  InvalidCloudEventError,
  InvalidEventError,
  parseCloudEvent,
  parseCloudEventBatch,
  toCloudEvent,
  toCloudEventBatch,
} from '../src/index.ts'
import { anything, sampleWithValue } from './support/schemas.ts'

const OrderPlaced = defineEvent('shop.order.placed', {
  version: 2,
  schema: z.object({ orderId: z.string(), quantity: z.int() }),
  key: (order) => order.orderId,
  upcast: { 1: (old) => ({ orderId: old.id, quantity: old.qty }) },
  source: '/shop',
  dataSchema: 'https://example.com/schemas/shop.order.placed/2',
})
const catalog = createCatalog([OrderPlaced, defineEvent('mock.test', z.any())])
const minimal = { specversion: '1.0', id: '1', type: 'mock.test', source: '/a' }

describe('toCloudEvent', () => {
  test('writes every attribute under its name on the wire', () => {
    const root = OrderPlaced.create({ orderId: 'o-1', quantity: 1 }, { id: 'e-1', time: 0, sequence: 7 })
    const event = OrderPlaced.create(
      { orderId: 'o-1', quantity: 2 },
      {
        ...causedBy(root),
        id: 'e-2',
        time: 0,
        sequence: 8,
        extensions: { traceparent: '00-ab', retries: 2, replay: true },
      },
    )
    expect(toCloudEvent(root)).toEqual({
      specversion: '1.0',
      id: 'e-1',
      source: '/shop',
      type: 'shop.order.placed',
      subject: 'o-1',
      time: '1970-01-01T00:00:00.000Z',
      datacontenttype: 'application/json',
      dataschema: 'https://example.com/schemas/shop.order.placed/2',
      dataversion: 2,
      sequence: '0000000000000007',
      data: { orderId: 'o-1', quantity: 1 },
    })
    expect(toCloudEvent(event)).toMatchObject({
      correlationid: 'e-1',
      causationid: 'e-1',
      causationdepth: 1,
      traceparent: '00-ab',
      retries: 2,
      replay: true,
    })
  })

  test('names extensions in lower-case letters and digits, at most twenty', () => {
    const event = OrderPlaced.create(
      { orderId: 'o', quantity: 1 },
      { ...causedBy(OrderPlaced.create({ orderId: 'o', quantity: 1 })) },
    )
    for (const name of Object.keys(toCloudEvent(event))) expect(name).toMatch(/^[a-z\d]{1,20}$/)
  })

  test('writes sequences whose texts sort as their numbers', () => {
    const numbers = [0, 1, 2, 9, 10, 99, 100, 1e6, 1e12, Number.MAX_SAFE_INTEGER]
    const texts = numbers.map((sequence) =>
      String(toCloudEvent(OrderPlaced.create({ orderId: 'o', quantity: 1 }, { sequence }))['sequence']),
    )
    expect(texts.toSorted()).toEqual(texts)
  })

  test('writes bytes as data_base64, and leaves data out where there is none', () => {
    const Image = defineEvent('image', { schema: z.instanceof(Uint8Array), dataContentType: 'image/png' })
    const bytes = Uint8Array.from({ length: 20_000 }, (_, index) => index % 256)
    const cloudEvent = toCloudEvent(Image.create(bytes))
    expect(cloudEvent).toMatchObject({
      datacontenttype: 'image/png',
      data_base64: Buffer.from(bytes).toString('base64'),
    })
    expect('data' in cloudEvent).toBe(false)
    expect(fromCloudEvent(JSON.parse(JSON.stringify(cloudEvent)), Image).data).toEqual(bytes)
    const Raw = defineEvent('raw', z.instanceof(Uint8Array))
    expect(toCloudEvent(Raw.create(new Uint8Array()))).toMatchObject({
      datacontenttype: 'application/octet-stream',
      data_base64: '',
    })
    const Empty = defineEvent('empty', z.undefined())
    const empty = toCloudEvent(Empty.create(undefined))
    expect('data' in empty || 'datacontenttype' in empty).toBe(false)
    expect(fromCloudEvent(empty, Empty).data).toBeUndefined()
  })

  test('writes text of another media type as it is, and refuses other data for it', () => {
    const Note = defineEvent('note', { schema: z.any(), dataContentType: 'text/plain' })
    expect(toCloudEvent(Note.create('Hello'))).toMatchObject({ datacontenttype: 'text/plain', data: 'Hello' })
    expect(() => toCloudEvent(Note.create({ a: 1 }))).toThrow(
      /at data: expected text or a Uint8Array, since dataContentType is text\/plain/,
    )
  })

  test('refuses what is no event', () => {
    for (const none of [{}, null, minimal, { ...OrderPlaced.create({ orderId: 'o', quantity: 1 }) }]) {
      expect(() => toCloudEvent(none as never)).toThrow(InvalidEventError)
    }
  })
})

describe('fromCloudEvent', () => {
  test('INVARIANT: gives back every event, through JSON text', () => {
    fc.assert(
      fc.property(sampleWithValue, ([{ schema }, value]) => {
        const Any = defineEvent('random.event', schema)
        const event = Any.create(value, {
          extensions: { a: 'x', b: 1, c: false },
          causationDepth: 3,
          correlationId: 'ü €',
        })
        const read = fromCloudEvent(JSON.parse(JSON.stringify(toCloudEvent(event))), createCatalog([Any]))
        expect(JSON.stringify(read)).toBe(JSON.stringify(event))
      }),
      { numRuns: 200 },
    )
  })

  test('reads an event of a producer that does not know us: version 1, time of reading, subject by key', () => {
    const event = fromCloudEvent({ ...minimal, type: 'shop.order.placed', data: { id: 'o-9', qty: 3 } }, catalog)
    expect(event).toMatchObject({
      id: '1',
      version: 2,
      source: '/a',
      subject: 'o-9',
      sequence: undefined,
      correlationId: undefined,
      causationDepth: 0,
      data: { orderId: 'o-9', quantity: 3 },
    })
    expect(Math.abs(Date.now() - Date.parse(event.time))).toBeLessThan(60_000)
  })

  test('keeps attributes that have no name here in extensions', () => {
    const event = fromCloudEvent({ ...minimal, traceparent: '00-ab', anumber: 5, flag: true, sequence: 'b7' }, catalog)
    expect(event.extensions).toEqual({ traceparent: '00-ab', anumber: 5, flag: true, sequence: 'b7' })
    expect(event.sequence).toBeUndefined()
    expect(toCloudEvent(event)).toMatchObject({ traceparent: '00-ab', anumber: 5, flag: true, sequence: 'b7' })
  })

  test('reads sequences and whole numbers written as text or as number', () => {
    expect(
      fromCloudEvent({ ...minimal, sequence: '0042', causationdepth: '3', dataversion: '1' }, catalog),
    ).toMatchObject({ sequence: 42, causationDepth: 3 })
    expect(fromCloudEvent({ ...minimal, sequence: 42, causationdepth: 3, dataversion: 1 }, catalog)).toMatchObject({
      sequence: 42,
      causationDepth: 3,
    })
    expect(fromCloudEvent({ ...minimal, sequence: '99999999999999999999' }, catalog).extensions).toEqual({
      sequence: '99999999999999999999',
    })
  })

  test('refuses our own extensions when they make no sense', () => {
    expect(() => fromCloudEvent({ ...minimal, dataversion: 'two' }, catalog)).toThrow(
      /at dataversion: .*received "two"/,
    )
    expect(() => fromCloudEvent({ ...minimal, dataversion: 0 }, catalog)).toThrow(InvalidCloudEventError)
    expect(() => fromCloudEvent({ ...minimal, causationdepth: -1 }, catalog)).toThrow(/at causationdepth/)
  })

  test('decodes base64 data that declares itself JSON', () => {
    const encoded = { ...minimal, datacontenttype: 'application/json', data_base64: btoa('{"a":1}') }
    expect(fromCloudEvent(encoded, catalog).data).toEqual({ a: 1 })
    expect(parseCloudEvent(encoded).data).toEqual(new Uint8Array(Buffer.from('{"a":1}')))
    expect(() => fromCloudEvent({ ...encoded, data_base64: btoa('{"a":') }, catalog)).toThrow(
      /at data_base64: expected JSON in UTF-8/,
    )
  })

  test('says what parse of the reader says', () => {
    expect(() => fromCloudEvent({ ...minimal, type: 'other' }, catalog)).toThrow(/is not in the catalog/)
    expect(() => fromCloudEvent({ ...minimal, type: 'shop.order.placed', dataversion: 3 }, catalog)).toThrow(
      /has version 3/,
    )
    expect(() => fromCloudEvent({ ...minimal, type: 'shop.order.placed', dataversion: 2 }, OrderPlaced)).toThrow(
      /at data: expected an object/,
    )
  })
})

describe('parseCloudEvent', () => {
  test('reads an event without a definition', () => {
    expect(
      parseCloudEvent({
        ...minimal,
        subject: null,
        time: '2018-04-26T14:48:09+02:00',
        dataschema: 'urn:a:b',
        traceparent: 'x',
        data: null,
      }),
    ).toEqual({
      id: '1',
      source: '/a',
      type: 'mock.test',
      subject: undefined,
      time: '2018-04-26T14:48:09+02:00',
      dataContentType: undefined,
      dataSchema: 'urn:a:b',
      extensions: { traceparent: 'x' },
      data: null,
    })
  })

  const valid: [name: string, changes: object][] = [
    ['a URN as source', { source: 'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66' }],
    ['a mailbox as source', { source: 'mailto:cncf-wg-serverless@lists.cncf.io' }],
    ['a relative source', { source: '1-555-123-4567' }],
    ['a network path as source', { source: '//pubsub.googleapis.com/projects/a' }],
    ['an IPv6 host', { source: 'http://[2001:db8::7]:8080/a?b=c#d' }],
    ['percent-encoding', { source: '/a%20b' }],
    ['a leap second', { time: '1990-12-31T23:59:60Z' }],
    ['lower-case letters in a time', { time: '1990-12-31t23:59:59z' }],
    ['a fraction of a second', { time: '2018-04-26T14:48:09.123456789Z' }],
    ['a leap day', { time: '2024-02-29T00:00:00Z' }],
    ['an attribute name longer than advised', { averyveryveryverylongname: 'x' }],
    ['an extension that is empty', { ext: '' }],
    ['an extension that begins with a digit', { '1st': 'x' }],
    ['the largest and the smallest integer', { a: 2 ** 31 - 1, b: -(2 ** 31) }],
    ['an emoji', { subject: '🌎' }],
    ['a media type with parameters', { datacontenttype: 'TEXT/Plain; CharSet=utf-8', data: 'x' }],
    ['a media type of a vendor', { datacontenttype: 'application/vnd.shop+json;v="1 2"', data: {} }],
    ['every kind of JSON data', { data: [1, 'a', null, { b: true }] }],
    ['base64 data without a content type', { data_base64: 'AAEC' }],
    [
      'null for what is not set',
      { subject: null, time: null, datacontenttype: null, dataschema: null, data_base64: null, ext: null },
    ],
  ]
  for (const [name, changes] of valid)
    test(`accepts ${name}`, () => expect(parseCloudEvent({ ...minimal, ...changes })).toMatchObject({ id: '1' }))

  const invalid: [name: string, value: unknown, message: RegExp][] = [
    [
      'no object',
      'text',
      /at event: expected a CloudEvent as a JSON object \(JSON text must go through JSON\.parse first\), received a text of 4 characters/,
    ],
    ['null', null, /at event/],
    ['a batch', [minimal], /not a batch/],
    ['no specversion', { ...minimal, specversion: undefined }, /at specversion: expected "1\.0", received nothing/],
    ['version 0.3', { ...minimal, specversion: '0.3' }, /at specversion: expected "1\.0", received "0\.3"/],
    ['a version as number', { ...minimal, specversion: 1 }, /at specversion/],
    ['no id', { ...minimal, id: undefined }, /at id: .*received nothing/],
    ['an empty id', { ...minimal, id: '' }, /at id/],
    ['an id that is null', { ...minimal, id: null }, /at id/],
    ['an id that is a number', { ...minimal, id: 1 }, /at id: .*received 1/],
    ['an empty type', { ...minimal, type: '' }, /at type/],
    ['no source', { ...minimal, source: undefined }, /at source/],
    ['a source with a space', { ...minimal, source: 'a b' }, /at source: expected a URI/],
    ['a source that is not ASCII', { ...minimal, source: 'https://exämple.com' }, /at source/],
    ['a broken escape in the source', { ...minimal, source: '/a%2' }, /at source/],
    ['an empty subject', { ...minimal, subject: '' }, /at subject/],
    ['a subject with a newline', { ...minimal, subject: 'a\nb' }, /at subject: .*received "a\\nb"/],
    ['a subject with a lone surrogate', { ...minimal, subject: '\udead' }, /at subject/],
    ['a time without zone', { ...minimal, time: '2018-04-26T14:48:09' }, /at time/],
    ['a date without time', { ...minimal, time: '2018-04-26' }, /at time/],
    ['a month 13', { ...minimal, time: '2018-13-26T14:48:09Z' }, /at time/],
    ['a February 29 in a common year', { ...minimal, time: '2023-02-29T00:00:00Z' }, /at time/],
    ['an hour 24', { ...minimal, time: '2018-04-26T24:00:00Z' }, /at time/],
    ['a zone of 24 hours', { ...minimal, time: '2018-04-26T00:00:00+24:00' }, /at time/],
    ['a time as number', { ...minimal, time: 1524750489 }, /at time/],
    ['a relative dataschema', { ...minimal, dataschema: '/schema' }, /at dataschema: expected an absolute URI/],
    ['a content type without subtype', { ...minimal, datacontenttype: 'json' }, /at datacontenttype/],
    ['a name with an underscore', { ...minimal, a_b: 'x' }, /at a_b: expected an attribute name of lower-case letters/],
    ['a name in upper case', { ...minimal, aString: 'x' }, /at aString/],
    ['an empty name', { ...minimal, '': 'x' }, /expected an attribute name/],
    [
      'a name __proto__',
      JSON.parse('{"specversion":"1.0","id":"1","type":"t","source":"/","__proto__":"x"}'),
      /at __proto__/,
    ],
    [
      'an extension that is an object',
      { ...minimal, ext: { a: 1 } },
      /at ext: expected a string, a boolean or a whole number/,
    ],
    ['an extension that is a list', { ...minimal, ext: [] }, /at ext/],
    ['an extension with a fraction', { ...minimal, ext: 1.5 }, /at ext: expected a whole number of 32 bits/],
    ['an extension beyond 32 bits', { ...minimal, ext: 2 ** 31 }, /at ext/],
    [
      'data twice',
      { ...minimal, data: 1, data_base64: 'AA==' },
      /at data_base64: expected either `data` or `data_base64`, not both/,
    ],
    ['data and its null beside base64', { ...minimal, data: null, data_base64: 'AA==' }, /not both/],
    ['base64 that is none', { ...minimal, data_base64: '... base64 ...' }, /at data_base64: expected base64 text/],
    ['base64 without padding', { ...minimal, data_base64: 'AA' }, /at data_base64/],
    ['base64 that is no text', { ...minimal, data_base64: 5 }, /at data_base64/],
    [
      'an object that calls itself XML',
      { ...minimal, datacontenttype: 'application/xml', data: {} },
      /at data: expected text, since datacontenttype is application\/xml/,
    ],
  ]
  for (const [name, value, message] of invalid) {
    test(`refuses ${name}`, () => {
      expect(() => parseCloudEvent(value)).toThrow(InvalidCloudEventError)
      expect(() => parseCloudEvent(value)).toThrow(message)
    })
  }

  test('reports everything that is wrong, and how', () => {
    const parse = () => parseCloudEvent({ ...minimal, id: '', time: 'x', aB: 1 })
    expect(parse).toThrow(
      /^CloudEvent is invalid at id: .*\(and 2 more\)\n {2}id: .*\n {2}time: .*\n {2}aB: .*\nThe producer must follow CloudEvents 1\.0/,
    )
    expect(parse).toThrow(
      expect.objectContaining({ code: 'INVALID_CLOUDEVENT', issues: [{}, {}, {}].map(() => expect.anything()) }),
    )
  })

  test('judges long hostile attributes without delay', () => {
    const long = 'a'.repeat(300_000)
    const hostile = [
      { source: `//${long} ` },
      { source: `a:${'/'.repeat(300_000)} ` },
      { source: `${'%20'.repeat(100_000)}%` },
      { dataschema: `${long}:${long}^` },
      { datacontenttype: `a/b${' ;'.repeat(100_000)}"` },
      { datacontenttype: `a/b;a="${long}` },
      { time: `2026-01-31T00:00:00.${'0'.repeat(300_000)}` },
      { [`${long}_`]: 'x' },
      { id: `${long}\n` },
    ]
    for (const changes of hostile)
      expect(() => parseCloudEvent({ ...minimal, ...changes })).toThrow(InvalidCloudEventError)
  })

  test('reads megabytes of base64', () => {
    const bytes = new Uint8Array(12_000_000).fill(7)
    const { data } = parseCloudEvent({ ...minimal, data_base64: Buffer.from(bytes).toString('base64') })
    expect((data as Uint8Array).length).toBe(bytes.length)
  })

  test('throws nothing else, whatever it is given', () => {
    const envelope = fc.record({
      specversion: fc.constant('1.0'),
      id: anything,
      type: anything,
      source: anything,
      data: anything,
      ext: anything,
    })
    fc.assert(
      fc.property(fc.oneof(anything, envelope), (value) => {
        try {
          parseCloudEvent(value)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidCloudEventError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('a batch', () => {
  test('is written and read, and may be empty', () => {
    const events = [
      OrderPlaced.create({ orderId: 'a', quantity: 1 }),
      OrderPlaced.create({ orderId: 'b', quantity: 2 }),
    ]
    const text = JSON.stringify(toCloudEventBatch(events))
    expect(fromCloudEventBatch(JSON.parse(text), catalog)).toEqual(events)
    expect(fromCloudEventBatch([], catalog)).toEqual([])
  })

  test('names the place of what is wrong in it', () => {
    expect(() => parseCloudEventBatch([minimal, { ...minimal, id: '' }])).toThrow(
      /at \[1\]\.id: expected a string that is not empty/,
    )
    expect(() => parseCloudEventBatch(minimal)).toThrow(/expected an array of CloudEvents/)
  })
})
