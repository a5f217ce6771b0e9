import type { AnyDefinedEvent } from '../definition/types.ts'
import { InvalidDefinitionError } from '../errors/errors.ts'
import { render } from '../errors/render.ts'
import { comparableSchemaOf, type JsonSchema } from '../schema/json-schema.ts'

/** A catalog as JSON, for a file under version control. */
export interface CatalogSnapshot {
  /** The version of this format. */
  readonly tidings: 1
  readonly events: Readonly<Record<string, EventSnapshot>>
}

/** One event type of a snapshot. */
export interface EventSnapshot {
  readonly version: number
  /** The older versions that are upcast; left out when there are none. */
  readonly upcasts?: readonly number[]
  /** The data on the wire; left out when the schema's vendor has no JSON Schema. */
  readonly schema?: JsonSchema
}

export function snapshotOf(definitions: readonly AnyDefinedEvent[]): CatalogSnapshot {
  const sorted = definitions.toSorted((a, b) => (a.type < b.type ? -1 : 1))
  const events = sorted.map(({ type, version, upcasts, schema }): [string, EventSnapshot] => {
    const json = comparableSchemaOf(schema)
    const snapshot: EventSnapshot = {
      version,
      ...(upcasts.length === 0 ? {} : { upcasts }),
      ...(json === undefined ? {} : { schema: json }),
    }
    return [type, snapshot]
  })
  return { tidings: 1, events: Object.fromEntries(events) }
}

/** The snapshot of a catalog, or the snapshot itself, checked: it may come from a file that someone edited. */
export function readSnapshot(catalog: unknown, side: 'older' | 'newer'): CatalogSnapshot {
  const value: unknown = hasToJson(catalog) ? catalog.toJSON() : catalog
  if (!isRecord(value) || value['tidings'] !== 1 || !isRecord(value['events'])) {
    throw refuse(side, 'a catalog or the JSON of its toJSON()', value)
  }
  for (const [type, event] of Object.entries(value['events'])) {
    const { version, upcasts = [], schema } = isRecord(event) ? event : {}
    const place = `${side} catalog at events['${type}']`
    if (!Number.isSafeInteger(version) || Number(version) < 1) throw refuse(place, 'a `version` from 1', version)
    if (!Array.isArray(upcasts) || !upcasts.every(Number.isInteger))
      throw refuse(place, 'versions in `upcasts`', upcasts)
    if (schema !== undefined && !isRecord(schema)) throw refuse(place, 'a JSON Schema in `schema`', schema)
  }
  return value as unknown as CatalogSnapshot
}

function refuse(place: string, expected: string, value: unknown): InvalidDefinitionError {
  return new InvalidDefinitionError(
    `Cannot compare catalogs: expected ${expected} for ${place}, received ${render(value)}`,
    'Write the file with JSON.stringify(catalog, null, 2), and read it with JSON.parse.',
  )
}

function hasToJson(value: unknown): value is { toJSON(): unknown } {
  return typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function'
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
