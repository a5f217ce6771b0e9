import type { Catalog } from '../catalog/catalog.ts'
import { isCheckedReader, readChecked } from '../definition/checked.ts'
import type { AnyDefinedEvent, EventOf } from '../definition/types.ts'
import { InvalidCloudEventError } from '../errors/errors.ts'
import type { EventIssue } from '../errors/issues.ts'
import { attributeIssue, checkInteger, maxInteger } from '../event/attributes.ts'
import { type EventJson, type Extensions, noExtensions } from '../event/event.ts'
import { sequenceNumber } from '../event/sequence.ts'
import { timestamp } from '../event/time.ts'
import { type EnvelopeContext, isCore, isOwn } from './envelope.ts'
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

/** The event of an envelope that has been checked already. */
export function fromContext<Reader extends EventReader>(context: EnvelopeContext, reader: Reader): EventRead<Reader> {
  const issues: EventIssue[] = []
  const { id, source, type, subject, attributes: given } = context
  const { dataversion, sequence: counted, correlationid, causationid, causationdepth } = given as GivenValues
  const version = wholeNumber('dataversion', dataversion, 1, issues) ?? 1
  const causationDepth = wholeNumber('causationdepth', causationdepth, 0, issues)
  const correlationId = textOf(correlationid)
  const causationId = textOf(causationid)
  const sequence = sequenceNumber(counted)
  let foreign = foreignAttributes(given)
  // A sequence that is no number keeps a place among the extensions.
  if (sequence === undefined && counted !== undefined && counted !== null) {
    foreign = { ...foreign, sequence: counted }
  }
  const time = context.time ?? timestamp(Date.now())
  const data = decodeJson(context, issues)
  if (issues.length > 0) throw new InvalidCloudEventError(issues)
  // All else that `parse` asks of attributes is known; an extension may be empty, these may not.
  if (correlationId !== '' && causationId !== '' && isCheckedReader(reader)) {
    const extensions = foreign === undefined ? noExtensions : Object.freeze(foreign)
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
    extensions: foreign ?? {},
    data,
  }
  return reader.parse(json) as EventRead<Reader>
}

type ExtensionValue = Extensions[string]
// What a checked envelope has under the name of an extension.
type GivenValue = ExtensionValue | null | undefined
type GivenValues = Readonly<Record<string, GivenValue>>

// What is no attribute of ours or of the specification; `undefined` when there is none.
function foreignAttributes(attributes: Readonly<Record<string, unknown>>): Record<string, ExtensionValue> | undefined {
  let extensions: Record<string, ExtensionValue> | undefined
  for (const name in attributes) {
    if (isCore(name) || isOwn(name)) continue
    const value = attributes[name]
    if (value !== undefined && value !== null) (extensions ??= {})[name] = value as ExtensionValue
  }
  return extensions
}

// A number, or its text, as header protocols carry it.
function wholeNumber(name: string, value: GivenValue, least: number, issues: EventIssue[]): number | undefined {
  if (value === undefined || value === null) return undefined
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
  const expected = checkInteger(number, least, maxInteger)
  if (expected !== undefined) issues.push(attributeIssue(name, expected, value))
  return Number(number)
}

function textOf(value: GivenValue): string | undefined {
  return value === undefined || value === null ? undefined : String(value)
}

// Bytes that declare themselves JSON are read as such; any other bytes are data as they are.
function decodeJson({ data, dataContentType }: EnvelopeContext, issues: EventIssue[]): unknown {
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
