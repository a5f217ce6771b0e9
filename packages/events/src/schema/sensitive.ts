import * as core from 'zod/v4/core'
import type { StandardSchema } from './standard-schema.ts'
import { childrenOf, definitionOf, isZodSchema, someSchema, type ZodSchema } from './zod-tree.ts'

/** What stands in the place of a value that must not be shown. */
export const redacted = '[redacted]'

/** What may be shown of the value at one place of an event's data. */
export interface Disclosure {
  /** Nothing of the value may be shown. */
  readonly hidden: boolean
  /** Something below is hidden, so of a value of an unexpected kind nothing may be shown. */
  readonly guarded: boolean
  /** Whether the names of the keys below are themselves hidden, as in a record whose keys are sensitive. */
  readonly hidesKeys: boolean
  /** What may be shown of the value under a key or index. */
  at(key: PropertyKey): Disclosure
}

/** Everything may be shown. */
export const open: Disclosure = { hidden: false, guarded: false, hidesKeys: false, at: () => open }

const closed: Disclosure = { hidden: true, guarded: true, hidesKeys: true, at: () => closed }

/**
 * What may be shown of the data of a schema: all of it, unless zod fields are marked with `.meta({ sensitive: true })`
 * or `paths` names some, such as `card.number` or `lines.*.secret`. As soon as one field is sensitive, values under keys
 * that the schema does not know are hidden too: a misspelt key must not disclose what the right one would hide.
 */
export function disclosureOf(schema: StandardSchema, paths: readonly string[] = []): Disclosure {
  const patterns = paths.map((path) => path.split('.'))
  if (!isZodSchema(schema)) return patterns.length === 0 ? open : disclose(undefined, patterns)
  return patterns.length > 0 || someSchema(schema, isSensitive) ? disclose([schema], patterns) : open
}

/** A copy of `data` for logs and pages: JSON-like values, with every sensitive one replaced by `[redacted]`. */
export function redact(data: unknown, disclosure: Disclosure, inside: ReadonlySet<object> = new Set()): unknown {
  if (disclosure.hidden) return redacted
  if (typeof data !== 'object' || data === null) return disclosure.guarded && data != null ? redacted : data
  if (inside.has(data)) return '[circular]'
  const deeper = new Set(inside).add(data)
  const show = (value: unknown, key: PropertyKey) => redact(value, disclosure.at(key), deeper)
  if (Array.isArray(data)) return data.map((value, index) => show(value, index))
  const entries = entriesOf(data)
  if (entries === undefined) return disclosure.guarded ? redacted : data
  const name = (key: PropertyKey) => (disclosure.hidesKeys ? redacted : String(key))
  if (data instanceof Map) return new Map(entries.map(([key, value]) => [name(key), show(value, key)]))
  if (data instanceof Set) return new Set(entries.map(([key, value]) => show(value, key)))
  return Object.fromEntries(entries.map(([key, value]) => [name(key), show(value, key)]))
}

/** The texts of all hidden primitive values of `data`, to be looked for in messages that others wrote. */
export function secretsOf(data: unknown, disclosure: Disclosure): readonly string[] {
  const secrets: string[] = []
  const seen = new Set<object>()
  const visit = (value: unknown, at: Disclosure): void => {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
      if ((at.hidden || at.guarded) && value !== '') secrets.push(String(value))
    } else if (typeof value === 'object' && value !== null && !seen.has(value)) {
      seen.add(value)
      for (const [key, child] of entriesOf(value) ?? []) {
        if (at.hidesKeys && typeof key === 'string') secrets.push(key)
        visit(child, at.at(key))
      }
    }
  }
  visit(data, disclosure)
  return secrets
}

function entriesOf(value: object): [PropertyKey, unknown][] | undefined {
  if (Array.isArray(value)) return value.map((each, index) => [index, each])
  if (value instanceof Map) return [...value].map(([key, each]) => [isKey(key) ? key : '', each])
  if (value instanceof Set) return [...value].map((each, index) => [index, each])
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null ? Object.entries(value) : undefined
}

function isKey(key: unknown): key is PropertyKey {
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'symbol'
}

// A place is known by all the schemas that may describe it: unions, intersections and both sides of a pipe each
// contribute theirs, and one sensitive schema among them hides the value.
function disclose(schemas: readonly ZodSchema[] | undefined, patterns: readonly string[][]): Disclosure {
  if (patterns.some((pattern) => pattern.length === 0)) return closed
  const structures = new Set<ZodSchema>()
  if (schemas?.some((schema) => collect(schema, structures))) return closed
  const guarded = patterns.length > 0 || [...structures].some((schema) => someSchema(schema, isSensitive))
  const hidesKeys = [...structures].some((schema) => {
    const { keyType } = definitionOf(schema)
    return keyType !== undefined && someSchema(keyType, isSensitive)
  })
  return {
    hidden: false,
    guarded,
    hidesKeys,
    at: (key) => {
      const rest = patterns.filter(([head]) => head === '*' || head === String(key)).map((pattern) => pattern.slice(1))
      if (schemas === undefined) return disclose(undefined, rest)
      const below = [...structures].flatMap((schema) => stepInto(schema, key))
      return below.length === 0 ? closed : disclose(below, rest)
    },
  }
}

// Gathers the schemas that have structure of their own, behind wrappers; true when any of them is sensitive.
function collect(schema: ZodSchema, structures: Set<ZodSchema>, seen: Set<ZodSchema> = new Set()): boolean {
  if (seen.has(schema)) return false
  seen.add(schema)
  if (isSensitive(schema)) return true
  const { type } = definitionOf(schema)
  if (['object', 'array', 'tuple', 'record', 'map', 'set'].includes(type)) structures.add(schema)
  else return childrenOf(schema).some((child) => collect(child, structures, seen))
  return false
}

function stepInto(schema: ZodSchema, key: PropertyKey): readonly ZodSchema[] {
  const def = definitionOf(schema)
  if (def.shape !== undefined) {
    if (Object.hasOwn(def.shape, key)) return [def.shape[String(key)]].filter((each) => each !== undefined)
    // Strict and loose objects have a catchall too, one that knows nothing of the key.
    const { catchall } = def
    return catchall === undefined || ignorant.has(definitionOf(catchall).type) ? [] : [catchall]
  }
  if (def.type === 'tuple') return [def.items?.[Number(key)] ?? def.rest].filter((each) => each != null)
  return [def.element, def.valueType].filter((each) => each !== undefined)
}

const ignorant = new Set(['never', 'unknown', 'any'])

function isSensitive(schema: ZodSchema): boolean {
  const meta = (schema as { meta?: () => unknown }).meta
  const own: unknown = typeof meta === 'function' ? meta.call(schema) : undefined
  return isMarked(own) || isMarked(core.globalRegistry.get(schema))
}

function isMarked(meta: unknown): boolean {
  return typeof meta === 'object' && meta !== null && (meta as { sensitive?: unknown }).sensitive === true
}
