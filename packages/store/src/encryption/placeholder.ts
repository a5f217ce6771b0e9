import type { AnyDefinedEvent, JsonSchema } from '@tidings/events'
import type { FieldPath } from './fields.ts'

/** What stands for a text that nobody can read any more, where its schema leaves it free. */
export const forgotten = '[forgotten]'

/**
 * A value that the schema of the definition takes at this place, as far as its JSON Schema tells; where that says nothing,
 * one of the same kind as the value.
 */
export function placeholderFor(definition: AnyDefinedEvent, path: FieldPath, value: unknown): unknown {
  const root = schemaOf(definition)
  const at = root && path.reduce<JsonSchema | undefined>((schema, name) => stepInto(root, schema, name), root)
  const made = at && fromSchema(at, root)
  return made === undefined ? alike(value) : made
}

const schemas = new WeakMap<AnyDefinedEvent, JsonSchema | undefined>()

function schemaOf(definition: AnyDefinedEvent): JsonSchema | undefined {
  if (!schemas.has(definition)) schemas.set(definition, tried(definition))
  return schemas.get(definition)
}

function tried(definition: AnyDefinedEvent): JsonSchema | undefined {
  try {
    return definition.jsonSchema()
  } catch {
    // Of a vendor without JSON Schema, say: then the values tell.
    return undefined
  }
}

function resolved(root: JsonSchema, schema: JsonSchema): JsonSchema {
  const { $ref: ref } = schema
  if (typeof ref !== 'string' || !ref.startsWith('#')) return schema
  const found = ref
    .slice(1)
    .split('/')
    .filter(Boolean)
    .reduce<unknown>((at, name) => propertyOf(at, name), root)
  return isSchema(found) ? found : schema
}

/** The schemas of which one holds. */
function options(root: JsonSchema, schema: JsonSchema): readonly JsonSchema[] {
  const plain = resolved(root, schema)
  const either = plain['anyOf'] ?? plain['oneOf'] ?? plain['allOf']
  return Array.isArray(either) ? either.filter(isSchema).flatMap((each) => options(root, each)) : [plain]
}

function stepInto(root: JsonSchema, schema: JsonSchema | undefined, name: string | number): JsonSchema | undefined {
  if (schema === undefined) return undefined
  for (const each of options(root, schema)) {
    const below = typeof name === 'number' ? elementOf(each, name) : memberOf(each, name)
    if (isSchema(below)) return below
  }
  return undefined
}

function elementOf({ prefixItems, items }: JsonSchema, index: number): unknown {
  return (Array.isArray(prefixItems) ? (prefixItems[index] as unknown) : undefined) ?? items
}

function memberOf(schema: JsonSchema, name: string): unknown {
  return propertyOf(schema['properties'], name) ?? schema['additionalProperties']
}

function fromSchema(schema: JsonSchema, root: JsonSchema, depth = 0): unknown {
  if (depth > 16) return undefined
  for (const each of options(root, schema)) {
    const made = fromPlain(each, root, depth)
    if (made !== undefined) return made
  }
  return undefined
}

function fromPlain(schema: JsonSchema, root: JsonSchema, depth: number): unknown {
  if ('const' in schema) return schema['const']
  const { enum: values, type } = schema
  if (Array.isArray(values)) return values[0] as unknown
  if (type === 'string') return textFor(schema)
  if (type === 'number' || type === 'integer') return numberFor(schema)
  if (type === 'boolean') return false
  if (type === 'null') return null
  if (type === 'array') {
    const { minItems = 0, items, prefixItems } = schema
    const length = Math.max(Number(minItems), Array.isArray(prefixItems) ? prefixItems.length : 0)
    return Array.from({ length }, (_, index) => {
      const element = elementOf({ items, prefixItems }, index)
      return isSchema(element) ? (fromSchema(element, root, depth + 1) ?? null) : null
    })
  }
  if (type !== 'object') return undefined
  const required = Array.isArray(schema['required']) ? (schema['required'] as string[]) : []
  return Object.fromEntries(
    required.map((name) => {
      const member = memberOf(schema, name)
      return [name, isSchema(member) ? (fromSchema(member, root, depth + 1) ?? null) : null]
    }),
  )
}

/** Of the formats that zod has, each in its shortest form that says what it is. */
const formats: Readonly<Record<string, string>> = {
  email: 'forgotten@example.invalid',
  uuid: '00000000-0000-0000-0000-000000000000',
  'date-time': '1970-01-01T00:00:00Z',
  date: '1970-01-01',
  time: '00:00:00',
  duration: 'PT0S',
  uri: 'https://example.invalid/',
  ipv4: '0.0.0.0',
  ipv6: '::',
}

function textFor({ format, minLength = 0, maxLength = Infinity, pattern }: JsonSchema): string | undefined {
  const known = typeof format === 'string' ? formats[format] : undefined
  const text = (known ?? forgotten).padEnd(Number(minLength), '.').slice(0, Number(maxLength))
  if (typeof pattern !== 'string' || known !== undefined) return text
  // Most patterns are of digits, or of capital letters and digits.
  const length = Math.max(Number(minLength), 1)
  const tries = [
    text,
    ...['0', 'X', 'x'].flatMap((letter) => [length, 2, 3, 4, 6, 8, 10, 12, 16].map((size) => letter.repeat(size))),
  ]
  return tries.find((each) => new RegExp(pattern, 'u').test(each)) ?? text
}

function numberFor({ minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf = 1 }: JsonSchema): number {
  const least = Math.max(Number(minimum ?? -Infinity), Number(exclusiveMinimum ?? -Infinity))
  const most = Math.min(Number(maximum ?? Infinity), Number(exclusiveMaximum ?? Infinity))
  const unit = Number(multipleOf)
  if (least > 0 || (least === 0 && exclusiveMinimum === 0)) {
    const first = Math.ceil(least / unit) * unit
    return first > least || exclusiveMinimum === undefined ? first : first + unit
  }
  if (most < 0 || (most === 0 && exclusiveMaximum === 0)) {
    const first = Math.floor(most / unit) * unit
    return first < most || exclusiveMaximum === undefined ? first : first - unit
  }
  return 0
}

/** A value of the same kind. */
function alike(value: unknown): unknown {
  if (typeof value === 'string') return forgotten
  if (typeof value === 'number') return 0
  if (typeof value === 'boolean') return false
  if (Array.isArray(value)) return []
  return value === null ? null : {}
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}
