import type { TidingsEvent } from '@tidings/events'

const encoder = new TextEncoder()

/**
 * The id of an effect, always the same for the same cause and names. An event that is tried again after a crash in the
 * middle then publishes under the ids of the first time, and idempotent handlers see each effect once.
 *
 * It is a UUID of version 8: the first 122 bits of the SHA-256 of `[cause.source, cause.id, ...names]` as JSON text (as
 * in RFC 9562, appendix B.2). It does not sort by time.
 *
 * @param names - what tells the effects of one cause apart, such as the group, the event type and a number
 *
 * @example
 * const id = await effectId(event, context.group, 'receipt')
 * await context.publish(ReceiptSent, { orderId: event.data.orderId }, { id })
 */
export async function effectId(
  cause: Pick<TidingsEvent, 'source' | 'id'>,
  ...names: readonly (string | number)[]
): Promise<string> {
  const name = encoder.encode(JSON.stringify([cause.source, cause.id, ...names]))
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', name), 0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
