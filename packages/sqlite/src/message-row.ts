import { keyOf, type Message, partitionOf } from '@tidings/bus/transport'
import type { Row, Value } from './database/driver.ts'

/** Lanes into which the keys of a group are parted, so that processes can share them. */
export const lanes = 64

/** What a message is in a row, without its place: type, key, attributes, content type, body, headers. */
export type MessageColumns = readonly [Value, Value, Value, Value, Value, Value]

export const messageColumns = 'type, key, attributes, content_type, body, headers'

export function columnsOf(message: Message): MessageColumns {
  const { attributes, contentType, body, headers } = message
  return [
    String(attributes['type']),
    keyOf(message) ?? null,
    JSON.stringify(attributes),
    contentType ?? null,
    body ?? null,
    headersText(headers),
  ]
}

/** The message of a row, whose columns begin at `from`. */
export function messageOf(row: Row, from: number): Message {
  const [attributes, contentType, body, headers] = row.slice(from + 2) as readonly Value[]
  return {
    attributes: JSON.parse(attributes as string) as Message['attributes'],
    contentType: (contentType as string | null) ?? undefined,
    body: (body as string | Uint8Array | null) ?? undefined,
    headers: headers === null || headers === undefined ? noHeaders : (JSON.parse(headers as string) as Message['headers']),
  }
}

const noHeaders: Message['headers'] = Object.freeze({})

/** Headers as text; null for none. */
export function headersText(headers: Readonly<Record<string, string>>): string | null {
  // Nearly always there are none.
  for (const _ in headers) return JSON.stringify(headers)
  return null
}

/** The lane of a message: that of its key, or else any. */
export function laneOf(key: string | null, position: number): number {
  return key === null ? position % lanes : partitionOf(key, lanes)
}
