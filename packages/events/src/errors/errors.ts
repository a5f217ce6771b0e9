import { TidingsError } from '@tidings/core'
import type { EventIssue } from './issues.ts'
import { closest, render, renderPath } from './render.ts'

/** What an {@link InvalidEventError} is about. */
export interface InvalidEventDetails {
  /** The event type, or `undefined` when what was to be parsed names none. */
  readonly type: string | undefined
  /** The version of the definition that refused. */
  readonly version: number | undefined
  readonly issues: readonly EventIssue[]
  /** Where the refused values came from; it decides which fix is named. */
  readonly origin: 'create' | 'options' | 'parse' | 'encode' | 'write'
  readonly cause?: unknown
}

/**
 * An event does not match its definition. `issues` holds every failing path with what was expected and what was
 * received; `message` lists the same. No sensitive value appears in any of them.
 */
export class InvalidEventError extends TidingsError<'INVALID_EVENT'> {
  override readonly name = 'InvalidEventError'
  readonly type: string | undefined
  readonly version: number | undefined
  readonly issues: readonly EventIssue[]

  constructor({ type, version, issues, origin, cause }: InvalidEventDetails) {
    const about = `Event ${type === undefined ? 'of unknown type' : `'${type}'`}${version === undefined ? '' : ` (version ${version})`}`
    super('INVALID_EVENT', `${listIssues(`${about} is invalid`, issues)}\n${fixes[origin]}`, {
      details: { type, version, issues },
      ...(cause === undefined ? {} : { cause }),
    })
    this.type = type
    this.version = version
    this.issues = issues
  }
}

const fixes = {
  create: 'Correct the data given to create(), or change the schema of the definition.',
  options: 'Correct the options given to create().',
  parse:
    'Correct the producer of the event. If it was right under an older schema, raise `version` and add an upcaster.',
  write: 'Make the event with create() or parse() of its definition.',
  encode: 'Use a JSON type, or a z.codec() that turns the value into one and back.',
} as const

/** An event has a version that this definition does not know yet: it was written by newer code. */
export class UnknownEventVersionError extends TidingsError<'EVENT_VERSION_UNKNOWN'> {
  override readonly name = 'UnknownEventVersionError'
  readonly type: string
  /** The version of the event. */
  readonly version: number
  /** The newest version that the definition knows. */
  readonly known: number

  constructor(type: string, version: number, known: number) {
    super(
      'EVENT_VERSION_UNKNOWN',
      `Event '${type}' has version ${version}, but version ${known} is the newest known here\n` +
        'Deploy the new definition to consumers before producers use it, and leave the event unacknowledged until then.',
      { details: { type, version, known } },
    )
    this.type = type
    this.version = version
    this.known = known
  }
}

/** An upcaster threw. Its error is the `cause`, unless the definition has sensitive fields, which it might show. */
export class UpcastError extends TidingsError<'UPCAST_FAILED'> {
  override readonly name = 'UpcastError'
  readonly type: string
  /** The version that the upcaster was to bring to the next one. */
  readonly version: number

  constructor(type: string, version: number, options?: { cause: unknown }) {
    super(
      'UPCAST_FAILED',
      `The upcaster of event '${type}' from version ${version} to ${version + 1} failed\n` +
        `It must accept every event ever written with version ${version}: handle the missing or odd field in upcast[${version}].`,
      { details: { type, version }, ...options },
    )
    this.type = type
    this.version = version
  }
}

/** No definition in the catalog has the type of the event. */
export class UnknownEventTypeError extends TidingsError<'EVENT_TYPE_UNKNOWN'> {
  override readonly name = 'UnknownEventTypeError'
  readonly type: string

  constructor(type: string, known: readonly string[]) {
    const similar = closest(type, known)
    const hint = similar === undefined ? '' : ` Did you mean '${similar}'?`
    super(
      'EVENT_TYPE_UNKNOWN',
      `Event type ${render(type)} is not in the catalog of ${known.length} types\n` +
        `Add its definition to createCatalog([…]), or skip events that catalog.has(type) does not know.${hint}`,
      { details: { type, similar } },
    )
    this.type = type
  }
}

/** A definition or a catalog is made wrongly; thrown at once, where it is made. */
export class InvalidDefinitionError extends TidingsError<'INVALID_EVENT_DEFINITION'> {
  override readonly name = 'InvalidDefinitionError'

  /** `problem` names the value and the place, `fix` what to do. */
  constructor(problem: string, fix: string, details: Readonly<Record<string, unknown>> = {}) {
    super('INVALID_EVENT_DEFINITION', `${problem}\n${fix}`, { details })
  }
}

/** A schema answered with a promise; creating and parsing events is synchronous. */
export class AsyncSchemaError extends TidingsError<'ASYNC_SCHEMA'> {
  override readonly name = 'AsyncSchemaError'

  constructor(type: string, vendor: string) {
    super(
      'ASYNC_SCHEMA',
      `The ${vendor} schema of event '${type}' validates asynchronously, but events are made synchronously\n` +
        'Do the asynchronous check before create() or in a handler, and leave only synchronous checks in the schema.',
      { details: { type, vendor } },
    )
  }
}

/** A schema cannot be described in JSON Schema. */
export class JsonSchemaError extends TidingsError<'NO_JSON_SCHEMA'> {
  override readonly name = 'JsonSchemaError'

  constructor(type: string, reason: string, cause?: unknown) {
    super(
      'NO_JSON_SCHEMA',
      `The schema of event '${type}' has no JSON Schema: ${reason}\n` +
        'Use a JSON type there, or a z.codec() between a JSON type and the one you want.',
      { details: { type }, ...(cause === undefined ? {} : { cause }) },
    )
  }
}

/** A CloudEvent breaks the CloudEvents 1.0 specification. `issues` names the attributes. */
export class InvalidCloudEventError extends TidingsError<'INVALID_CLOUDEVENT'> {
  override readonly name = 'InvalidCloudEventError'
  readonly issues: readonly EventIssue[]

  constructor(issues: readonly EventIssue[], options?: { cause: unknown }) {
    super(
      'INVALID_CLOUDEVENT',
      `${listIssues('CloudEvent is invalid', issues)}\nThe producer must follow CloudEvents 1.0 (https://cloudevents.io).`,
      { details: { issues }, ...options },
    )
    this.issues = issues
  }
}

const listed = 20

// One line that can stand alone, then, if there are several, one line each.
function listIssues(about: string, issues: readonly EventIssue[]): string {
  const [first] = issues
  if (first === undefined) return about
  const line = `${about} at ${issueText(first)}`
  if (issues.length === 1) return line
  const lines = issues.slice(0, listed).map((issue) => `  ${issueText(issue)}`)
  if (issues.length > listed) lines.push(`  … ${issues.length - listed} more`)
  return [`${line} (and ${issues.length - 1} more)`, ...lines].join('\n')
}

function issueText({ path, expected, received, message, suggestion }: EventIssue): string {
  const own = message === undefined ? '' : ` (${message})`
  const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
  return `${renderPath(path)}: expected ${expected}${own}, received ${received}${hint}`
}
