import { InvalidEventError } from '../errors/errors.ts'
import type { EventIssue } from '../errors/issues.ts'
import { wholeIssue } from '../event/attributes.ts'
import { isEvent, noExtensions, originOf, type TidingsEvent } from '../event/event.ts'
import { sequenceText } from '../event/sequence.ts'
import { isJsonType } from './media-type.ts'

/** An event ready for any transport: CloudEvents attributes by their wire names, the data apart from them. */
export interface EncodedEvent {
  /**
   * All attributes but `datacontenttype`: `specversion`, `id`, `source`, `type`, `subject`, `time`, `dataschema`, and
   * extensions (`dataversion`, `sequence`, `correlationid`, `causationid`, `causationdepth`, `partitionkey`, `expirytime`,
   * …).
   */
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  /** The media type of the body; `undefined` without data. */
  readonly contentType: string | undefined
  /** JSON text or other text, or bytes. A transport that carries bytes only writes text as UTF-8. */
  readonly body: string | Uint8Array | undefined
}

/** Writes an event in binary mode. */
export function binaryOf(event: TidingsEvent): EncodedEvent {
  const { data, contentType, dataSchema } = contentOf(event)
  return { attributes: attributesOf(event, undefined, dataSchema), contentType, body: bodyOf(data, contentType) }
}

function bodyOf(data: unknown, contentType: string | undefined): string | Uint8Array | undefined {
  if (contentType === undefined) return undefined
  // A copy: the bytes of an event are its own.
  if (data instanceof Uint8Array) return new Uint8Array(data)
  return typeof data === 'string' && !isJsonType(contentType) ? data : JSON.stringify(data)
}

/** What an event has to say in any form of CloudEvents. */
export interface EventContent {
  /** Data as a JSON value, text or bytes; `undefined` without data. The bytes are the event's own. */
  readonly data: unknown
  /** The media type of the data; `undefined` without data. */
  readonly contentType: string | undefined
  readonly dataSchema: string | undefined
}

/** The data of an event, encoded, and what describes it. Throws `InvalidEventError` for what is none or cannot be written. */
export function contentOf(event: TidingsEvent): EventContent {
  const origin = isEvent(event) ? originOf(event) : undefined
  if (origin === undefined) {
    const issue = wholeIssue('an event that a definition made', event)
    throw new InvalidEventError({ type: undefined, version: undefined, issues: [issue], origin: 'write' })
  }
  const data = origin.encode(event.data, true)
  const bytes = data instanceof Uint8Array
  const { dataSchema, dataContentType = bytes ? 'application/octet-stream' : 'application/json' } = origin
  if (!bytes && typeof data !== 'string' && data !== undefined && !isJsonType(dataContentType)) {
    const expected = `text or a Uint8Array, since dataContentType is ${dataContentType}`
    const issue: EventIssue = {
      path: ['data'],
      code: 'invalid_data',
      expected,
      received: `a value of type ${typeof data}`,
    }
    throw new InvalidEventError({ type: event.type, version: event.version, issues: [issue], origin: 'encode' })
  }
  return { data, contentType: data === undefined ? undefined : dataContentType, dataSchema }
}

/** The attributes of an event under their wire names, in the order of the specification, extensions last. */
export function attributesOf(
  event: TidingsEvent,
  contentType: string | undefined,
  dataSchema: string | undefined,
): Record<string, string | number | boolean> {
  const { id, source, type, time, version, subject, sequence } = event
  const { correlationId, causationId, causationDepth, extensions } = event
  const isUsual = contentType === undefined && dataSchema === undefined
  const attributes: WireAttributes =
    isUsual && subject !== undefined && sequence !== undefined
      ? // At once: what is added later needs room of its own, several times over.
        { specversion, id, source, type, subject, time, dataversion: version, sequence: sequenceText(sequence) }
      : oneByOne(event, contentType, dataSchema)
  if (correlationId !== undefined) attributes.correlationid = correlationId
  if (causationId !== undefined) attributes.causationid = causationId
  if (causationDepth !== 0) attributes.causationdepth = causationDepth
  return extensions === noExtensions ? attributes : Object.assign(attributes, extensions)
}

const specversion = '1.0'

/** Assigned, since a spread for each that may be missing takes three times as long (73 and 238 ns). */
function oneByOne(
  { id, source, type, time, version, subject, sequence }: TidingsEvent,
  contentType: string | undefined,
  dataSchema: string | undefined,
): WireAttributes {
  const attributes: WireAttributes = { specversion, id, source, type }
  if (subject !== undefined) attributes.subject = subject
  attributes.time = time
  if (contentType !== undefined) attributes.datacontenttype = contentType
  if (dataSchema !== undefined) attributes.dataschema = dataSchema
  attributes.dataversion = version
  if (sequence !== undefined) attributes.sequence = sequenceText(sequence)
  return attributes
}

// A type, not an interface: only a type fits a record.
type WireAttributes = {
  specversion: string
  id: string
  source: string
  type: string
  subject?: string
  time?: string
  datacontenttype?: string
  dataschema?: string
  dataversion?: number
  sequence?: string
  correlationid?: string
  causationid?: string
  causationdepth?: number
}
