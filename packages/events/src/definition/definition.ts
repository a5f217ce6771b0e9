import { isTidingsError, nextDefinitionIndex } from '@tidings/core'
import { type InvalidEventDetails, InvalidEventError, UnknownEventVersionError, UpcastError } from '../errors/errors.ts'
import { describeIssues, type EventIssue } from '../errors/issues.ts'
import { render } from '../errors/render.ts'
import { attributeIssue } from '../event/attributes.ts'
import {
  type EventAttributes,
  type EventOrigin,
  EventValue,
  isEvent,
  noExtensions,
  originOf,
  type TidingsEvent,
} from '../event/event.ts'
import { type Sequence, sequenceOf } from '../event/sequence.ts'
import { timestamp } from '../event/time.ts'
import { nextId } from '../event/uuid.ts'
import { copyFrozen, type Freezer, freezerOf } from '../schema/freeze.ts'
import { type JsonSchema, type JsonSchemaOptions, jsonSchemaOf } from '../schema/json-schema.ts'
import { type Disclosure, disclosureOf, open, redact, redacted } from '../schema/sensitive.ts'
import type { StandardSchema } from '../schema/standard-schema.ts'
import type { DataOf, InputOf } from '../schema/types.ts'
import { type Validation, type Validator, validatorOf } from '../schema/validator.ts'
import { creationSchemaOf, type Wire, wireOf } from '../schema/wire.ts'
import { type CheckedReader, readChecked } from './checked.ts'
import { copyMutable } from './copy-mutable.ts'
import { attributesFrom, readEnvelope } from './envelope.ts'
import type { CreateOptions, DefinedEvent, EventOptions, ParseResult } from './types.ts'

/** The one implementation of an event definition. */
export class Definition<Type extends string, Schema extends StandardSchema>
  implements DefinedEvent<Type, Schema>, EventOrigin
{
  readonly type: Type
  readonly index: number = nextDefinitionIndex()
  readonly version: number
  readonly schema: Schema
  readonly description: string | undefined
  readonly upcasts: readonly number[]
  readonly dataSchema: string | undefined
  readonly dataContentType: string | undefined
  readonly #options: EventOptions<Schema>
  readonly #sequence: Sequence
  // What depends on the schema is worked out when first used: a recursive schema may not be complete before.
  #validateInput: Validator | undefined
  #validateWire: Validator | undefined
  #freeze: Freezer | undefined
  #wire: Wire | undefined
  #disclosure: Disclosure | undefined

  constructor(type: Type, options: EventOptions<Schema>) {
    this.type = type
    this.version = options.version ?? 1
    this.schema = options.schema
    this.description = options.description
    this.upcasts = Object.freeze(Array.from({ length: this.version - 1 }, (_, index) => index + 1))
    this.dataSchema = options.dataSchema
    this.dataContentType = options.dataContentType
    // A copy: what the caller's object says later is not checked any more.
    this.#options = { ...options, upcast: { ...options.upcast } }
    this.#sequence = sequenceOf(options.source ?? '/')
    Object.freeze(this)
  }

  get disclosure(): Disclosure {
    return (this.#disclosure ??= disclosureOf(this.schema, this.#options.sensitive))
  }

  create(input: InputOf<Schema>, options?: CreateOptions): TidingsEvent<Type, DataOf<Schema>> {
    const validate = (this.#validateInput ??= this.#inputValidator())
    const data = options?.validated === true ? copyFrozen(input) : this.#validated(input, validate, 'create')
    const subject = this.#subject(data, 'create')
    if (options !== undefined) return this.#event(data, this.#chosen(options, subject))
    const now = Date.now()
    return this.#event(data, {
      id: nextId(now),
      source: this.#sequence.source,
      time: timestamp(now),
      subject,
      sequence: ++this.#sequence.last,
      correlationId: undefined,
      causationId: undefined,
      causationDepth: 0,
      extensions: noExtensions,
    })
  }

  parse(value: unknown): TidingsEvent<Type, DataOf<Schema>> {
    if (this.is(value) && originOf(value) === this) return value
    try {
      const { attributes, version, data, issues } = readEnvelope(isEvent(value) ? value.toJSON() : value, this.type)
      if (issues.length > 0) throw this.#refuse('parse', issues)
      return this.#read(version, attributes, data)
    } catch (error) {
      throw isTidingsError(error) ? error : this.#unreadable(error)
    }
  }

  safeParse(value: unknown): ParseResult<TidingsEvent<Type, DataOf<Schema>>> {
    try {
      return { success: true, event: this.parse(value) }
    } catch (error) {
      return { success: false, error: isTidingsError(error) ? error : this.#unreadable(error) }
    }
  }

  is(value: unknown): value is TidingsEvent<Type, DataOf<Schema>> {
    return isEvent(value) && value.type === this.type && value.version === this.version
  }

  jsonSchema(options?: JsonSchemaOptions): JsonSchema {
    return jsonSchemaOf(this.schema, this.type, options)
  }

  redact(data: unknown): unknown {
    return redact(data, this.disclosure)
  }

  encode(data: unknown, bytes = false): unknown {
    const wire = (this.#wire ??= wireOf(this.schema))
    let encoded: unknown
    try {
      encoded = wire.encode(data)
    } catch (error) {
      throw this.#thrown('encode', 'data that the codecs of the schema can encode', error)
    }
    if (bytes && encoded instanceof Uint8Array) return encoded
    const problem = wire.check(encoded)
    if (problem === undefined) return encoded
    const [issue] = describeIssues(
      [{ code: 'not_json', message: `a value that JSON can carry (${problem.reason})`, path: problem.path }],
      encoded,
      this.disclosure,
    )
    throw this.#refuse('encode', issue === undefined ? [] : [issue])
  }

  #read(version: number, attributes: EventAttributes, data: unknown): TidingsEvent<Type, DataOf<Schema>> {
    if (version > this.version) throw new UnknownEventVersionError(this.type, version, this.version)
    const validate = this.#wireValidator()
    const current = version < this.version ? this.#upcast(data, version) : data
    const valid = this.#validated(current, validate, 'parse')
    // Producers that know nothing of `key` leave the subject out.
    const subject = attributes.subject ?? this.#subject(valid, 'parse')
    return this.#event(valid, subject === attributes.subject ? attributes : { ...attributes, subject })
  }

  // Defined here, since a declaration made file by file has no name for it.
  static {
    const read: CheckedReader[typeof readChecked] = function (
      this: Definition<string, StandardSchema>,
      type,
      version,
      attributes,
      data,
    ) {
      try {
        if (type !== this.type) throw this.#refuse('parse', [attributeIssue('type', `'${this.type}'`, type)])
        return this.#read(version, attributes, data)
      } catch (error) {
        throw isTidingsError(error) ? error : this.#unreadable(error)
      }
    }
    Object.defineProperty(Definition.prototype, readChecked, { value: read })
  }

  // The same one, as long as no codec makes a difference between what is created and what is read.
  #inputValidator(): Validator {
    const schema = creationSchemaOf(this.schema)
    return schema === this.schema ? this.#wireValidator() : validatorOf(schema, this.type)
  }

  #wireValidator(): Validator {
    return (this.#validateWire ??= validatorOf(this.schema, this.type))
  }

  #event(data: unknown, attributes: EventAttributes): TidingsEvent<Type, DataOf<Schema>> {
    // The one place where validated data gets the type that its schema promises.
    return new EventValue(this, this.type, this.version, attributes, data as DataOf<Schema>)
  }

  #validated(input: unknown, validate: Validator, origin: Origin): unknown {
    const freeze = (this.#freeze ??= freezerOf(this.schema))
    let result: Validation
    try {
      result = validate(input)
      if (result.issues.length === 0) return freeze(result.value)
    } catch (error) {
      if (isTidingsError(error)) throw error
      throw this.#thrown(origin, 'data that the schema can validate', error)
    }
    throw this.#refuse(origin, describeIssues(result.issues, input, this.disclosure))
  }

  #subject(data: unknown, origin: Origin): string | undefined {
    if (this.#options.key === undefined) return undefined
    const subject: unknown = this.#options.key(data as DataOf<Schema>)
    if (subject === undefined || subject === null) return undefined
    if (typeof subject === 'string' && subject !== '') return subject
    if (typeof subject === 'number' || typeof subject === 'bigint') return String(subject)
    const issue = attributeIssue('subject', 'a text or number from `key`, or undefined for none', subject)
    throw this.#refuse(origin, [this.disclosure === open ? issue : { ...issue, received: redacted }])
  }

  #chosen(options: CreateOptions, subject: string | undefined): EventAttributes {
    const { attributes, issues } = attributesFrom(options, this.#sequence, subject)
    if (issues.length > 0) throw this.#refuse('options', issues)
    return attributes
  }

  #upcast(data: unknown, from: number): unknown {
    let current = copyMutable(data)
    for (let version = from; version < this.version; version++) {
      try {
        current = this.#options.upcast?.[version]?.(current)
      } catch (cause) {
        throw new UpcastError(this.type, version, this.disclosure === open ? { cause } : undefined)
      }
    }
    return current
  }

  #unreadable(error: unknown): InvalidEventError {
    return this.#thrown('parse', 'an event that can be read', error)
  }

  #thrown(origin: Origin, expected: string, error: unknown): InvalidEventError {
    const received = this.disclosure === open ? `an error: ${describeThrown(error)}` : 'an error'
    return this.#refuse(origin, [{ path: ['data'], code: 'threw', expected, received }], error)
  }

  // An error of the schema's own functions may quote the data: it is kept only where nothing is sensitive.
  #refuse(origin: Origin, issues: readonly EventIssue[], cause?: unknown): InvalidEventError {
    const { type, version } = this
    const kept = cause === undefined || this.disclosure !== open ? {} : { cause }
    return new InvalidEventError({ type, version, issues, origin, ...kept })
  }
}

type Origin = InvalidEventDetails['origin']

function describeThrown(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : render(error)
}
