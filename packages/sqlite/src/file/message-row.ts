import { keyOf, type Message } from '@tidings/bus/transport'
import type { Row, Value } from '../database/driver.ts'

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
  const headers = row[from + 5] as string | null
  return {
    attributes: JSON.parse(row[from + 2] as string) as Message['attributes'],
    contentType: (row[from + 3] as string | null) ?? undefined,
    body: (row[from + 4] as string | Uint8Array | null) ?? undefined,
    headers: headers === null ? noHeaders : (JSON.parse(headers) as Message['headers']),
  }
}

export const noHeaders: Message['headers'] = Object.freeze({})

/** Headers as text; null for none. */
export function headersText(headers: Readonly<Record<string, string>>): string | null {
  // Nearly always there are none.
  for (const _ in headers) return JSON.stringify(headers)
  return null
}

/** The lane of a message: that of its key, or else any. It stands in the file, so it must not change. */
export function laneOf(key: string | undefined, position: number): number {
  if (key === undefined) return position % lanes
  // FNV-1a over the UTF-16 units.
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) & (lanes - 1)
}
