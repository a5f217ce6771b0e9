import type { AnyDefinedEvent, EventOf } from '../definition/types.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { InvalidCloudEventError, InvalidEventError } from '../errors/errors.ts'
import type { EventIssue } from '../errors/issues.ts'
import { attributeIssue, checkInteger, maxInteger, wholeIssue } from '../event/attributes.ts'
import { type EventJson, isEvent, originOf, type TidingsEvent } from '../event/event.ts'
import { sequenceNumber, sequenceText } from '../event/sequence.ts'
import { timestamp } from '../event/time.ts'
import { toBase64 } from './base64.ts'
import {
  type CloudEvent,
  type CloudEventEnvelope,
  type CloudEventOptions,
  isJsonType,
  parseCloudEvent,
  parseCloudEventBatch,
} from './envelope.ts'

/** What reads a CloudEvent into an event: a catalog, or a single definition. */
export type EventReader<Event = unknown> = { parse(value: unknown): Event }

/** The event that a catalog or a definition reads. */
export type EventRead<Reader extends EventReader> =
  Reader extends Catalog<infer Definitions>
    ? EventOf<Definitions[number]>
    : Reader extends AnyDefinedEvent
      ? EventOf<Reader>
      : ReturnType<Reader['parse']>

/**
 * The event in the JSON format of CloudEvents 1.0. Attributes of ours travel as extensions: `sequence` (of sixteen
 * digits, so that its text sorts), `correlationid`, `causationid`, `causationdepth`, and `dataversion` for the version.
 * Data that is a `Uint8Array` becomes `data_base64`.
 *
 * @throws InvalidEventError when `event` is none, or its data cannot be encoded
 */
export function toCloudEvent(event: TidingsEvent): CloudEvent {
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
  return {
    specversion: '1.0',
    id: event.id,
    source: event.source,
    type: event.type,
    ...(event.subject === undefined ? {} : { subject: event.subject }),
    time: event.time,
    ...(data === undefined ? {} : { datacontenttype: dataContentType }),
    ...(dataSchema === undefined ? {} : { dataschema: dataSchema }),
    dataversion: event.version,
    ...(event.sequence === undefined ? {} : { sequence: sequenceText(event.sequence) }),
    ...(event.correlationId === undefined ? {} : { correlationid: event.correlationId }),
    ...(event.causationId === undefined ? {} : { causationid: event.causationId }),
    ...(event.causationDepth === 0 ? {} : { causationdepth: event.causationDepth }),
    ...event.extensions,
    ...(data === undefined ? {} : bytes ? { data_base64: toBase64(data) } : { data }),
  }
}

/** The events as a JSON batch of CloudEvents, to be sent as `application/cloudevents-batch+json`. */
export function toCloudEventBatch(events: Iterable<TidingsEvent>): readonly CloudEvent[] {
  return Array.from(events, toCloudEvent)
}

/**
 * The event of a CloudEvent in JSON format. One from a producer that does not know us is read too: without
 * `dataversion` it counts as version 1, without `time` it gets the present time, without `subject` the definition's key
 * gives one, and attributes that we have no name for are in `event.extensions`.
 *
 * @param value - the parsed JSON, not its text
 * @param reader - a catalog, or the one definition that is expected
 * @throws InvalidCloudEventError when it breaks CloudEvents 1.0
 * @throws UnknownEventTypeError, InvalidEventError, UnknownEventVersionError, UpcastError as `parse` of the reader
 */
export function fromCloudEvent<Reader extends EventReader>(
  value: unknown,
  reader: Reader,
  options?: CloudEventOptions,
): EventRead<Reader> {
  return fromEnvelope(parseCloudEvent(value, options), reader)
}

/** The events of a JSON batch of CloudEvents. The first one that is wrong throws as in {@link fromCloudEvent}. */
export function fromCloudEventBatch<Reader extends EventReader>(
  value: unknown,
  reader: Reader,
  options?: CloudEventOptions,
): readonly EventRead<Reader>[] {
  return parseCloudEventBatch(value, options).map((envelope) => fromEnvelope(envelope, reader))
}

/** The event of an envelope that has been read already. */
export function fromEnvelope<Reader extends EventReader>(
  envelope: CloudEventEnvelope,
  reader: Reader,
): EventRead<Reader> {
  const { sequence, correlationid, causationid, causationdepth, dataversion, ...extensions } = envelope.extensions
  const issues: EventIssue[] = []
  const whole = (name: string, value: unknown, least: number): number | undefined => {
    if (value === undefined) return undefined
    const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
    const expected = checkInteger(number, least, maxInteger)
    if (expected !== undefined) issues.push(attributeIssue(name, expected, value))
    return Number(number)
  }
  const counted = sequenceNumber(sequence)
  const json: { [Key in keyof EventJson]: EventJson[Key] | undefined } = {
    id: envelope.id,
    type: envelope.type,
    version: whole('dataversion', dataversion, 1) ?? 1,
    source: envelope.source,
    time: envelope.time ?? timestamp(Date.now()),
    subject: envelope.subject,
    sequence: counted,
    correlationId: textOf(correlationid),
    causationId: textOf(causationid),
    causationDepth: whole('causationdepth', causationdepth, 0),
    // A sequence that is no number keeps its place among the extensions.
    extensions: counted === undefined && sequence !== undefined ? { ...extensions, sequence } : extensions,
    data: decodeJson(envelope, issues),
  }
  if (issues.length > 0) throw new InvalidCloudEventError(issues)
  // The reader's own `parse` has the type; generic code cannot see that it is the same.
  return reader.parse(json) as EventRead<Reader>
}

function textOf(value: string | number | boolean | undefined): string | undefined {
  return value === undefined ? undefined : String(value)
}

// Bytes that declare themselves JSON are read as such; any other bytes are data as they are.
function decodeJson({ data, dataContentType }: CloudEventEnvelope, issues: EventIssue[]): unknown {
  if (!(data instanceof Uint8Array) || dataContentType === undefined || !isJsonType(dataContentType)) return data
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)) as unknown
  } catch {
    issues.push({
      path: ['data_base64'],
      code: 'invalid_attribute',
      expected: 'JSON in UTF-8',
      received: 'other bytes',
    })
    return undefined
  }
}
