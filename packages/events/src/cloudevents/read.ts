import type { Catalog } from '../catalog/catalog.ts'
import { isCheckedReader, readChecked } from '../definition/checked.ts'
import type { AnyDefinedEvent, EventOf } from '../definition/types.ts'
import { InvalidCloudEventError } from '../errors/errors.ts'
import type { EventIssue } from '../errors/issues.ts'
import { attributeIssue, checkInteger, maxInteger } from '../event/attributes.ts'
import { type EventJson, type Extensions, noExtensions } from '../event/event.ts'
import { sequenceNumber } from '../event/sequence.ts'
import { timestamp } from '../event/time.ts'
import type { CloudEventEnvelope } from './envelope.ts'
import { isJsonType } from './media-type.ts'

/** What reads a CloudEvent into an event: a catalog, or a single definition. */
export type EventReader<Event = unknown> = { parse(value: unknown): Event }

/** The event that a catalog or a definition reads. */
export type EventRead<Reader extends EventReader> =
  Reader extends Catalog<infer Definitions>
    ? EventOf<Definitions[number]>
    : Reader extends AnyDefinedEvent
      ? EventOf<Reader>
      : ReturnType<Reader['parse']>

/** The event of an envelope that has been read already. */
export function fromEnvelope<Reader extends EventReader>(
  envelope: CloudEventEnvelope,
  reader: Reader,
): EventRead<Reader> {
  const issues: EventIssue[] = []
  const { id, source, type, subject } = envelope
  const own = ownAttributes(envelope.extensions)
  const version = wholeNumber('dataversion', own.dataversion, 1, issues) ?? 1
  const causationDepth = wholeNumber('causationdepth', own.causationdepth, 0, issues)
  const correlationId = textOf(own.correlationid)
  const causationId = textOf(own.causationid)
  const { sequence } = own
  const time = envelope.time ?? timestamp(Date.now())
  const data = decodeJson(envelope, issues)
  if (issues.length > 0) throw new InvalidCloudEventError(issues)
  // All else that `parse` asks of attributes is known; an extension may be empty, these may not.
  if (correlationId !== '' && causationId !== '' && isCheckedReader(reader)) {
    const extensions = own.extensions === undefined ? noExtensions : Object.freeze(own.extensions)
    const attributes = {
      id,
      source,
      time,
      subject,
      sequence,
      correlationId,
      causationId,
      causationDepth: causationDepth ?? 0,
      extensions,
    }
    // The reader's own `parse` has the type; generic code cannot see that it is the same.
    return reader[readChecked](type, version, attributes, data) as EventRead<Reader>
  }
  const json: { [Key in keyof EventJson]: EventJson[Key] | undefined } = {
    id,
    type,
    version,
    source,
    time,
    subject,
    sequence,
    correlationId,
    causationId,
    causationDepth,
    extensions: own.extensions ?? {},
    data,
  }
  return reader.parse(json) as EventRead<Reader>
}

type ExtensionValue = Extensions[string]

interface OwnAttributes {
  readonly sequence: number | undefined
  readonly correlationid: ExtensionValue | undefined
  readonly causationid: ExtensionValue | undefined
  readonly causationdepth: ExtensionValue | undefined
  readonly dataversion: ExtensionValue | undefined
  /** All others, `undefined` when there are none. */
  readonly extensions: Extensions | undefined
}

// Tells our extensions from those of others.
function ownAttributes(all: Extensions): OwnAttributes {
  let sequence: number | undefined
  let correlationid: ExtensionValue | undefined
  let causationid: ExtensionValue | undefined
  let causationdepth: ExtensionValue | undefined
  let dataversion: ExtensionValue | undefined
  let extensions: Record<string, ExtensionValue> | undefined
  for (const name of Object.keys(all)) {
    const value = all[name] as ExtensionValue
    switch (name) {
      case 'correlationid':
        correlationid = value
        break
      case 'causationid':
        causationid = value
        break
      case 'causationdepth':
        causationdepth = value
        break
      case 'dataversion':
        dataversion = value
        break
      case 'sequence':
        sequence = sequenceNumber(value)
        // A sequence that is no number keeps its place among the extensions.
        if (sequence === undefined) (extensions ??= {})[name] = value
        break
      default:
        ;(extensions ??= {})[name] = value
    }
  }
  return { sequence, correlationid, causationid, causationdepth, dataversion, extensions }
}

// A number, or its text, as header protocols carry it.
function wholeNumber(
  name: string,
  value: ExtensionValue | undefined,
  least: number,
  issues: EventIssue[],
): number | undefined {
  if (value === undefined) return undefined
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
  const expected = checkInteger(number, least, maxInteger)
  if (expected !== undefined) issues.push(attributeIssue(name, expected, value))
  return Number(number)
}

function textOf(value: ExtensionValue | undefined): string | undefined {
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
