import { InvalidCloudEventError } from '../errors/errors.ts'
import type { EventIssue } from '../errors/issues.ts'
import { attributeIssue } from '../event/attributes.ts'
import type { TidingsEvent } from '../event/event.ts'
import { bytesOf, isBytes, readJson } from './body.ts'
import {
  type CloudEventEnvelope,
  type CloudEventOptions,
  cloudEventContext,
  contextOf,
  type EnvelopeContext,
  envelopeOf,
} from './envelope.ts'
import { charsetOf, isJsonType, isTextType } from './media-type.ts'
import { type EventRead, type EventReader, fromContext } from './read.ts'
import { binaryOf } from './write.ts'

/** How a protocol writes attributes into headers. The defaults are those of HTTP. */
export interface HeaderOptions extends CloudEventOptions {
  /** Before each attribute name; default `ce-` (HTTP, NATS). Kafka has `ce_`, AMQP `cloudEvents_`. */
  readonly prefix?: string | undefined
  /** Percent-encode values as HTTP demands; default true. Kafka and AMQP carry UTF-8 as it is. */
  readonly percentEncoding?: boolean | undefined
}

/** A message in binary content mode. */
export interface CloudEventMessage {
  /** Lower-case names; `content-type` is the media type of the body. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON text, other text or bytes; `undefined` when the event has no data. */
  readonly body: string | Uint8Array | undefined
}

/** Headers as the various clients hand them over: a `Headers` object, pairs, or an object; names in any case. */
export type HeadersLike =
  | Iterable<readonly [name: string, value: HeaderValue]>
  | Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>

/** A header's value; bytes are read as UTF-8. */
export type HeaderValue = string | number | boolean | Uint8Array | null | undefined

/** A body as the various clients hand it over; an object is taken for JSON that has been parsed already. */
export type BodyLike = string | Uint8Array | ArrayBuffer | object | null | undefined

/**
 * The event in binary content mode: attributes as headers, the data alone as body (CloudEvents 1.0, HTTP protocol
 * binding, section 3.1).
 *
 * @throws InvalidEventError when `event` is none, or its data cannot be encoded
 */
export function toCloudEventHeaders(event: TidingsEvent, options: HeaderOptions = {}): CloudEventMessage {
  const { prefix = 'ce-', percentEncoding = true } = options
  const { attributes, contentType, body } = binaryOf(event)
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(attributes)) {
    headers[prefix + name] = percentEncoding ? encodeHeaderValue(String(value)) : String(value)
  }
  if (contentType !== undefined) headers['content-type'] = contentType
  return { headers, body }
}

/**
 * Reads a message without a definition, in binary or, told by its content type, in structured content mode. Header
 * values are texts, so extensions of other types are texts too.
 *
 * @throws InvalidCloudEventError when it breaks CloudEvents 1.0, or is a batch or in another event format than JSON
 */
export function parseCloudEventHeaders(
  headers: HeadersLike,
  body: BodyLike,
  options: HeaderOptions = {},
): CloudEventEnvelope {
  return envelopeOf(readMessage(headers, body, options))
}

/**
 * The event of a message in binary or structured content mode; see {@link parseCloudEventHeaders} for the message and
 * `fromCloudEvent` for the event.
 */
export function fromCloudEventHeaders<Reader extends EventReader>(
  headers: HeadersLike,
  body: BodyLike,
  reader: Reader,
  options: HeaderOptions = {},
): EventRead<Reader> {
  return fromContext(readMessage(headers, body, options), reader)
}

function readMessage(headers: HeadersLike, body: BodyLike, options: HeaderOptions): EnvelopeContext {
  const { prefix = 'ce-', percentEncoding = true } = options
  const issues: EventIssue[] = []
  const given = readHeaders(headers, prefix.toLowerCase(), issues)
  const contentType = given.get('content-type')
  if (typeof contentType === 'string' && /^application\/cloudevents/i.test(contentType)) {
    return readStructured(contentType, body, options)
  }
  const attributes: Record<string, unknown> = {}
  for (const [header, value] of given) {
    if (!header.startsWith(prefix.toLowerCase())) continue
    const name = header.slice(prefix.length)
    const decoded = percentEncoding && typeof value === 'string' ? decodeHeaderValue(value) : value
    if (decoded === undefined) issues.push(attributeIssue(name, 'percent-encoded UTF-8', value))
    else attributes[name] = decoded
  }
  // HTTP forbids the attribute as a header of its own, NATS asks for it; what is wrong is two that differ.
  const own = attributes['datacontenttype']
  if (own !== undefined && contentType !== undefined && own !== contentType) {
    issues.push(attributeIssue('datacontenttype', `the value of the content-type header, or no header`, own))
  }
  const type = typeof own === 'string' ? own : contentType
  return contextOf(attributes, type, decodeBody(body, typeof type === 'string' ? type : undefined, issues), issues)
}

/**
 * A header's value percent-encoded as the HTTP protocol binding demands (CloudEvents 1.0, section 3.1.3.2): space, the
 * double quote, the percent sign, and all but printable ASCII. For transports that write their headers themselves.
 */
export function encodeHeaderValue(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]+/gu, (part) =>
    Array.from(new TextEncoder().encode(part), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(
      '',
    ),
  )
}

/** The value that {@link encodeHeaderValue} has encoded, quoted or not; undefined for what is no percent-encoded UTF-8. */
export function decodeHeaderValue(value: string): string | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/su.exec(value)
  const unquoted = quoted === null ? value : (quoted[1] ?? '').replace(/\\(.)/gsu, '$1')
  try {
    return decodeURIComponent(unquoted)
  } catch {
    return undefined
  }
}

function readHeaders(
  headers: HeadersLike,
  prefix: string,
  issues: EventIssue[],
): ReadonlyMap<string, string | number | boolean> {
  const result = new Map<string, string | number | boolean>()
  const entries = isIterable(headers) ? [...headers] : Object.entries(headers)
  for (const [name, value] of entries) {
    const key = name.toLowerCase()
    const values = (Array.isArray(value) ? value : [value]).filter((each) => each !== undefined && each !== null)
    for (const each of values) {
      const isOurs = key.startsWith(prefix) || key === 'content-type'
      if (isOurs && result.has(key)) {
        const name = key.startsWith(prefix) ? key.slice(prefix.length) : key
        issues.push(attributeIssue(name, 'one header of this name', each))
      }
      result.set(key, each instanceof Uint8Array ? new TextDecoder().decode(each) : each)
    }
  }
  return result
}

function isIterable(headers: HeadersLike): headers is Iterable<readonly [name: string, value: HeaderValue]> {
  return Symbol.iterator in headers
}

function readStructured(contentType: string, body: BodyLike, options: CloudEventOptions): EnvelopeContext {
  const issue = (path: string, expected: string, received: unknown) =>
    new InvalidCloudEventError([attributeIssue(path, expected, received)])
  if (/^application\/cloudevents-batch/i.test(contentType)) {
    throw issue('content-type', 'one event; fromCloudEventBatch() reads a batch', contentType)
  }
  if (!/^application\/cloudevents\+json\s*(?:;|$)/i.test(contentType)) {
    throw issue('content-type', 'application/cloudevents+json, the one event format that is read here', contentType)
  }
  const text = typeof body === 'string' || isBytes(body) ? textOf(body) : undefined
  if (text === undefined) return cloudEventContext(body, options)
  try {
    return cloudEventContext(JSON.parse(text), options)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new InvalidCloudEventError([
      { path: ['body'], code: 'invalid_attribute', expected: 'a CloudEvent as JSON text', received: 'other text' },
    ])
  }
}

function decodeBody(body: BodyLike, contentType: string | undefined, issues: EventIssue[]): unknown {
  if (body === undefined || body === null) return undefined
  if (typeof body !== 'string' && !isBytes(body)) return body
  if (isBytes(body) && body.byteLength === 0) return undefined
  if (contentType !== undefined && isJsonType(contentType)) {
    return readJson(typeof body === 'string' ? body : textOf(body), contentType, issues)
  }
  if (typeof body === 'string') return body
  return contentType !== undefined && isTextType(contentType) ? textOf(body, charsetOf(contentType)) : bytesOf(body)
}

function textOf(body: string | Uint8Array | ArrayBuffer, charset = 'utf-8'): string {
  if (typeof body === 'string') return body
  try {
    return new TextDecoder(charset).decode(body)
  } catch {
    // A charset that the runtime does not know.
    return new TextDecoder().decode(body)
  }
}
