export { type Catalog, createCatalog, type EventsOf } from './catalog/catalog.ts'
export {
  type CatalogChange,
  type CatalogChangeKind,
  type CatalogComparison,
  compareCatalogs,
  type Compatibility,
  type CompareOptions,
} from './catalog/compare.ts'
export type { SchemaChangeKind } from './catalog/schema-change.ts'
export type { CatalogSnapshot, EventSnapshot } from './catalog/snapshot.ts'
export { fromCloudEvent, fromCloudEventBatch, toCloudEvent, toCloudEventBatch } from './cloudevents/convert.ts'
export { decodeEvent, encodeEvent, encodedOfCloudEvent } from './cloudevents/encoded.ts'
export {
  type CloudEvent,
  type CloudEventEnvelope,
  type CloudEventOptions,
  parseCloudEvent,
  parseCloudEventBatch,
} from './cloudevents/envelope.ts'
export {
  type BodyLike,
  type CloudEventMessage,
  decodeHeaderValue,
  encodeHeaderValue,
  fromCloudEventHeaders,
  type HeaderOptions,
  type HeadersLike,
  type HeaderValue,
  parseCloudEventHeaders,
  toCloudEventHeaders,
} from './cloudevents/headers.ts'
export type { EventRead, EventReader } from './cloudevents/read.ts'
export type { EncodedEvent } from './cloudevents/write.ts'
export { defineEvent, type EventTypeName } from './definition/define-event.ts'
export type {
  AnyDefinedEvent,
  CreateOptions,
  DefinedEvent,
  EventOf,
  EventOptions,
  ParseResult,
  Upcaster,
} from './definition/types.ts'
export {
  AsyncSchemaError,
  InvalidCloudEventError,
  InvalidDefinitionError,
  type InvalidEventDetails,
  InvalidEventError,
  JsonSchemaError,
  UnknownEventTypeError,
  UnknownEventVersionError,
  UpcastError,
} from './errors/errors.ts'
export type { EventIssue } from './errors/issues.ts'
export { causedBy, type EventJson, type Extensions, isEvent, type TidingsEvent } from './event/event.ts'
export { uuidv7 } from './event/uuid.ts'
export type { JsonSchema, JsonSchemaOptions } from './schema/json-schema.ts'
export type { StandardIssue, StandardResult, StandardSchema } from './schema/standard-schema.ts'
export type { DataOf, Immutable, InputOf, WireOf } from './schema/types.ts'
