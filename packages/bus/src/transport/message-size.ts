import type { Message } from '../message/message.ts'

/** What the headers of the bus itself begin with. */
const own = 'x-tidings-'

/** The bytes of a message that is larger than `limit`; undefined for one that is not. */
export function oversize(message: Message, limit: number): number | undefined {
  if (limit === Infinity || measure(message, mostBytes) <= limit) return undefined
  const size = measure(message, utf8Bytes)
  return size > limit ? size : undefined
}

function measure({ attributes, headers, contentType, body }: Message, bytesOf: (text: string) => number): number {
  let size = contentType === undefined ? 0 : bytesOf(contentType)
  if (typeof body === 'string') size += bytesOf(body)
  else if (body !== undefined) size += body.byteLength
  for (const name in attributes) size += bytesOf(name) + bytesOf(String(attributes[name]))
  // Not those of the bus: what could be published must have room for them when it is tried again or replayed.
  for (const name in headers) if (!name.startsWith(own)) size += bytesOf(name) + bytesOf(String(headers[name]))
  return size
}

/** UTF-16 units take three bytes at most: for nearly every message enough to know, without reading it. */
function mostBytes(text: string): number {
  return 3 * text.length
}

function utf8Bytes(text: string): number {
  let size = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) size += 1
    else if (unit < 0x800) size += 2
    else if (isHigh(unit) && isLow(text.charCodeAt(i + 1))) {
      size += 4
      i++
    } else size += 3
  }
  return size
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}
