import { InvalidCloudEventError } from '../errors/errors.ts'
import type { EventIssue } from '../errors/issues.ts'
import {
  attributeIssue,
  checkExtensionName,
  checkExtensionValue,
  checkMediaType,
  checkText,
  checkTime,
  checkUri,
  checkUriReference,
  wholeIssue,
} from '../event/attributes.ts'
import type { Extensions } from '../event/event.ts'
import { fromBase64 } from './base64.ts'
import { isJsonType } from './media-type.ts'

/** A CloudEvent in its JSON format (CloudEvents 1.0): one flat object, extension attributes beside the others. */
export interface CloudEvent {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject?: string
  readonly time?: string
  readonly datacontenttype?: string
  readonly dataschema?: string
  readonly data?: unknown
  /** Binary data; never together with `data`. */
  readonly data_base64?: string
  readonly [extension: string]: unknown
}

/** A CloudEvent as it was read, checked against the specification but not against any schema. */
export interface CloudEventEnvelope {
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string | undefined
  /** RFC 3339, as its producer wrote it. */
  readonly time: string | undefined
  readonly dataContentType: string | undefined
  readonly dataSchema: string | undefined
  /** All attributes that the core specification does not name. In binary mode all values are strings. */
  readonly extensions: Extensions
  /** A JSON value, text, or bytes (`Uint8Array`); `undefined` when the event has no data. */
  readonly data: unknown
}

/** How CloudEvents in JSON format are read. */
export interface CloudEventOptions {
  /**
   * `strict` (default) refuses attribute names that are not in lower case, as CloudEvents 1.0 demands. `lower-case`
   * puts them into lower case: some producers, Google's audit logs among them, send `methodName` and the like.
   */
  readonly attributeNames?: 'strict' | 'lower-case' | undefined
}

/**
 * Reads a CloudEvent in JSON format without a definition, as a router or a log would.
 *
 * @param value - the parsed JSON, not its text
 * @throws InvalidCloudEventError when it breaks CloudEvents 1.0; it names every attribute at fault
 */
export function parseCloudEvent(value: unknown, options: CloudEventOptions = {}): CloudEventEnvelope {
  const { envelope, issues } = readCloudEvent(value, options)
  if (issues.length > 0) throw new InvalidCloudEventError(issues)
  return envelope
}

/**
 * Reads a JSON batch of CloudEvents, an array, without definitions.
 *
 * @throws InvalidCloudEventError when any of them is wrong; the paths begin with the index
 */
export function parseCloudEventBatch(value: unknown, options: CloudEventOptions = {}): readonly CloudEventEnvelope[] {
  if (!Array.isArray(value)) {
    throw new InvalidCloudEventError([wholeIssue('an array of CloudEvents', value)])
  }
  const read = value.map((each) => readCloudEvent(each, options))
  const issues = read.flatMap(({ issues: own }, index) =>
    own.map((issue) => ({ ...issue, path: [index, ...issue.path] })),
  )
  if (issues.length > 0) throw new InvalidCloudEventError(issues)
  return read.map(({ envelope }) => envelope)
}

/** The envelope of attributes and data that stand apart; `issues` are those found before. */
export function envelopeOf(
  attributes: Readonly<Record<string, unknown>>,
  dataContentType: unknown,
  data: unknown,
  issues: readonly EventIssue[],
): CloudEventEnvelope {
  const { envelope, issues: own } = readAttributes(attributes, data, dataContentType)
  if (issues.length + own.length > 0) throw new InvalidCloudEventError([...own, ...issues])
  return envelope
}

/** What reads attributes and data into an envelope; `issues` is empty when all of it is right. */
interface EnvelopeReading {
  readonly envelope: CloudEventEnvelope
  readonly issues: readonly EventIssue[]
}

/**
 * Checks attributes by name, as JSON or as header texts. `null` and `undefined` count as left out. `dataContentType` is
 * for protocols that carry it apart. Every delivery comes through here, so it makes nothing but the envelope.
 */
function readAttributes(
  given: Readonly<Record<string, unknown>>,
  data: unknown,
  dataContentType: unknown = given['datacontenttype'],
): EnvelopeReading {
  const issues: EventIssue[] = []
  const { specversion, id, source, type, subject, time, dataschema } = given
  if (specversion !== '1.0') {
    // Another version has other rules: judging the rest by those of 1.0 would only mislead.
    return { envelope: none, issues: [attributeIssue('specversion', '"1.0"', specversion ?? undefined)] }
  }
  const envelope: CloudEventEnvelope = {
    id: required('id', id, checkText, issues) ?? '',
    source: required('source', source, checkUriReference, issues) ?? '',
    type: required('type', type, checkText, issues) ?? '',
    subject: optional('subject', subject, checkText, issues),
    time: optional('time', time, checkTime, issues),
    dataContentType: optional('datacontenttype', dataContentType, checkMediaType, issues),
    dataSchema: optional('dataschema', dataschema, checkUri, issues),
    extensions: readExtensions(given, issues),
    data,
  }
  return { envelope, issues }
}

function readExtensions(given: Readonly<Record<string, unknown>>, issues: EventIssue[]): Extensions {
  const extensions: Record<string, Extensions[string]> = {}
  for (const name of Object.keys(given)) {
    const value = given[name]
    if (value === undefined || value === null) continue
    switch (name) {
      case 'specversion':
      case 'id':
      case 'source':
      case 'type':
      case 'subject':
      case 'time':
      case 'datacontenttype':
      case 'dataschema':
        continue
      default: {
        const expected = checkExtensionName(name) ?? checkExtensionValue(value)
        if (expected === undefined) extensions[name] = value as Extensions[string]
        else issues.push(attributeIssue(name, expected, value))
      }
    }
  }
  return extensions
}

type Check = (value: unknown) => string | undefined

function required(name: string, value: unknown, check: Check, issues: EventIssue[]): string | undefined {
  return value === null || value === undefined
    ? refused(name, undefined, check(undefined), issues)
    : optional(name, value, check, issues)
}

// A check that answers nothing has seen a string.
function optional(name: string, value: unknown, check: Check, issues: EventIssue[]): string | undefined {
  if (value === null || value === undefined) return undefined
  const expected = check(value)
  return expected === undefined ? (value as string) : refused(name, value, expected, issues)
}

function refused(name: string, value: unknown, expected: string | undefined, issues: EventIssue[]): undefined {
  if (expected !== undefined) issues.push(attributeIssue(name, expected, value))
}

const none: CloudEventEnvelope = {
  id: '',
  source: '',
  type: '',
  subject: undefined,
  time: undefined,
  dataContentType: undefined,
  dataSchema: undefined,
  extensions: {},
  data: undefined,
}

function readCloudEvent(value: unknown, { attributeNames = 'strict' }: CloudEventOptions): EnvelopeReading {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const hint =
      typeof value === 'string'
        ? ' (JSON text must go through JSON.parse first)'
        : Array.isArray(value)
          ? ', not a batch'
          : ''
    return { envelope: none, issues: [wholeIssue(`a CloudEvent as a JSON object${hint}`, value)] }
  }
  const { data, data_base64, ...given } = value as Readonly<Record<string, unknown>>
  const attributes = attributeNames === 'strict' ? given : inLowerCase(given)
  const { envelope, issues } = readAttributes(attributes, data)
  if (envelope === none) return { envelope, issues }
  const more: EventIssue[] = []
  if (data_base64 === undefined || data_base64 === null) {
    const { dataContentType } = envelope
    if (data !== undefined && typeof dataContentType === 'string' && !isJsonType(dataContentType)) {
      if (typeof data !== 'string')
        more.push(dataIssue('data', `text, since datacontenttype is ${dataContentType}`, data))
    }
    return { envelope, issues: [...issues, ...more] }
  }
  if (data !== undefined) more.push(dataIssue('data_base64', 'either `data` or `data_base64`, not both', data_base64))
  const bytes = typeof data_base64 === 'string' ? fromBase64(data_base64) : undefined
  if (bytes === undefined) more.push(dataIssue('data_base64', 'base64 text (RFC 4648)', data_base64))
  return { envelope: { ...envelope, data: bytes }, issues: [...issues, ...more] }
}

/** Attributes under names in lower case; a name whose lower case is taken stays as it is, and is refused. */
export function inLowerCase(attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(attributes)) {
    const lower = name.toLowerCase()
    result[lower === name || !Object.hasOwn(attributes, lower) ? lower : name] = value
  }
  return result
}

// Data may be confidential: only its kind is told.
function dataIssue(name: string, expected: string, value: unknown): EventIssue {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
  return { path: [name], code: 'invalid_attribute', expected, received: kind }
}
