import type { Options } from 'amqplib'
import { MessageTooLargeError, type Message, messageToHeaders, oversize } from '@tidings/bus/transport'
import { bucketOf } from '../publish/bucket.ts'
import { bucketHeader } from '../topology/parts.ts'

/** Names that CloudEvents has in AMQP 1.0, whose application properties RabbitMQ makes headers of. */
export const headerNames = {
  prefix: 'cloudEvents_',
  alsoRead: ['cloudEvents:'],
  percentEncoding: false,
} as const

/** Bytes of a text that AMQP counts by one byte. */
const longestShort = 255
/** Bytes that each header takes besides its name and value. */
const perHeader = 6
/** What the driver writes all headers of a message into. */
const table = 64 * 1024
/** Room that is kept for headers of the bus and of dead letters. */
const reserved = 8 * 1024

/** Bytes of attributes and headers of one message. */
export const maxHeadersSize: number = table - reserved

/** A message as AMQP 0-9-1 has it. */
export interface Parcel {
  readonly content: Buffer
  readonly properties: Options.Publish
}

/**
 * A message in the binary mode of CloudEvents: attributes as headers, the body as it is, and the properties that the
 * users of RabbitMQ look for, filled from the attributes.
 *
 * @throws MessageTooLargeError
 */
export function encode(message: Message, maxMessageSize: number, more: Readonly<Record<string, string>> = {}): Parcel {
  const { attributes, contentType, body } = message
  const type = String(attributes['type'])
  const size = oversize(message, maxMessageSize)
  if (size !== undefined) throw new MessageTooLargeError(type, size, maxMessageSize)
  // The content type has a property of its own, where it is short enough for one.
  const isShort = contentType === undefined || fitsShort(contentType)
  const { headers } = messageToHeaders(
    isShort ? { attributes, headers: message.headers, body, contentType: undefined } : message,
    headerNames,
  )
  headers[bucketHeader] = bucketOf(message)
  for (const name in more) headers[name] = more[name]!
  checkHeaders(headers, type)
  const { id, time, correlationid } = attributes
  return {
    content: bytesOf(body),
    properties: {
      headers,
      mandatory: true,
      persistent: true,
      contentType: isShort ? contentType : undefined,
      messageId: short(id),
      correlationId: short(correlationid),
      type: short(type),
      timestamp: secondsOf(time),
    } as Options.Publish,
  }
}

/** @throws MessageTooLargeError where the driver has no room for the headers, or a name is none of AMQP's. */
function checkHeaders(headers: Readonly<Record<string, string>>, type: string): void {
  const limit = table - 4
  let most = 0
  for (const name in headers) most += perHeader + 3 * (name.length + headers[name]!.length)
  if (most <= limit) return
  let size = 0
  for (const name in headers) {
    const length = Buffer.byteLength(name)
    if (length > longestShort) throw new MessageTooLargeError(type, length, longestShort)
    size += perHeader + length + Buffer.byteLength(headers[name]!)
  }
  if (size > limit) throw new MessageTooLargeError(type, size, limit)
}

function bytesOf(body: Message['body']): Buffer {
  if (typeof body === 'string') return Buffer.from(body)
  return body === undefined ? Buffer.alloc(0) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}

function short(value: unknown): string | undefined {
  return typeof value === 'string' && fitsShort(value) ? value : undefined
}

function fitsShort(text: string): boolean {
  return 3 * text.length <= longestShort || Buffer.byteLength(text) <= longestShort
}

/** AMQP counts seconds. */
function secondsOf(time: unknown): number | undefined {
  const at = typeof time === 'string' ? Math.floor(Date.parse(time) / 1000) : NaN
  return at >= 0 ? at : undefined
}
