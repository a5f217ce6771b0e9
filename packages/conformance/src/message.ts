import type { Message } from '@tidings/bus'
import { type EncodedEvent, uuidv7 } from '@tidings/events'

/** What a case says of a message; the rest is filled in. */
export interface Draft {
  readonly id?: string
  readonly type?: string
  /** The key. */
  readonly subject?: string
  readonly attributes?: Readonly<Record<string, string | number | boolean>>
  readonly headers?: Readonly<Record<string, string>>
  readonly contentType?: string | undefined
  readonly body?: string | Uint8Array | undefined
}

/** A message as a bus would publish it. */
export function messageOf(
  draft: Draft & { readonly type: string; readonly source: string; readonly number: number },
): Message {
  const { id = uuidv7(), type, source, subject, number, attributes = {}, headers = {} } = draft
  return {
    attributes: {
      specversion: '1.0',
      id,
      source,
      type,
      time: new Date().toISOString(),
      ...(subject === undefined ? {} : { subject }),
      ...attributes,
    },
    headers,
    contentType: 'contentType' in draft ? draft.contentType : 'application/json',
    body: 'body' in draft ? draft.body : JSON.stringify({ number }),
  }
}

export function idOf({ attributes }: EncodedEvent): string {
  return String(attributes['id'])
}

/** All that a transport must carry, in a form that can be compared: header protocols make texts of attributes. */
export function essence({ attributes, contentType, body, headers }: Message): object {
  return {
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)])),
    headers: { ...headers },
    contentType,
    body: bytesOf(body),
  }
}

/** Transports that carry bytes write text as UTF-8. No body and an empty one are alike. */
export function bytesOf(body: Message['body']): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : Uint8Array.from(body ?? [])
}

/** How many bytes a body may have so that the message has `total` in all, headers roughly counted. */
export function bodyFor(total: number, reserve = 4096): Uint8Array {
  return new Uint8Array(Math.max(0, total - reserve)).fill(120)
}
