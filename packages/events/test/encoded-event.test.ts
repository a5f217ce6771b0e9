import { isTidingsError } from '@tidings/core'
import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import {
  createCatalog,
  decodeEvent,
  defineEvent,
  type EncodedEvent,
  encodeEvent,
  fromCloudEvent,
  InvalidCloudEventError,
  InvalidEventError,
  isEvent,
  parseCloudEvent,
  UnknownEventTypeError,
  UnknownEventVersionError,
  UpcastError,
} from '../src/index.ts'
import { anything, sampleWithValue } from './support/schemas.ts'

const OrderPlaced = defineEvent('shop.order.placed', {
  version: 2,
  schema: z.object({ orderId: z.string(), quantity: z.int().positive() }),
  key: (order) => order.orderId,
  source: '/shop',
  upcast: { 1: ({ qty, ...old }) => ({ ...old, quantity: qty.valueOf() }) },
})
const catalog = createCatalog([OrderPlaced])
const event = OrderPlaced.create(
  { orderId: 'Euro € 😀', quantity: 1 },
  { id: 'e-1', time: 0, sequence: 3, correlationId: 'c-1', causationId: 'e-0', causationDepth: 1 },
)

/** What arrives over a protocol whose headers are texts and whose bodies are bytes. */
const overTheWire = ({ attributes, contentType, body }: EncodedEvent): EncodedEvent => ({
  attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)])),
  contentType,
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
})
const transports = [(encoded: EncodedEvent) => encoded, overTheWire]
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
const thrownBy = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('encodeEvent', () => {
  test('sets the attributes apart from the data', () => {
    expect(encodeEvent(event)).toEqual({
      attributes: {
        specversion: '1.0',
        id: 'e-1',
        source: '/shop',
        type: 'shop.order.placed',
        subject: 'Euro € 😀',
        time: '1970-01-01T00:00:00.000Z',
        dataversion: 2,
        sequence: '0000000000000003',
        correlationid: 'c-1',
        causationid: 'e-0',
        causationdepth: 1,
      },
      contentType: 'application/json',
      body: '{"orderId":"Euro € 😀","quantity":1}',
    })
  })

  test('has neither body nor content type without data, and names the schema where there is one', () => {
    const Empty = defineEvent('empty', { schema: z.undefined(), dataSchema: 'https://example.com/empty' })
    const encoded = encodeEvent(Empty.create(undefined))
    expect(encoded).toMatchObject({ contentType: undefined, body: undefined })
    expect(encoded.attributes['dataschema']).toBe('https://example.com/empty')
    for (const body of [undefined, '', new Uint8Array()]) {
      expect(decodeEvent({ ...encoded, body }, Empty).data).toBeUndefined()
    }
  })

  test('hands out a copy of the bytes of an event', () => {
    const Image = defineEvent('image', { schema: z.instanceof(Uint8Array), dataContentType: 'image/png' })
    const image = Image.create(new Uint8Array([1, 2]))
    const encoded = encodeEvent(image)
    expect(encoded).toMatchObject({ contentType: 'image/png', body: new Uint8Array([1, 2]) })
    ;(encoded.body as Uint8Array).fill(9)
    expect(image.data).toEqual(new Uint8Array([1, 2]))
  })

  test('refuses what is no event, and data that cannot be encoded', () => {
    expect(() => encodeEvent({ ...event })).toThrow(InvalidEventError)
    const Loose = defineEvent('loose', z.any())
    expect(() => encodeEvent(Loose.create({ size: 1n }))).toThrow('expected a value that JSON can carry')
  })
})

describe('decodeEvent', () => {
  test('INVARIANT: gives back what toJSON() says of any event, over every kind of transport', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((each) => !/\p{C}/u.test(each))
    const maybe = <T>(given: fc.Arbitrary<T>) => fc.option(given, { nil: undefined })
    const options = fc.record({
      id: maybe(text),
      source: maybe(fc.webUrl({ withQueryParameters: true, withFragments: true })),
      time: maybe(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })),
      subject: maybe(text),
      sequence: maybe(fc.maxSafeNat()),
      correlationId: maybe(text),
      causationId: maybe(text),
      causationDepth: maybe(fc.nat()),
      extensions: maybe(fc.dictionary(fc.stringMatching(/^x[a-z\d]{1,8}$/), text)),
    })
    fc.assert(
      fc.property(sampleWithValue, options, ([{ schema }, value], chosen) => {
        const Sample = defineEvent('sample', { schema, version: 2, upcast: { 1: (old) => old } })
        const made = Sample.create(value, chosen)
        for (const transport of transports) {
          for (const reader of [Sample, createCatalog([Sample])]) {
            expect(plain(decodeEvent(transport(encodeEvent(made)), reader).toJSON())).toEqual(plain(made.toJSON()))
          }
        }
      }),
    )
  })

  test('INVARIANT: gives codecs, bytes and texts back as they were', () => {
    const isoDate = z.codec(z.iso.datetime(), z.date(), {
      decode: (iso) => new Date(iso),
      encode: (date) => date.toISOString(),
    })
    const Timed = defineEvent('timed', z.object({ at: isoDate }))
    const Binary = defineEvent('binary', z.instanceof(Uint8Array))
    const texts = ['text/plain', 'application/xml', 'application/yaml', 'text/plain; charset=iso-8859-1;'].map(
      (dataContentType) => defineEvent('text', { schema: z.string(), dataContentType }),
    )
    const made = fc.oneof(
      fc.date({ min: new Date(0), max: new Date(1e13), noInvalidDate: true }).map((at) => Timed.create({ at })),
      fc.uint8Array().map((bytes) => Binary.create(bytes)),
      // A lone surrogate cannot be written in UTF-8.
      fc
        .tuple(fc.string({ unit: 'grapheme' }), fc.constantFrom('', '\uFEFF'), fc.constantFrom(...texts))
        .map(([text, mark, definition]) => definition.create(mark + text)),
    )
    const definitions = [Timed, Binary, ...texts]
    fc.assert(
      fc.property(made, (given) => {
        const reader = definitions.find((each) => each.is(given))
        if (reader === undefined) throw new Error('every event has a definition')
        for (const transport of transports) {
          expect(decodeEvent(transport(encodeEvent(given)), reader)).toEqual(given)
        }
      }),
    )
  })

  test('reads attributes alike as texts and as JSON values', () => {
    const { attributes, ...rest } = encodeEvent(event)
    const variants = [
      { dataversion: '2', causationdepth: '1', sequence: '3' },
      { dataversion: 2, causationdepth: 1, sequence: 3 },
    ]
    for (const variant of variants) {
      expect(decodeEvent({ attributes: { ...attributes, ...variant }, ...rest }, catalog)).toEqual(event)
    }
  })

  test('upcasts an older version', () => {
    const encoded = encodeEvent(event)
    const old = { ...encoded, attributes: { ...encoded.attributes, dataversion: '1' }, body: '{"orderId":"o","qty":4}' }
    expect(decodeEvent(old, catalog).data).toEqual({ orderId: 'o', quantity: 4 })
  })

  test('keeps expirytime and partitionkey among the extensions', () => {
    const extensions = { expirytime: '2026-12-01T00:00:00Z', partitionkey: 'customer 7' }
    const made = OrderPlaced.create({ orderId: 'o', quantity: 1 }, { extensions })
    expect(encodeEvent(made).attributes).toMatchObject(extensions)
    for (const transport of transports) {
      expect(decodeEvent(transport(encodeEvent(made)), catalog)).toEqual(made)
    }
  })

  test('fills in what a foreign producer leaves out, and finds its content type among the attributes', () => {
    const attributes = { specversion: '1.0', id: '1', source: '/them', type: 'note', datacontenttype: 'text/plain' }
    const Note = defineEvent('note', { schema: z.string(), key: (note) => note })
    const body = new TextEncoder().encode('hello')
    const read = decodeEvent({ attributes, contentType: undefined, body }, Note)
    expect(read).toMatchObject({ version: 1, subject: 'hello', sequence: undefined, causationDepth: 0, data: 'hello' })
    expect(Date.now() - Date.parse(read.time)).toBeLessThan(60_000)
    expect(() => decodeEvent({ attributes, contentType: 'image/png', body }, Note)).toThrow(
      'CloudEvent is invalid at datacontenttype: expected the content type of the body, or nothing, received "text/plain"',
    )
  })

  test('puts attribute names into lower case where that is asked for', () => {
    const { attributes, ...rest } = encodeEvent(event)
    const loud = { ...rest, attributes: { ...attributes, methodName: 'x' } }
    expect(() => decodeEvent(loud, catalog)).toThrow(InvalidCloudEventError)
    expect(decodeEvent(loud, catalog, { attributeNames: 'lower-case' }).extensions).toEqual({ methodname: 'x' })
  })

  test('an event that it reads is frozen, and keeps nothing of the body', () => {
    const Image = defineEvent('image', z.instanceof(Uint8Array))
    const encoded = encodeEvent(Image.create(new Uint8Array([1]), { extensions: { region: 'eu' } }))
    const read = decodeEvent(encoded, Image)
    ;(encoded.body as Uint8Array)[0] = 9
    expect(read.data).toEqual(new Uint8Array([1]))
    expect(Object.isFrozen(read) && Object.isFrozen(read.extensions)).toBe(true)
  })
})

describe('errors', () => {
  const encoded = encodeEvent(event)
  const having = (attributes: Record<string, unknown>, rest: object = {}) =>
    ({ ...encoded, attributes: { ...encoded.attributes, ...attributes }, ...rest }) as EncodedEvent

  test.for([
    ['an attribute is missing', having({ id: undefined }), InvalidCloudEventError],
    ['an attribute is wrong', having({ time: 'yesterday' }), InvalidCloudEventError],
    ['a number of ours is none', having({ dataversion: 'two' }), InvalidCloudEventError],
    ['the version of CloudEvents is another', having({ specversion: '0.3' }), InvalidCloudEventError],
    ['a correlation id is empty', having({ correlationid: '' }), InvalidEventError],
    ['the data does not fit', having({}, { body: '{}' }), InvalidEventError],
    ['there is no data', having({}, { body: undefined }), InvalidEventError],
    ['the version is newer', having({ dataversion: '3' }), UnknownEventVersionError],
    ['an upcaster throws', having({ dataversion: 1 }, { body: '{}' }), UpcastError],
    ['the type is unknown', having({ type: 'shop.order.shipped' }), UnknownEventTypeError],
    ['the body is no JSON', having({}, { body: '{secret' }), InvalidCloudEventError],
    ['the body is no UTF-8', having({}, { body: new Uint8Array([34, 0xff, 34]) }), InvalidCloudEventError],
    ['the body is no body', having({}, { body: { secret: 1 } }), InvalidCloudEventError],
    ['nothing was encoded', undefined, InvalidCloudEventError],
    ['there are no attributes', { ...encoded, attributes: null }, InvalidCloudEventError],
  ] as const)('when %s', ([, given, kind]) => {
    const error = thrownBy(() => decodeEvent(given as EncodedEvent, catalog))
    expect(error).toBeInstanceOf(kind)
    expect(String(error)).not.toContain('secret')
  })

  test('a definition refuses an event of another type', () => {
    const Other = defineEvent('other', z.any())
    expect(() => decodeEvent(encoded, Other)).toThrow(
      `Event 'other' (version 1) is invalid at type: expected 'other', received "shop.order.placed"`,
    )
  })

  test('a body that is nested too deep for the stack is refused', () => {
    const body = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    for (const schema of [z.json(), z.any()]) {
      const Deep = defineEvent('shop.order.placed', {
        schema,
        version: 3,
        upcast: { 1: (old) => old, 2: (old) => old },
      })
      for (const dataversion of [1, 3]) {
        expect(() => decodeEvent(having({ dataversion }, { body }), Deep)).toThrow(InvalidEventError)
      }
    }
  })

  test('INVARIANT: nothing but a TidingsError is thrown, whatever arrives', () => {
    const names = fc.oneof(
      fc.constantFrom(...Object.keys(encoded.attributes), 'datacontenttype', 'dataschema', '__proto__', 'constructor'),
      fc.string(),
    )
    const value = fc.oneof(anything, fc.constantFrom('', '1', '1.0', '/a', '99999999999', 'a%', '\ud800'))
    const attributes = fc.array(fc.tuple(names, value)).map((pairs) => ({
      ...encoded.attributes,
      ...Object.fromEntries(pairs),
    }))
    const contentType = fc.constantFrom('application/json', 'text/plain', 'text/x; charset=nope', 'a/b', 'c', undefined)
    const hostile = fc.record({
      attributes: fc.oneof(attributes, anything),
      contentType: fc.oneof(contentType, anything),
      body: fc.oneof(fc.json(), fc.string(), fc.uint8Array(), anything),
    })
    const Loose = defineEvent('shop.order.placed', { schema: z.any(), version: 3, upcast: { 1: String, 2: Number } })
    fc.assert(
      fc.property(hostile, (given) => {
        for (const reader of [catalog, OrderPlaced, Loose]) {
          try {
            expect(isEvent(decodeEvent(given as EncodedEvent, reader))).toBe(true)
          } catch (error) {
            if (!isTidingsError(error)) throw error
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  test('INVARIANT: the verdict is that of fromCloudEvent and of a reader that checks everything again', () => {
    const values = ['', '1', '02', '2', 2, -1, 1.5, 'x y', '/a', 'é', '2026-01-31T12:00:00Z', '2026-02-30T12:00:00Z']
    const change = fc.dictionary(
      fc.constantFrom(...Object.keys(encoded.attributes), 'dataschema', 'region', 'Region', '7', 'data'),
      fc.constantFrom<unknown>(...values, true, null, undefined, {}),
      { maxKeys: 3 },
    )
    const checksAgain = { parse: (value: unknown) => catalog.parse(plain(value)) }
    const verdict = (read: () => object): unknown => {
      try {
        return { ...read() }
      } catch (error) {
        return isTidingsError(error) ? error.toJSON() : error
      }
    }
    fc.assert(
      fc.property(change, (changed) => {
        const given = having({ time: '2026-01-01T00:00:00Z', ...changed })
        // Where the time is left out, each gets its own.
        if ((given.attributes['time'] ?? undefined) === undefined) return
        const { data: _, ...attributes } = given.attributes
        const asJson = { ...attributes, datacontenttype: given.contentType, data: event.data }
        const expected = verdict(() => decodeEvent({ ...given, attributes }, checksAgain))
        expect(verdict(() => decodeEvent({ ...given, attributes }, catalog))).toEqual(expected)
        expect(verdict(() => fromCloudEvent(asJson, catalog))).toEqual(expected)
      }),
      { numRuns: 500 },
    )
  })
})

describe('attributes', () => {
  const read = (attributes: object) =>
    parseCloudEvent({ specversion: '1.0', id: '1', source: '/', type: 't', ...attributes })

  test('a time is on a day that exists', () => {
    const two = (value: number) => String(value).padStart(2, '0')
    for (const year of [1900, 2000, 2023, 2024]) {
      for (let month = 0; month <= 13; month++) {
        for (let day = 0; day <= 32; day++) {
          const time = `${year}-${two(month)}-${two(day)}T12:00:00.000Z`
          const date = new Date(Date.UTC(year, month - 1, day, 12))
          if (date.toISOString() === time) expect(read({ time }).time).toBe(time)
          else expect(() => read({ time })).toThrow(InvalidCloudEventError)
        }
      }
    }
  })

  test('a sequence is a number where its digits are one that is exact, and an extension otherwise', () => {
    const given = fc.oneof(
      fc.stringMatching(/^\d{1,20}$/),
      fc.maxSafeNat().map(String),
      fc.string({ unit: 'binary-ascii' }),
    )
    const { attributes, ...rest } = encodeEvent(event)
    fc.assert(
      fc.property(
        given.filter((each) => !/\p{Cc}/u.test(each)),
        (sequence) => {
          const number = /^\d+$/.test(sequence) && Number.isSafeInteger(Number(sequence)) ? Number(sequence) : undefined
          const decoded = decodeEvent({ attributes: { ...attributes, sequence }, ...rest }, catalog)
          expect(decoded.sequence).toBe(number)
          expect(decoded.extensions).toEqual(number === undefined ? { sequence } : {})
        },
      ),
    )
  })
})
