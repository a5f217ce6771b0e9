import { type Message, messageFromHeaders } from '@tidings/bus/transport'
import { headerNames, wayHeaders } from './encode.ts'

/** What a topic has at one offset. */
export interface KafkaRecord {
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[]
}

/** Headers of our own ways, which are none of the message. */
const ofTheWay: ReadonlySet<string> = new Set(Object.values(wayHeaders))
const typeHeader = `${headerNames.prefix}type`

/** The message that came, whoever published it. Never throws: what is no CloudEvent is for the bus to judge. */
export function decode({ value, headers }: KafkaRecord): Message {
  const texts: [string, string][] = []
  for (const [name, text] of headers) {
    if (name === null || text === null) continue
    const key = name.toString()
    if (!ofTheWay.has(key)) texts.push([key, text.toString()])
  }
  return messageFromHeaders(texts, value === null || value.length === 0 ? undefined : value, headerNames)
}

/** A header of a record that is a text. */
export function textHeader({ headers }: KafkaRecord, wanted: string): string | undefined {
  for (const [name, text] of headers) {
    if (name !== null && text !== null && name.length === wanted.length && name.toString() === wanted) {
      return text.toString()
    }
  }
  return undefined
}

/** The event type, as far as it takes no reading of the body; undefined for what has none in a header. */
export function typeOf(record: KafkaRecord): string | undefined {
  return textHeader(record, typeHeader)
}
