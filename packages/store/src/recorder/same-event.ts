import type { EncodedEvent } from '@tidings/events'

/** Whether two encoded events say the same; a body of text is that of its bytes, since not every log tells them apart. */
export function sameEvent(a: EncodedEvent, b: EncodedEvent): boolean {
  return a.contentType === b.contentType && sameBody(a.body, b.body) && sameAttributes(a.attributes, b.attributes)
}

function sameAttributes(a: EncodedEvent['attributes'], b: EncodedEvent['attributes']): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => String(a[name]) === String(b[name]))
}

function sameBody(a: EncodedEvent['body'], b: EncodedEvent['body']): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b
  const [left, right] = [bytesOf(a), bytesOf(b)]
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}

function bytesOf(body: EncodedEvent['body']): Uint8Array {
  return body instanceof Uint8Array ? body : new TextEncoder().encode(body ?? '')
}
