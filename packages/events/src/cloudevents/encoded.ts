import { InvalidCloudEventError } from '../errors/errors.ts'
import type { EventIssue } from '../errors/issues.ts'
import { attributeIssue, wholeIssue } from '../event/attributes.ts'
import type { TidingsEvent } from '../event/event.ts'
import { bodyIssue, bytesOf, isBytes, readJson } from './body.ts'
import { type CloudEventOptions, cloudEventContext, contextOf, inLowerCase } from './envelope.ts'
import { charsetOf, isJsonType, isTextType } from './media-type.ts'
import { type EventRead, type EventReader, fromContext } from './read.ts'
import { binaryOf, type EncodedEvent } from './write.ts'

/**
 * The event for a transport, which puts the attributes where its protocol has a place for them. Text of a media type
 * that does not say so gets `charset=utf-8`, so that it comes back as text from a transport that carries bytes.
 *
 * @throws InvalidEventError when `event` is none, or its data cannot be encoded
 */
export function encodeEvent(event: TidingsEvent): EncodedEvent {
  const encoded = binaryOf(event)
  const { attributes, contentType, body } = encoded
  if (typeof body !== 'string' || contentType === undefined || isJsonType(contentType)) return encoded
  return { attributes, contentType: asUtf8(contentType), body }
}

/**
 * The event that a transport delivered. Attributes are read alike as JSON values and as texts, as header protocols have
 * them; extensions that we have no name for keep the type they come with. What a foreign producer leaves out is filled
 * in as by `fromCloudEvent`. A body without a content type is data as it is; an empty one is none.
 *
 * @param reader - a catalog, or the one definition that is expected
 * @throws InvalidCloudEventError when it breaks CloudEvents 1.0, or the body is not of its content type
 * @throws UnknownEventTypeError, InvalidEventError, UnknownEventVersionError, UpcastError as `parse` of the reader
 */
export function decodeEvent<Reader extends EventReader>(
  encoded: EncodedEvent,
  reader: Reader,
  options: CloudEventOptions = {},
): EventRead<Reader> {
  const given: unknown = encoded?.attributes
  if (typeof given !== 'object' || given === null) {
    throw new InvalidCloudEventError([wholeIssue('an encoded event with attributes', encoded)])
  }
  const all = given as Readonly<Record<string, unknown>>
  const attributes = options.attributeNames === 'lower-case' ? inLowerCase(all) : all
  const issues: EventIssue[] = []
  const contentType = contentTypeOf(encoded.contentType, attributes['datacontenttype'], issues)
  const data = dataOf(encoded.body, typeof contentType === 'string' ? contentType : undefined, issues)
  return fromContext(contextOf(attributes, contentType, data, issues), reader)
}

/**
 * A CloudEvent in JSON format as an encoded event, for a transport that receives one in structured content mode.
 *
 * @param value - the parsed JSON, not its text
 * @throws InvalidCloudEventError when it breaks CloudEvents 1.0
 */
export function encodedOfCloudEvent(value: unknown, options: CloudEventOptions = {}): EncodedEvent {
  const { data, dataContentType, attributes: given } = cloudEventContext(value, options)
  const attributes: Record<string, string | number | boolean> = {}
  for (const [name, each] of Object.entries(given)) {
    if (name !== 'datacontenttype' && each !== undefined && each !== null) attributes[name] = each as string
  }
  if (data === undefined) return { attributes, contentType: dataContentType, body: undefined }
  if (isBytes(data)) {
    return { attributes, contentType: dataContentType ?? 'application/octet-stream', body: bytesOf(data) }
  }
  const contentType = dataContentType ?? 'application/json'
  const isText = typeof data === 'string' && !isJsonType(contentType)
  return { attributes, contentType, body: isText ? data : JSON.stringify(data) }
}

// A foreign producer may have it among the attributes; what is wrong is two that differ.
function contentTypeOf(contentType: unknown, attribute: unknown, issues: EventIssue[]): unknown {
  if (attribute === undefined || attribute === null) return contentType ?? undefined
  if (contentType !== undefined && contentType !== null && contentType !== attribute) {
    issues.push(attributeIssue('datacontenttype', 'the content type of the body, or nothing', attribute))
  }
  return attribute
}

function dataOf(body: unknown, contentType: string | undefined, issues: EventIssue[]): unknown {
  if (body === undefined || body === null) return undefined
  const bytes = isBytes(body)
  if (!bytes && typeof body !== 'string') {
    issues.push(bodyIssue('a body of text or bytes', `a value of type ${typeof body}`))
    return undefined
  }
  if (contentType === undefined) return (bytes ? body.byteLength : body.length) === 0 ? undefined : body
  if (isJsonType(contentType)) {
    const text = bytes ? textOf(body, jsonText(), issues) : body
    return text === undefined ? undefined : readJson(text, contentType, issues)
  }
  if (!bytes) return body
  const charset = charsetOf(contentType)
  if (charset === undefined && !isTextType(contentType)) return bytesOf(body)
  return textOf(body, plainText(charset), issues)
}

// Bytes that are not what they claim to be must not come back as a text with other characters in it.
function textOf(body: Uint8Array | ArrayBuffer, decoder: TextDecoder, issues: EventIssue[]): string | undefined {
  try {
    return decoder.decode(body)
  } catch {
    issues.push(bodyIssue(`text in ${decoder.encoding}`, 'other bytes'))
    return undefined
  }
}

let utf8: TextDecoder | undefined

// Kept, since making one takes longer than decoding a small body.
function jsonText(): TextDecoder {
  return (utf8 ??= new TextDecoder('utf-8', { fatal: true }))
}

function plainText(charset = 'utf-8'): TextDecoder {
  const options = { fatal: true, ignoreBOM: true }
  try {
    return new TextDecoder(charset, options)
  } catch {
    // A charset that the runtime does not know.
    return new TextDecoder('utf-8', options)
  }
}

// Transports write text as UTF-8, whatever character set the definition declares.
function asUtf8(contentType: string): string {
  const charset = charsetOf(contentType)
  if (charset === undefined ? isTextType(contentType) : /^utf-?8$/i.test(charset)) return contentType
  const rest = contentType.replace(/;\s*charset=[^;]*/gi, '').replace(/[\s;]+$/, '')
  return `${rest}; charset=utf-8`
}
