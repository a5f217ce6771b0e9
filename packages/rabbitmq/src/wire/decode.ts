import type { Message as AmqpMessage } from 'amqplib'
import { type Message, messageFromHeaders } from '@tidings/bus/transport'
import { bucketHeader } from '../topology/parts.ts'
import { headerNames } from './encode.ts'

/** What a delayed message bears: when it is due, and for which group, if for one. */
export const delayHeaders = { due: 'x-tidings-due', to: 'x-tidings-to' } as const

/** Headers of the broker and of our own ways, which are none of the message. */
const ofTheWay: ReadonlySet<string> = new Set([
  bucketHeader,
  delayHeaders.due,
  delayHeaders.to,
  'x-death',
  'x-delivery-count',
  'x-acquired-count',
  'x-first-death-exchange',
  'x-first-death-queue',
  'x-first-death-reason',
  'x-last-death-exchange',
  'x-last-death-queue',
  'x-last-death-reason',
])

/** The message that came, whoever published it. Never throws: what is no CloudEvent is for the bus to judge. */
export function decode({ content, properties }: AmqpMessage): Message {
  const headers: Record<string, string | Uint8Array> = {}
  const given: Readonly<Record<string, unknown>> = properties.headers ?? {}
  for (const name in given) {
    if (ofTheWay.has(name)) continue
    const value = given[name]
    if (typeof value === 'string' || value instanceof Uint8Array) headers[name] = value
    else if (typeof value === 'number' || typeof value === 'boolean') headers[name] = String(value)
  }
  const contentType: unknown = properties.contentType
  if (typeof contentType === 'string') headers['content-type'] = contentType
  return messageFromHeaders(headers, content.length === 0 ? undefined : content, headerNames)
}

/** How often the broker has had it back. */
export function returnsOf({ properties, fields }: AmqpMessage): number {
  const count: unknown = properties.headers?.['x-delivery-count']
  if (typeof count === 'number') return count
  // A classic queue counts nothing.
  return fields.redelivered ? 1 : 0
}

/** A header of a message that is a text. */
export function textHeader({ properties }: AmqpMessage, name: string): string | undefined {
  const value: unknown = properties.headers?.[name]
  return typeof value === 'string' ? value : undefined
}
