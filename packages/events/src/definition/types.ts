import type { EventDefinition } from '@tidings/core'
import type { TidingsError } from '@tidings/core'
import type { Extensions, TidingsEvent } from '../event/event.ts'
import type { JsonSchema, JsonSchemaOptions } from '../schema/json-schema.ts'
import type { StandardSchema } from '../schema/standard-schema.ts'
import type { DataOf, InputOf } from '../schema/types.ts'

/**
 * An event definition that validates: what {@link defineEvent} makes. It is a key for dispatchers and buses, and the
 * one place where events of its type come from.
 *
 * @typeParam Type - the literal event type
 * @typeParam Schema - the schema of the data: zod, or any synchronous Standard Schema
 */
export interface DefinedEvent<
  Type extends string = string,
  Schema extends StandardSchema = StandardSchema,
> extends EventDefinition<Type, TidingsEvent<Type, DataOf<Schema>>, InputOf<Schema>, CreateOptions> {
  readonly type: Type
  readonly index: number
  /** The version of the data that `create` makes. */
  readonly version: number
  readonly schema: Schema
  readonly description: string | undefined
  /** Versions that `parse` brings up to `version`. */
  readonly upcasts: readonly number[]

  /**
   * A new event. Data is validated and copied; the input is neither changed nor kept. Defaults are filled in; where the
   * schema has a codec, the decoded value is given.
   *
   * @throws InvalidEventError when the input or an option does not fit
   */
  create(input: InputOf<Schema>, options?: CreateOptions): TidingsEvent<Type, DataOf<Schema>>

  /**
   * An event from its JSON form (not from JSON text), from a copy, or an event itself, which is returned as it is.
   * Older versions go through every upcaster, then everything is validated; unknown attributes are ignored.
   *
   * @throws InvalidEventError when an attribute or the data does not fit
   * @throws UnknownEventVersionError when it is newer than this definition
   * @throws UpcastError when an upcaster throws
   */
  parse(value: unknown): TidingsEvent<Type, DataOf<Schema>>

  /** As `parse`, but hands the error back; never throws. */
  safeParse(value: unknown): ParseResult<TidingsEvent<Type, DataOf<Schema>>>

  /** Whether `value` is an event of this type and version, also one of another copy of this package. Never throws. */
  is(value: unknown): value is TidingsEvent<Type, DataOf<Schema>>

  /**
   * The JSON Schema of the data on the wire.
   *
   * @throws JsonSchemaError when the schema has a part that JSON cannot carry, or is of a vendor without JSON Schema
   */
  jsonSchema(options?: JsonSchemaOptions): JsonSchema

  /** A copy of an event's data for logs and pages, every sensitive value replaced by `[redacted]`. */
  redact(data: unknown): unknown
}

/**
 * Any definition that {@link defineEvent} made, whatever its schema: what a list of definitions holds. It is not
 * `DefinedEvent<string, StandardSchema>`, since compilers before TypeScript 6.0 cannot relate the input of a zod schema
 * to that of every schema.
 */
export interface AnyDefinedEvent {
  readonly type: string
  readonly index: number
  readonly version: number
  readonly schema: StandardSchema
  readonly description: string | undefined
  readonly upcasts: readonly number[]
  /** Takes nothing here: which input fits, only the definition itself knows. */
  create(input: never, options?: CreateOptions): TidingsEvent
  parse(value: unknown): TidingsEvent
  safeParse(value: unknown): ParseResult<TidingsEvent>
  is(value: unknown): boolean
  jsonSchema(options?: JsonSchemaOptions): JsonSchema
  redact(data: unknown): unknown
}

/** What {@link defineEvent} takes besides the type. */
export interface EventOptions<Schema extends StandardSchema> {
  /** Validates the data: zod, or any synchronous Standard Schema. */
  readonly schema: Schema
  /** The version of the data that the schema describes, from 1; default 1. Raise it with every incompatible change. */
  readonly version?: number | undefined
  /**
   * The subject of an event, for ordering and partitioning: a text or number that is not empty. `undefined` and `null`
   * mean that the event has none.
   */
  key?(data: NoInfer<DataOf<Schema>>): string | number | bigint | null | undefined
  /** For each older version, what brings its data, as JSON values, to the next one: `{ 1: toVersion2 }`. */
  readonly upcast?: Readonly<Record<number, Upcaster>> | undefined
  /** Who publishes: a URI-reference; default `/`. `create` can name another. */
  readonly source?: string | undefined
  readonly description?: string | undefined
  /**
   * Paths of the data that must never show in errors or logs: `card.number`, `lines.*.secret`. Fields of a zod schema
   * can be marked with `.meta({ sensitive: true })` instead.
   */
  readonly sensitive?: readonly string[] | undefined
  /** An absolute URI of the schema, for the `dataschema` attribute of CloudEvents. */
  readonly dataSchema?: string | undefined
  /** The media type of the data in CloudEvents; default `application/json`, or `application/octet-stream` for bytes. */
  readonly dataContentType?: string | undefined
}

/**
 * Brings the data of one version to the next. It may change what it gets: that is a copy.
 *
 * The parameter is `any` because an old version has no type here; annotate it where you kept one.
 */
// oxlint-disable-next-line typescript/no-explicit-any
export type Upcaster = (data: any) => unknown

/** What `create` takes besides the data; nothing is required. An option that is `undefined` counts as left out. */
export interface CreateOptions {
  /** Default a new UUID of version 7. */
  readonly id?: string | undefined
  /** Default now. A text is kept as it is, when it is RFC 3339; a number is milliseconds since 1970. */
  readonly time?: string | number | Date | undefined
  /** Default the definition's. */
  readonly source?: string | undefined
  /** Default what the definition's `key` gives. */
  readonly subject?: string | undefined
  /** Default the next of the source in this process. A sequence given here does not count. */
  readonly sequence?: number | undefined
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  /** Default 0. */
  readonly causationDepth?: number | undefined
  /** Further CloudEvents attributes: lower-case names; strings, booleans and whole numbers of 32 bits. */
  readonly extensions?: Extensions | undefined
  /** The input is known to be valid data, as a replay of stored events is: it is copied and frozen, not validated. */
  readonly validated?: boolean | undefined
}

/** What `safeParse` answers. */
export type ParseResult<Event> =
  | { readonly success: true; readonly event: Event; readonly error?: undefined }
  | { readonly success: false; readonly error: TidingsError; readonly event?: undefined }

/** The event type of a definition: `type OrderPlaced = EventOf<typeof OrderPlaced>`. */
export type EventOf<Definition extends { create(input: never): unknown }> = ReturnType<Definition['create']>
