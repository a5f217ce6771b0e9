import * as core from 'zod/v4/core'
import { findNonJson, type NonJson } from './json-value.ts'
import { isStandardSchema, type StandardSchema } from './standard-schema.ts'
import {
  childrenOf,
  cloneWith,
  definitionOf,
  isCodec,
  isTransform,
  isZodSchema,
  rewriteSchema,
  someSchema,
  withChecks,
  type ZodSchema,
} from './zod-tree.ts'

/** How a schema's data travels. */
export interface Wire {
  /** Data as JSON values: codecs encoded. Throws what the schema's codecs throw. */
  readonly encode: (data: unknown) => unknown
  /** The first place of encoded data that JSON would lose or change, if any. */
  readonly check: (encoded: unknown) => NonJson | undefined
}

const plain: Wire = { encode: (data) => data, check: (encoded) => findNonJson(encoded) }

/** How the data of `schema` goes on the wire. */
export function wireOf(schema: StandardSchema): Wire {
  if (!isZodSchema(schema)) return plain
  const safe = isJsonOnly(schema)
  const check = safe ? () => undefined : plain.check
  if (!someSchema(schema, needsEncoding)) return { encode: plain.encode, check }
  const encoder = rewriteSchema(schema, encodable)
  return { encode: (data) => core.encode(encoder, data), check }
}

/**
 * The schema that `create` validates with: the one given, except that the decoded side stands for each codec, since a
 * publisher hands over values, not their wire form.
 */
export function creationSchemaOf(schema: StandardSchema): StandardSchema {
  if (!isZodSchema(schema) || !someSchema(schema, (each) => isCodec(definitionOf(each)))) return schema
  const decoded: unknown = rewriteSchema(schema, decodedSide)
  // Schemas of `zod/v4/core` alone have `~standard` too; the check is for the compiler.
  return isStandardSchema(decoded) ? decoded : schema
}

function decodedSide(schema: ZodSchema, rewrite: (child: ZodSchema) => ZodSchema): ZodSchema | undefined {
  const def = definitionOf(schema)
  const { innerType } = def
  if (def.type === 'prefault' && innerType !== undefined) {
    const inner = rewrite(innerType)
    if (inner === innerType) return schema
    // A prefault is a wire value; what stands on the decoded side is its result.
    return new core.$ZodDefault({
      type: 'default',
      innerType: inner,
      get defaultValue(): unknown {
        return core.parse(innerType, def.defaultValue)
      },
    })
  }
  if (def.type !== 'pipe' || def.in === undefined || def.out === undefined) return undefined
  const out = rewrite(def.out)
  if (isCodec(def)) return withChecks(out, def.checks)
  if (out !== def.out && !isTransform(def.in)) return withChecks(out, def.checks)
  return undefined
}

function needsEncoding(schema: ZodSchema): boolean {
  const def = definitionOf(schema)
  // zod before 4.1 has no way back at all.
  const encodes = (core as { encode?: unknown }).encode !== undefined
  return isCodec(def) || (encodes && def.coerce === true && (def.type === 'date' || def.type === 'bigint'))
}

// zod refuses to run a one-way transform backwards. Its result goes on the wire as it is, and is transformed again when
// it is read: right for what changes nothing the second time (trimming), refused by the reader otherwise.
function encodable(schema: ZodSchema, rewrite: (child: ZodSchema) => ZodSchema): ZodSchema | undefined {
  const def = definitionOf(schema)
  if (def.type === 'transform') return new core.$ZodUnknown({ type: 'unknown' })
  if (def.type === 'pipe' && !isCodec(def) && def.in !== undefined && def.out !== undefined) {
    if (isTransform(def.out)) return new core.$ZodUnknown({ type: 'unknown' })
    if (isTransform(def.in)) return withChecks(rewrite(def.out), def.checks)
  }
  if (def.coerce === true && def.type === 'date') return asText(schema, (date: Date) => date.toISOString())
  if (def.coerce === true && def.type === 'bigint') return asText(schema, (amount: bigint) => String(amount))
  return undefined
}

// A coerced date or bigint reads its own text, so that text can be its wire form.
function asText<T>(schema: ZodSchema, toText: (value: T) => string): ZodSchema {
  return new core.$ZodCodec({
    type: 'pipe',
    in: new core.$ZodUnknown({ type: 'unknown' }),
    out: cloneWith(schema, { coerce: false }),
    transform: (text) => text,
    reverseTransform: (value) => toText(value as T),
  })
}

const jsonKinds = new Set(
  (
    'string number int boolean null enum template_literal object record array tuple union intersection ' +
    'nullable default prefault readonly nonoptional lazy never'
  ).split(' '),
)

/** Whether the wire form of every value of the schema is plain JSON, so that no check at run time is needed. */
function isJsonOnly(schema: ZodSchema): boolean {
  return !someWire(schema, (each) => {
    const def = definitionOf(each)
    if (def.type === 'literal') return !(def.values ?? []).every(isJsonPrimitive)
    if (def.type === 'pipe') return !isCodec(def)
    // Only inside an object may an `undefined` be left out; an array would carry `null` in its place.
    if (def.type === 'array' || def.type === 'tuple') return childrenOf(each).some(isOptional)
    if (def.type === 'optional' || def.type === 'date' || def.type === 'bigint') {
      return def.type !== 'optional' && def.coerce !== true
    }
    if (def.checks?.some((check) => check._zod.def.check === 'overwrite')) return def.type !== 'string'
    return !jsonKinds.has(def.type)
  })
}

function someWire(schema: ZodSchema, test: (schema: ZodSchema) => boolean, seen: Set<ZodSchema> = new Set()): boolean {
  if (seen.has(schema)) return false
  seen.add(schema)
  if (test(schema)) return true
  const def = definitionOf(schema)
  const children = isCodec(def) && def.in !== undefined ? [def.in] : childrenOf(schema)
  return children.some((child) => someWire(child, test, seen))
}

function isOptional(schema: ZodSchema): boolean {
  return schema._zod.optout !== undefined || definitionOf(schema).type === 'optional'
}

function isJsonPrimitive(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}
