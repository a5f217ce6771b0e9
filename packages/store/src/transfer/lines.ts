import type { EncodedEvent } from '@tidings/events'

/** The first line of an export. */
export const header = '{"tidings":"event-log","format":1}'

/** A line with an event. */
export interface EventLine {
  readonly position: number
  readonly stream: string
  readonly version: number
  /** RFC 3339. */
  readonly recordedAt: string
  readonly attributes: EncodedEvent['attributes']
  readonly contentType?: string | undefined
  /** A body of text. */
  readonly body?: string | undefined
  /** A body of bytes. */
  readonly base64?: string | undefined
}

/** A line with what is known of a stream of which something was removed. Behind all events. */
export interface CutLine {
  readonly cut: string
  readonly version: number
  readonly before: number
  readonly tombstone: boolean
}

/** The lines of a text that comes in pieces, of text or of UTF-8, without the empty ones. */
export async function* linesOf(
  chunks: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop()!
    for (const line of lines) if (line.trim() !== '') yield line
  }
  rest += decoder.decode()
  if (rest.trim() !== '') yield rest
}

export function bodyFields(body: EncodedEvent['body']): Pick<EventLine, 'body' | 'base64'> {
  if (body === undefined) return {}
  if (typeof body === 'string') return { body }
  let binary = ''
  for (const byte of body) binary += String.fromCharCode(byte)
  return { base64: btoa(binary) }
}

export function bodyOf({ body, base64 }: Pick<EventLine, 'body' | 'base64'>): EncodedEvent['body'] {
  if (base64 === undefined) return body
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
