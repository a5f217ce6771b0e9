import { keyOf, type Message, messageToHeaders, MessageTooLargeError, oversize } from '@tidings/bus/transport'

/** Names that CloudEvents has in Kafka. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md */
export const headerNames = { prefix: 'ce_', percentEncoding: false } as const

/** What a delayed message bears: when it is due, when its hop is over, and for which group, if for one. */
export const wayHeaders = { due: 'x-tidings-due', hop: 'x-tidings-hop', to: 'x-tidings-to' } as const

/** Room that is kept in a request for what the protocol adds, and for headers of the bus and of dead letters. */
const reserved = 16 * 1024

/** A message as Kafka has it. */
export interface Parcel {
  readonly key: Buffer | undefined
  readonly value: Buffer | undefined
  readonly headers: Map<Buffer, Buffer>
  /** About how many bytes it takes in a request. */
  readonly size: number
}

/** Names come again and again. */
const nameBytes = new Map<string, Buffer>()

/**
 * A message in the binary mode of CloudEvents: attributes as headers, the body as it is, and its key as that of Kafka.
 *
 * @throws MessageTooLargeError
 */
export function encode(message: Message, maxMessageSize: number, more: Readonly<Record<string, string>> = {}): Parcel {
  const size = oversize(message, maxMessageSize)
  const type = String(message.attributes['type'])
  if (size !== undefined) throw new MessageTooLargeError(type, size, maxMessageSize)
  const { headers: texts, body } = messageToHeaders(message, headerNames)
  const headers = new Map<Buffer, Buffer>()
  let bytes = 64
  const add = (name: string, text: string): void => {
    const value = Buffer.from(text)
    headers.set(bytesOfName(name), value)
    bytes += name.length + value.length + 8
  }
  for (const name in texts) add(name, texts[name]!)
  for (const name in more) add(name, more[name]!)
  const key = keyOf(message)
  const keyBytes = key === undefined ? undefined : Buffer.from(key)
  const value = bytesOf(body)
  bytes += (keyBytes?.length ?? 0) + (value?.length ?? 0)
  // Whatever is in the headers of the bus: the broker would refuse it, and all that is with it in one request.
  if (bytes > maxMessageSize + reserved) throw new MessageTooLargeError(type, bytes, maxMessageSize)
  return { key: keyBytes, value, headers, size: bytes }
}

function bytesOfName(name: string): Buffer {
  let bytes = nameBytes.get(name)
  if (bytes === undefined) {
    bytes = Buffer.from(name)
    // A name that an application makes up for each message must not stay for good.
    if (nameBytes.size < 1000) nameBytes.set(name, bytes)
  }
  return bytes
}

function bytesOf(body: Message['body']): Buffer | undefined {
  if (body === undefined) return undefined
  if (typeof body === 'string') return Buffer.from(body)
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}
