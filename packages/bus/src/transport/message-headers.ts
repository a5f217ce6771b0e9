import {
  decodeHeaderValue,
  encodedOfCloudEvent,
  encodeHeaderValue,
  type HeadersLike,
  type HeaderValue,
} from '@tidings/events'
import type { Message } from '../message/message.ts'

/** How a protocol writes a message into headers. The defaults are those of HTTP, which NATS shares. */
export interface MessageHeaderOptions {
  /** Before the name of each attribute; default `ce-`. Kafka has `ce_`, AMQP `cloudEvents_`. */
  readonly prefix?: string | undefined
  /** Other prefixes that are read as this one is: AMQP has `cloudEvents:` too. */
  readonly alsoRead?: readonly string[] | undefined
  /**
   * Percent-encode values, those of our own headers too: for protocols whose headers are printable ASCII. Default true;
   * Kafka and AMQP carry UTF-8 as it is. What is read and cannot be decoded stays as it is.
   */
  readonly percentEncoding?: boolean | undefined
}

/** A message as headers and a body. */
export interface HeaderMessage {
  /** Texts; `content-type` is the media type of the body. A new object, to which a transport may add its own. */
  readonly headers: Record<string, string>
  readonly body: Message['body']
}

/** A message in the binary content mode of CloudEvents, its own headers beside the attributes. */
export function messageToHeaders(message: Message, options: MessageHeaderOptions = {}): HeaderMessage {
  const { prefix = 'ce-', percentEncoding = true } = options
  const { attributes, contentType, headers: own, body } = message
  const headers: Record<string, string> = {}
  for (const name in attributes) headers[prefixed(prefix, name)] = written(attributes[name], percentEncoding)
  for (const name in own) headers[name] = written(own[name], percentEncoding)
  if (contentType !== undefined) headers['content-type'] = contentType
  return { headers, body }
}

/**
 * The message that came, in binary or, told by its content type, in structured content mode; our own headers stand
 * beside it in both. Names are read in any case, bytes as UTF-8; of a header that comes twice the last one counts.
 *
 * Never throws: what is no CloudEvent is for the bus to judge, and to park as it came.
 */
export function messageFromHeaders(
  headers: HeadersLike,
  body: Message['body'],
  options: MessageHeaderOptions = {},
): Message {
  const { prefix = 'ce-', alsoRead = [], percentEncoding = true } = options
  const prefixes = [prefix, ...alsoRead].map((each) => each.toLowerCase())
  const read = (value: string): string => (percentEncoding ? (decodeHeaderValue(value) ?? value) : value)
  const attributes: Record<string, string> = {}
  const own: Record<string, string> = {}
  let contentType: string | undefined
  for (const [name, value] of textsOf(headers)) {
    const before = prefixes.find((each) => name.startsWith(each))
    if (before !== undefined) attributes[name.slice(before.length)] = read(value)
    else if (name === 'content-type') contentType = value
    else own[name] = read(value)
  }
  const { datacontenttype, ...others } = attributes
  if (datacontenttype === undefined || (contentType !== undefined && contentType !== datacontenttype)) {
    return structured(contentType, body, own) ?? { attributes, contentType, headers: own, body }
  }
  // NATS asks for it among the attributes; one that contradicts the content type stays there, and is refused.
  return { attributes: others, contentType: datacontenttype, headers: own, body }
}

/** By prefix and name. A text that is put together anew for each message costs more than all else that is done to it. */
const names = new Map<string, Map<string, string>>()
/** Names of attributes are few; those of foreign events need not be. */
const mostNames = 256

function prefixed(prefix: string, name: string): string {
  let known = names.get(prefix)
  if (known === undefined) names.set(prefix, (known = new Map()))
  let whole = known.get(name)
  if (whole === undefined) {
    whole = prefix + name
    if (known.size < mostNames) known.set(name, whole)
  }
  return whole
}

function written(value: unknown, percentEncoding: boolean): string {
  const text = typeof value === 'string' ? value : String(value)
  return percentEncoding ? encodeHeaderValue(text) : text
}

function structured(
  contentType: string | undefined,
  body: Message['body'],
  headers: Message['headers'],
): Message | undefined {
  if (body === undefined || contentType === undefined) return undefined
  if (!/^application\/cloudevents\+json\s*(?:;|$)/i.test(contentType)) return undefined
  try {
    const text = typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true }).decode(body)
    return { ...encodedOfCloudEvent(JSON.parse(text)), headers }
  } catch {
    // No CloudEvent.
    return undefined
  }
}

function* textsOf(headers: HeadersLike): Generator<readonly [name: string, value: string], void> {
  const entries = Symbol.iterator in headers ? headers : Object.entries(headers)
  for (const [name, value] of entries as Iterable<readonly [string, HeaderValue | readonly HeaderValue[]]>) {
    for (const each of Array.isArray(value) ? (value as readonly HeaderValue[]) : [value as HeaderValue]) {
      if (each === undefined || each === null) continue
      yield [name.toLowerCase(), each instanceof Uint8Array ? new TextDecoder().decode(each) : String(each)]
    }
  }
}
