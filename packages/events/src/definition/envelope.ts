import type { EventIssue } from '../errors/issues.ts'
import {
  attributeIssue,
  checkExtensionName,
  checkExtensionValue,
  checkInteger,
  checkText,
  checkTime,
  checkUriReference,
  maxInteger,
  wholeIssue,
} from '../event/attributes.ts'
import { type EventAttributes, type Extensions, noExtensions } from '../event/event.ts'
import { knownSequence, type Sequence, sequenceNumber, sequenceOf } from '../event/sequence.ts'
import { timestamp } from '../event/time.ts'
import { nextId } from '../event/uuid.ts'
import type { CreateOptions } from './types.ts'

/** The envelope of an event that comes from elsewhere. All but `issues` counts only while that is empty. */
export interface Envelope {
  readonly attributes: EventAttributes
  readonly version: number
  readonly data: unknown
  readonly issues: readonly EventIssue[]
}

/** Reads the JSON form of an event of the given type. An attribute that is `null` counts as left out. */
export function readEnvelope(value: unknown, type: string): Envelope {
  const event = asRecord(value)
  if (event === undefined || 'specversion' in event) {
    const issue = wholeIssue(event === undefined ? form(value) : cloudEvent, value)
    return { attributes: none, version: 0, data: undefined, issues: [issue] }
  }
  const issues: EventIssue[] = []
  require('type', event['type'], (given) => (given === type ? undefined : `'${type}'`), issues)
  const optional = <T>(name: string, test: Check) => check(name, event[name] as T, test, issues)
  const attributes: EventAttributes = {
    id: require('id', event['id'], checkText, issues),
    source: require('source', event['source'], checkUriReference, issues),
    time: require('time', event['time'], checkTime, issues),
    subject: optional<string>('subject', checkText),
    sequence: optional<number>('sequence', checkSequence),
    correlationId: optional<string>('correlationId', checkText),
    causationId: optional<string>('causationId', checkText),
    causationDepth: optional<number>('causationDepth', checkDepth) ?? 0,
    extensions: event['extensions'] == null ? noExtensions : extensionsFrom(event['extensions'], issues),
  }
  const version = require<number>('version', event['version'], (given) => checkInteger(given, 1, maxInteger), issues)
  return { attributes, version, data: event['data'], issues }
}

const none: EventAttributes = {
  id: '',
  source: '',
  time: '',
  subject: undefined,
  sequence: undefined,
  correlationId: undefined,
  causationId: undefined,
  causationDepth: 0,
  extensions: noExtensions,
}

/**
 * The attributes of a new event that the options of `create` choose. Nothing is counted while there are issues. A bus
 * publishes with options every time, so this reads each of them once and makes nothing but the result.
 */
export function attributesFrom(
  options: CreateOptions,
  own: Sequence,
  subject: string | undefined,
): { attributes: EventAttributes; issues: readonly EventIssue[] } {
  const issues: EventIssue[] = []
  const { source, time, id, sequence, extensions } = options
  // A source with a counter has been checked before.
  const counter = source == null || source === own.source ? own : knownSequence(source)
  const chosenSource = counter?.source ?? check('source', source, checkUriReference, issues) ?? own.source
  const now = Date.now()
  const chosenId = check('id', id, checkText, issues)
  const chosenTime = time == null ? timestamp(now) : timeFrom(time, issues)
  const chosenSubject = check('subject', options.subject, checkText, issues) ?? subject
  const chosenSequence = check('sequence', sequence, checkSequence, issues)
  const correlationId = check('correlationId', options.correlationId, checkText, issues)
  const causationId = check('causationId', options.causationId, checkText, issues)
  const causationDepth = check('causationDepth', options.causationDepth, checkDepth, issues) ?? 0
  const chosenExtensions = extensions == null ? noExtensions : extensionsFrom(extensions, issues)
  if (issues.length > 0) return { attributes: none, issues }
  const attributes: EventAttributes = {
    id: chosenId ?? nextId(now),
    source: chosenSource,
    time: chosenTime,
    subject: chosenSubject,
    sequence: chosenSequence ?? ++(counter ?? sequenceOf(chosenSource)).last,
    correlationId,
    causationId,
    causationDepth,
    extensions: chosenExtensions,
  }
  return { attributes, issues }
}

const cloudEvent = 'the JSON form of an event; this is a CloudEvent, which fromCloudEvent(value, catalog) reads'

function form(value: unknown): string {
  const hint = typeof value === 'string' ? ' (JSON text must go through JSON.parse first)' : ''
  return `an event or its JSON form${hint}`
}

function checkSequence(value: unknown): string | undefined {
  return checkInteger(value, 0)
}

function checkDepth(value: unknown): string | undefined {
  return checkInteger(value, 0, maxInteger)
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

type Check = (value: unknown) => string | undefined

// A check answers what was expected, or nothing; what it lets pass has the type that it checked for.
function require<T = string>(name: string, value: unknown, test: Check, issues: EventIssue[]): T {
  const expected = test(value)
  if (expected !== undefined) issues.push(attributeIssue(name, expected, value))
  return value as T
}

function check<T>(name: string, value: T, test: Check, issues: EventIssue[]): NonNullable<T> | undefined {
  if (value === undefined || value === null) return undefined
  const expected = test(value)
  if (expected !== undefined) issues.push(attributeIssue(name, expected, value))
  return value
}

function timeFrom(value: string | number | Date, issues: EventIssue[]): string {
  const instant = typeof value === 'string' ? undefined : new Date(value)
  const text = instant === undefined ? value : Number.isNaN(instant.getTime()) ? undefined : instant.toISOString()
  const expected = checkTime(text)
  if (expected === undefined) return String(text)
  issues.push(attributeIssue('time', `${expected}, a Date, or milliseconds since 1970`, value))
  return ''
}

function extensionsFrom(value: unknown, issues: EventIssue[]): Extensions {
  const record = asRecord(value)
  if (record === undefined) issues.push(attributeIssue('extensions', 'an object', value))
  let extensions: Record<string, Extensions[string]> | undefined
  for (const name of Object.keys(record ?? {})) {
    const each = record?.[name]
    if (each === undefined || each === null) continue
    const expected = checkExtensionName(name) ?? checkReserved(name, each) ?? checkExtensionValue(each)
    if (expected === undefined) (extensions ??= {})[name] = each as Extensions[string]
    else issues.push(attributeIssue(['extensions', name], expected, each))
  }
  return extensions === undefined ? noExtensions : Object.freeze(extensions)
}

const reserved = new Set(
  (
    'specversion id source type subject time datacontenttype dataschema sequence correlationid ' +
    'causationid causationdepth dataversion'
  ).split(' '),
)

// A foreign sequence that is no number has no other place than the extensions.
function checkReserved(name: string, value: unknown): string | undefined {
  const isForeign = name === 'sequence' && sequenceNumber(value) === undefined
  return reserved.has(name) && !isForeign
    ? 'a name that is not an attribute of events or of CloudEvents already'
    : undefined
}
