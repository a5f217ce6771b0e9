import * as core from 'zod/v4/core'
import { JsonSchemaError } from '../errors/errors.ts'
import type { StandardSchema } from './standard-schema.ts'
import { definitionOf, isZodSchema, type ZodSchema } from './zod-tree.ts'

/** A JSON Schema, draft 2020-12 unless asked otherwise. */
export type JsonSchema = { readonly [keyword: string]: unknown }

/** How a JSON Schema is to be written. */
export interface JsonSchemaOptions {
  /** `wire` (default): what the wire carries and `parse` reads. `data`: what `event.data` holds. */
  readonly side?: 'wire' | 'data' | undefined
  /** Default `draft-2020-12`. */
  readonly target?: 'draft-2020-12' | 'draft-07' | undefined
}

/** The JSON Schema of a schema; throws `JsonSchemaError` where a part has none. */
export function jsonSchemaOf(schema: StandardSchema, type: string, options: JsonSchemaOptions = {}): JsonSchema {
  const { side = 'wire', target = 'draft-2020-12' } = options
  if (!isZodSchema(schema)) return vendorSchema(schema, type, side, target)
  let unrepresentable: string | undefined
  const result = write(schema, side, target, (json, kind, path) => {
    unrepresentable ??= `\`${['data', ...path].join('.')}\` is of type ${kind}, which JSON cannot carry`
    return json
  })
  if (unrepresentable !== undefined) throw new JsonSchemaError(type, unrepresentable)
  return result
}

/**
 * As `jsonSchemaOf` for the wire, for comparing versions: never throws. A part without JSON Schema becomes
 * `{ 'x-tidings-type': … }`; a vendor without any gives `undefined`.
 */
export function comparableSchemaOf(schema: StandardSchema): JsonSchema | undefined {
  try {
    if (!isZodSchema(schema)) return vendorSchema(schema, '', 'wire', 'draft-2020-12')
    const result = write(schema, 'wire', 'draft-2020-12', (_, kind) => ({ 'x-tidings-type': kind }))
    return withoutFormatPatterns(result)
  } catch {
    return undefined
  }
}

// The regular expressions behind zod's formats change between releases of zod without a change of meaning.
function withoutFormatPatterns(schema: JsonSchema): JsonSchema {
  const text = JSON.stringify(schema, (_, each: unknown) =>
    typeof each === 'object' &&
    each !== null &&
    'format' in each &&
    typeof each.format === 'string' &&
    'pattern' in each
      ? { ...each, pattern: undefined }
      : each,
  )
  return JSON.parse(text) as JsonSchema
}

type Unrepresentable = (json: JsonSchema, kind: string, path: readonly (string | number)[]) => JsonSchema

const withoutJson = new Set('bigint symbol undefined void date map set nan function custom file promise'.split(' '))

function write(schema: ZodSchema, side: 'wire' | 'data', target: string, odd: Unrepresentable): JsonSchema {
  const result = core.toJSONSchema(schema, {
    io: side === 'wire' ? 'input' : 'output',
    target,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema, path }) => {
      const def = definitionOf(zodSchema)
      const replacement = isOdd(def)
        ? (textForm(def) ??
          odd(
            {},
            kindOf(def),
            path.filter((part) => part !== 'properties'),
          ))
        : undefined
      if (replacement !== undefined) Object.assign(jsonSchema, replacement)
    },
  })
  // Only what is JSON: zod adds functions to the top of what it returns, which the copy leaves behind.
  return JSON.parse(JSON.stringify({ ...result, '~standard': undefined })) as JsonSchema
}

function isOdd(def: ReturnType<typeof definitionOf>): boolean {
  if (def.type === 'literal')
    return (def.values ?? []).some((value) => value === undefined || typeof value === 'bigint')
  return withoutJson.has(def.type)
}

function kindOf(def: ReturnType<typeof definitionOf>): string {
  return def.type === 'literal' ? `literal ${String(def.values?.map(String))}` : def.type
}

// Coerced dates and bigints read text, and are written as text.
function textForm(def: ReturnType<typeof definitionOf>): JsonSchema | undefined {
  if (def.coerce !== true) return undefined
  if (def.type === 'date') return { type: 'string', format: 'date-time' }
  return def.type === 'bigint' ? { type: 'string', pattern: '^-?\\d+$' } : undefined
}

function vendorSchema(schema: StandardSchema, type: string, side: 'wire' | 'data', target: string): JsonSchema {
  const standard: object = schema['~standard']
  const { jsonSchema } = standard as { jsonSchema?: Record<'input' | 'output', (options: object) => JsonSchema> }
  if (jsonSchema === undefined) {
    throw new JsonSchemaError(type, `${schema['~standard'].vendor} schemas do not offer it here`)
  }
  try {
    return side === 'wire' ? jsonSchema.input({ target }) : jsonSchema.output({ target })
  } catch (error) {
    throw new JsonSchemaError(type, error instanceof Error ? error.message : String(error), error)
  }
}
