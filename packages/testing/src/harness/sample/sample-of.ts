import * as core from 'zod/v4/core'
import type { Chance } from '../chance.ts'
import { sampleBigint, sampleDate, sampleNumber } from './sample-number.ts'
import { sampleText } from './sample-text.ts'
import { SampleError } from './sample-error.ts'
import { type CheckDef, checksOf, definitionOf, hasPipe, isSchema, type SchemaDef } from './zod-def.ts'

type Path = readonly PropertyKey[]

/** Beyond it everything that may be left out is, so that recursive schemas come to an end. */
const deep = 6
const deepest = 24
/** For one rule on one value; the whole data is tried again as well. */
const tries = 200

/** A value for a schema, with what is given taken as it is. Rules between fields may still not hold. Throws `SampleError`. */
export function sampleOf(schema: core.$ZodType, by: Chance, path: Path, given?: unknown, depth = 0): unknown {
  const def = definitionOf(schema)
  const inside = def.type === 'object' || wrappers.has(def.type) || def.type === 'union' || def.type === 'intersection'
  if (given !== undefined && !(inside && isPlain(given))) return given
  if (depth > deepest) throw new SampleError(path, 'its schema contains itself without an end')
  const value = make(schema, def, by, path, given, depth)
  if (!(def.checks ?? []).some(isRule) || hasPipe(schema)) return value
  let candidate = value
  for (let attempt = 0; attempt < tries; attempt++) {
    if (core.safeParse(schema, candidate).success) return candidate
    candidate = make(schema, def, by, path, given, depth)
  }
  if (given !== undefined) return candidate
  throw new SampleError(path, `a rule of its schema was met in none of ${tries} tries`)
}

const wrappers = new Set([
  'optional',
  'nullable',
  'default',
  'prefault',
  'nonoptional',
  'readonly',
  'catch',
  'lazy',
  'pipe',
])

function make(schema: core.$ZodType, def: SchemaDef, by: Chance, path: Path, given: unknown, depth: number): unknown {
  const inner = (child: core.$ZodType, key?: PropertyKey, value?: unknown): unknown =>
    sampleOf(child, by, key === undefined ? path : [...path, key], value, depth + 1)
  switch (def.type) {
    case 'string':
      return sampleText(def, by, path)
    case 'number':
      return sampleNumber(def, by, path)
    case 'bigint':
      return sampleBigint(def, by, path)
    case 'date':
      return sampleDate(def, by, path)
    case 'boolean':
      return by.happens(0.5)
    case 'null':
      return null
    case 'undefined':
    case 'void':
      return undefined
    case 'nan':
      return Number.NaN
    case 'any':
    case 'unknown':
      return sampleText({ type: 'string' }, by, path)
    case 'enum':
      return by.pick(Object.values(def.entries!))
    case 'literal':
      return by.pick(def.values!)
    case 'template_literal':
      return def.parts!.map((part) => (isSchema(part) ? String(inner(part)) : String(part))).join('')
    case 'object':
      return makeObject(def, path, given, inner)
    case 'array':
      return Array.from({ length: sizeOf(def, by, depth) }, (_, index) => inner(def.element!, index))
    case 'tuple':
      return def.items!.map((item, index) => inner(item, index))
    case 'record':
      return makeRecord(def, by, path, depth, inner)
    case 'map':
      return new Map(
        Array.from({ length: sizeOf(def, by, depth) }, (_, index) => [
          inner(def.keyType!, index),
          inner(def.valueType!, index),
        ]),
      )
    case 'set':
      return makeSet(def, by, path, depth, inner)
    case 'union':
      return makeUnion(def, by, path, given, depth)
    case 'intersection':
      return merged(inner(def.left!, undefined, given), inner(def.right!, undefined, given))
    case 'optional':
      return given === undefined && (depth > deep || by.happens(0.25))
        ? undefined
        : inner(def.innerType!, undefined, given)
    case 'nullable':
      return given === undefined && (depth > deep || by.happens(0.25)) ? null : inner(def.innerType!, undefined, given)
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return inner(def.innerType!, undefined, given)
    case 'lazy':
      return inner(def.getter!(), undefined, given)
    case 'pipe':
      return makePipe(schema, def, path, given, inner)
    case 'custom':
      return makeCustom(schema, path)
    default:
      throw new SampleError(path, `nothing is known of a schema of the type "${def.type}"`)
  }
}

type Inner = (child: core.$ZodType, key?: PropertyKey, given?: unknown) => unknown

function makeObject({ shape }: SchemaDef, _path: Path, given: unknown, inner: Inner): unknown {
  const overrides = (given ?? {}) as Readonly<Record<string, unknown>>
  const made: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(shape!)) {
    // Given as undefined, it is left out.
    const value = key in overrides && overrides[key] === undefined ? undefined : inner(child, key, overrides[key])
    if (value !== undefined) made[key] = value
  }
  for (const key of Object.keys(overrides)) if (!(key in shape!)) made[key] = overrides[key]
  return made
}

function makeRecord(def: SchemaDef, by: Chance, path: Path, depth: number, inner: Inner): unknown {
  const { values } = (def.keyType as { _zod: { values?: Set<unknown> } })._zod
  const keys =
    values === undefined
      ? Array.from({ length: sizeOf(def, by, depth) }, () => sampleOf(def.keyType!, by, path, undefined, depth + 1))
      : [...values].filter(() => def.partial !== true || by.happens(0.5))
  return Object.fromEntries((keys as PropertyKey[]).map((key) => [key, inner(def.valueType!, key)]))
}

function makeSet(def: SchemaDef, by: Chance, path: Path, depth: number, inner: Inner): unknown {
  const size = sizeOf(def, by, depth)
  const made = new Set()
  for (let attempt = 0; made.size < size && attempt < tries; attempt++) made.add(inner(def.valueType!, made.size))
  if (made.size >= size) return made
  throw new SampleError(path, `of its ${size} values only ${made.size} different ones were found`)
}

/** The first option, in a random order, that can be made and does not contradict what is given. */
function makeUnion({ options = [] }: SchemaDef, by: Chance, path: Path, given: unknown, depth: number): unknown {
  const fitting = by.shuffled(options).filter((option) => mayBe(option, given))
  let failure = new SampleError(path, 'none of its options goes with the overrides')
  for (const option of fitting) {
    try {
      return sampleOf(option, by, path, given, depth + 1)
    } catch (error) {
      if (!(error instanceof SampleError)) throw error
      failure = error
    }
  }
  throw failure
}

/** Whether the simple fields that are given fit this option, so that a discriminator chooses its own. */
function mayBe(option: core.$ZodType, given: unknown): boolean {
  const { shape } = definitionOf(option)
  if (shape === undefined || !isPlain(given)) return true
  return Object.entries(given).every(
    ([key, value]) =>
      shape[key] === undefined || isPlain(value) || hasPipe(shape[key]) || core.safeParse(shape[key], value).success,
  )
}

/** `create` takes the decoded side of a codec, and what goes into any other pipe. */
function makePipe(schema: core.$ZodType, def: SchemaDef, path: Path, given: unknown, inner: Inner): unknown {
  if (def.transform === undefined || def.reverseTransform === undefined) {
    // Of `preprocess` nothing is known but what comes out, which goes in as well.
    return inner(definitionOf(def.in!).type === 'transform' ? def.out! : def.in!, undefined, given)
  }
  try {
    return inner(def.out!, undefined, given)
  } catch (error) {
    if (!(error instanceof SampleError)) throw error
    const decoded = core.safeDecode(schema, inner(def.in!))
    if (decoded.success) return decoded.data
    throw new SampleError(path, 'neither its decoded side nor its encoded one leads to a value', { cause: error })
  }
}

/** All that is known of a custom schema is what it accepts: the usual suspects are tried. */
function makeCustom(schema: core.$ZodType, path: Path): unknown {
  const suspects = [new Uint8Array([1, 2, 3]), new URL('https://example.org/'), new Date(0), 'text', 1, true, {}, []]
  for (const suspect of suspects) if (core.safeParse(schema, suspect).success) return suspect
  throw new SampleError(path, 'it is a custom type')
}

function sizeOf(def: SchemaDef, by: Chance, depth: number): number {
  let least = 0
  let most: number | undefined
  for (const { length, size, minimum, maximum } of checksOf(def)) {
    least = Math.max(least, minimum ?? length ?? size ?? 0)
    const bound = maximum ?? length ?? size
    if (bound !== undefined) most = Math.min(most ?? bound, bound)
  }
  return depth > deep ? least : by.whole(least, Math.max(least, Math.min(most ?? Infinity, least + 3)))
}

function merged(left: unknown, right: unknown): unknown {
  return isPlain(left) && isPlain(right) ? { ...left, ...right } : left
}

/** A check that nothing else is known of than whether it holds. */
function isRule({ _zod: { def } }: { readonly _zod: { readonly def: CheckDef } }): boolean {
  return def.check === 'custom' || def.check === 'string_format' || def.check === 'property'
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
