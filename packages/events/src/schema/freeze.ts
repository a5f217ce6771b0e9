import type { StandardSchema } from './standard-schema.ts'
import { childrenOf, definitionOf, isZodSchema, someSchema, type ZodSchema } from './zod-tree.ts'
import { lockedDate, lockedMap, lockedSet } from './locked.ts'

/** Makes validated data immutable and returns it: the same value where the schema made it, a copy otherwise. */
export type Freezer = (value: unknown) => unknown

/**
 * The cheapest way to make a schema's results immutable. zod builds new objects and arrays, which can be frozen in
 * place; whatever it passes through (`z.any()`, `z.custom()`, dates, defaults, transforms) may belong to the caller and
 * is copied.
 */
export function freezerOf(schema: StandardSchema): Freezer {
  if (!isZodSchema(schema)) return copyFrozen
  return build(schema) ?? identity
}

/**
 * A deeply frozen copy. Plain objects and arrays are copied; so are `Date`, `Map` and `Set`, whose own methods then
 * refuse to change them, and binary data, which JavaScript cannot freeze. Instances of other classes are passed on as
 * they are. Cycles are kept.
 */
export function copyFrozen(value: unknown): unknown {
  return isObject(value) ? copy(value, new Map()) : value
}

// The freezer of a schema, or undefined where its results are always primitive.
function build(schema: ZodSchema): Freezer | undefined {
  if (isPrimitive(schema)) return undefined
  if (isFresh(schema)) return isRecursive(schema) ? deepFreeze : (buildFresh(schema) ?? deepFreeze)
  const def = definitionOf(schema)
  // An object of ours that holds something foreign: only that is to be copied.
  if (def.type === 'object' && !isTouched(schema) && !isRecursive(schema)) return buildObject(schema)
  if (def.type === 'array' && def.element !== undefined && !isTouched(schema) && !isRecursive(schema)) {
    return buildArray(build(def.element))
  }
  if (isStandardWrapper(def.type) && def.innerType !== undefined) return build(def.innerType)
  return copyFrozen
}

function buildFresh(schema: ZodSchema): Freezer | undefined {
  const def = definitionOf(schema)
  if (def.type === 'object') return buildObject(schema)
  if (def.type === 'array' && def.element !== undefined) return buildArray(build(def.element))
  if (isStandardWrapper(def.type) && def.innerType !== undefined) return build(def.innerType)
  return undefined
}

function buildObject(schema: ZodSchema): Freezer {
  const { shape = {}, catchall } = definitionOf(schema)
  if (catchall !== undefined && !isPrimitive(catchall) && definitionOf(catchall).type !== 'never') return copyFrozen
  const keys: string[] = []
  const freezers: Freezer[] = []
  for (const [key, child] of Object.entries(shape)) {
    const freezer = build(child)
    if (freezer === undefined) continue
    keys.push(key)
    freezers.push(freezer)
  }
  if (keys.length === 0) return Object.freeze
  return (value) => {
    if (!isObject(value)) return value
    const object = value as Record<string, unknown>
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string
      const child = object[key]
      if (typeof child !== 'object' || child === null) continue
      const frozen = freezers[index]?.(child)
      if (frozen !== child) object[key] = frozen
    }
    return Object.freeze(object)
  }
}

function buildArray(freezer: Freezer | undefined): Freezer {
  if (freezer === undefined) return Object.freeze
  return (value) => {
    if (!Array.isArray(value)) return value
    const array: unknown[] = value
    for (let index = 0; index < array.length; index++) {
      const child = array[index]
      if (typeof child !== 'object' || child === null) continue
      const frozen = freezer(child)
      if (frozen !== child) array[index] = frozen
    }
    return Object.freeze(array)
  }
}

const identity: Freezer = (value) => value

const deepFreeze: Freezer = (value) => {
  if (!isObject(value) || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const child of Object.values(value)) deepFreeze(child)
  return value
}

const primitives = new Set(
  'string number int boolean bigint symbol null undefined void nan enum literal template_literal never success'.split(
    ' ',
  ),
)
const wrappers = new Set(['optional', 'nullable', 'nonoptional'])
const freshKinds = new Set([...wrappers, 'object', 'array', 'tuple', 'record', 'union', 'lazy'])

function isStandardWrapper(type: string): boolean {
  return wrappers.has(type)
}

function isPrimitive(schema: ZodSchema): boolean {
  const def = definitionOf(schema)
  if (isTouched(schema)) return def.type === 'string' || def.type === 'number'
  if (primitives.has(def.type)) return true
  if (def.type === 'pipe') return def.out !== undefined && isPrimitive(def.out)
  const wraps = isStandardWrapper(def.type) || ['default', 'prefault', 'catch', 'readonly'].includes(def.type)
  if (wraps) return def.innerType !== undefined && isPrimitive(def.innerType)
  return def.type === 'union' && (def.options ?? []).every(isPrimitive)
}

// Whether all objects that the schema results in are made by zod in this very run.
function isFresh(schema: ZodSchema): boolean {
  return !someSchema(schema, (each) => {
    const { type, mode } = definitionOf(each)
    return !isPrimitive(each) && (isTouched(each) || !freshKinds.has(type) || mode === 'loose')
  })
}

// `overwrite` checks put any value in the place of zod's.
function isTouched(schema: ZodSchema): boolean {
  return definitionOf(schema).checks?.some((check) => check._zod.def.check === 'overwrite') ?? false
}

function isRecursive(schema: ZodSchema): boolean {
  return childrenOf(schema).some((child) => someSchema(child, (each) => each === schema)) || someSchema(schema, isLazy)
}

function isLazy(schema: ZodSchema): boolean {
  return definitionOf(schema).type === 'lazy'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function copy(value: object, done: Map<object, unknown>): unknown {
  const known = done.get(value)
  if (known !== undefined) return known
  const remember = <T>(result: T): T => {
    done.set(value, result)
    return result
  }
  const child = (each: unknown) => (isObject(each) ? copy(each, done) : each)
  if (Array.isArray(value)) {
    const array = remember<unknown[]>([])
    for (const each of value) array.push(child(each))
    return Object.freeze(array)
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    const object = remember<object>(prototype === null ? Object.create(null) : {})
    for (const key of Reflect.ownKeys(value)) {
      if (!Object.prototype.propertyIsEnumerable.call(value, key)) continue
      const content = child(Reflect.get(value, key))
      // Defined, not assigned: assigning to `__proto__` would change the prototype.
      Object.defineProperty(object, key, { value: content, enumerable: true })
    }
    return Object.freeze(object)
  }
  if (value instanceof Date) return remember(lockedDate(value))
  if (value instanceof Map) return lockedMap(value, child, remember)
  if (value instanceof Set) return lockedSet(value, child, remember)
  return remember(binaryCopy(value) ?? value)
}

function binaryCopy(value: object): object | undefined {
  if (value instanceof ArrayBuffer) return value.slice(0)
  if (value instanceof DataView) {
    return new DataView(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength))
  }
  // Not the value's own `slice`, which for a Node `Buffer` shares the memory.
  return ArrayBuffer.isView(value) ? Uint8Array.prototype.slice.call(value) : undefined
}
