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
  options: MessageHeaderOptions = ofHttp,
): Message {
  const { percentEncoding = true } = options
  const roles = rolesOf(options)
  const attributes: Record<string, string> = {}
  const own: Record<string, string> = {}
  let contentType: string | undefined
  const take = (name: string, value: HeaderValue | readonly HeaderValue[]): void => {
    if (Array.isArray(value)) {
      for (const each of value as readonly HeaderValue[]) take(name, each)
      return
    }
    const single = value as HeaderValue
    if (single === undefined || single === null) return
    const text = textOf(single)
    const role = roles(name)
    if (role.name === 'content-type' && !role.isAttribute) contentType = text
    else (role.isAttribute ? attributes : own)[role.name] = percentEncoding ? (decodeHeaderValue(text) ?? text) : text
  }
  if (Symbol.iterator in headers) {
    for (const [name, value] of headers as Iterable<readonly [string, HeaderValue]>) take(name, value)
  } else for (const name of Object.keys(headers)) take(name, headers[name])
  const { datacontenttype } = attributes
  if (datacontenttype === undefined || (contentType !== undefined && contentType !== datacontenttype)) {
    return structured(contentType, body, own) ?? { attributes, contentType, headers: own, body }
  }
  const { datacontenttype: _, ...others } = attributes
  // NATS asks for it among the attributes; one that contradicts the content type stays there, and is refused.
  return { attributes: others, contentType: datacontenttype, headers: own, body }
}

/** By prefix and name. A text that is put together anew for each message costs more than all else that is done to it. */
const names = new Map<string, Map<string, string>>()
/** Names of attributes are few; those of foreign events need not be. */
const mostNames = 256

const ofHttp: MessageHeaderOptions = {}

/** What a header is for. */
interface Role {
  readonly isAttribute: boolean
  /** Of the attribute, or of the header in lower case. */
  readonly name: string
}

/** By options, and by the name as it came: to look at its letters takes longer than to look it up. */
const knownRoles = new WeakMap<MessageHeaderOptions, Map<string, Role>>()

function rolesOf(options: MessageHeaderOptions): (name: string) => Role {
  let known = knownRoles.get(options)
  if (known === undefined) knownRoles.set(options, (known = new Map()))
  const roles = known
  return (name) => {
    let role = roles.get(name)
    if (role === undefined) {
      const { prefix = 'ce-', alsoRead = [] } = options
      role = roleOf(name.toLowerCase(), [prefix, ...alsoRead])
      if (roles.size < mostNames) roles.set(name, role)
    }
    return role
  }
}

function roleOf(name: string, prefixes: readonly string[]): Role {
  const before = prefixes.find((prefix) => name.startsWith(prefix.toLowerCase()))
  return before === undefined ? { isAttribute: false, name } : { isAttribute: true, name: name.slice(before.length) }
}

function textOf(value: NonNullable<HeaderValue>): string {
  if (typeof value === 'string') return value
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value)
}

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
