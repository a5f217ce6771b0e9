import { expect, test } from 'vitest'
import { decodeHeaderValue, encodedOfCloudEvent, encodeHeaderValue } from '../src/index.ts'

const event = { specversion: '1.0', id: 'a', source: '/shop', type: 'order.placed' }

test('a CloudEvent in JSON format is an encoded event: attributes apart, the data as JSON text, text or bytes', () => {
  expect(encodedOfCloudEvent({ ...event, subject: null, dataversion: 2, data: { item: 'Book' } })).toEqual({
    attributes: { ...event, dataversion: 2 },
    contentType: 'application/json',
    body: '{"item":"Book"}',
  })
  const bodyOf = (rest: object): unknown => encodedOfCloudEvent({ ...event, ...rest }).body
  expect(bodyOf({})).toBe(undefined)
  expect(bodyOf({ data: null })).toBe('null')
  expect(bodyOf({ data: 'text', datacontenttype: 'text/plain' })).toBe('text')
  expect(bodyOf({ data: 'text', datacontenttype: 'application/vnd.acme+json' })).toBe('"text"')
  expect(bodyOf({ data_base64: 'AP8=' })).toEqual(new Uint8Array([0, 255]))
})

test('what breaks CloudEvents is refused', () => {
  expect(() => encodedOfCloudEvent({ ...event, id: '' })).toThrow(/id/)
  expect(() => encodedOfCloudEvent({ ...event, nested: {} })).toThrow(/nested/)
})

test('names in upper case are read where that is asked for', () => {
  const { attributes } = encodedOfCloudEvent({ ...event, tenantId: 'acme' }, { attributeNames: 'lower-case' })
  expect(attributes).toEqual({ ...event, tenantid: 'acme' })
})

test('a header value is encoded as HTTP demands, and decoded, quoted or not', () => {
  expect(encodeHeaderValue('a "ü" 100%')).toBe('a%20%22%C3%BC%22%20100%25')
  expect(decodeHeaderValue('a%20%22%C3%BC%22%20100%25')).toBe('a "ü" 100%')
  expect(decodeHeaderValue('"a \\" b"')).toBe('a " b')
  expect(decodeHeaderValue('100%')).toBe(undefined)
})
