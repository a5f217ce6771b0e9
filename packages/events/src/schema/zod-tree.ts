import * as core from 'zod/v4/core'

/** Any zod schema, of `zod` or `zod/mini`. */
export type ZodSchema = core.$ZodType

/** The fields of every kind of definition that leads to another schema; which of them exist depends on `type`. */
export interface ZodDef {
  readonly type: string
  readonly checks?: readonly core.$ZodCheck[]
  readonly shape?: Readonly<Record<string, ZodSchema>>
  readonly catchall?: ZodSchema
  readonly element?: ZodSchema
  readonly items?: readonly ZodSchema[]
  readonly rest?: ZodSchema | null
  readonly keyType?: ZodSchema
  readonly valueType?: ZodSchema
  readonly options?: readonly ZodSchema[]
  readonly left?: ZodSchema
  readonly right?: ZodSchema
  readonly innerType?: ZodSchema
  readonly in?: ZodSchema
  readonly out?: ZodSchema
  readonly transform?: unknown
  readonly reverseTransform?: unknown
  readonly getter?: () => ZodSchema
  readonly coerce?: boolean
  /** Of a record: `'loose'` passes keys on that its key schema does not accept. */
  readonly mode?: string
  readonly defaultValue?: unknown
  readonly values?: readonly unknown[]
}

export function isZodSchema(schema: object): schema is ZodSchema {
  return '_zod' in schema
}

export function definitionOf(schema: ZodSchema): ZodDef {
  const def: unknown = schema._zod.def
  return def as ZodDef
}

/** Whether the schema is a codec, a pipe with a way back. */
export function isCodec(def: ZodDef): boolean {
  return def.type === 'pipe' && def.transform !== undefined && def.reverseTransform !== undefined
}

/** Whether the schema is a transform, which has no way back. */
export function isTransform(schema: ZodSchema | undefined): boolean {
  return schema !== undefined && definitionOf(schema).type === 'transform'
}

/** The schemas directly inside one, in the order in which zod runs them. */
export function childrenOf(schema: ZodSchema): readonly ZodSchema[] {
  const def = definitionOf(schema)
  if (def.type === 'lazy') return def.getter === undefined ? [] : [def.getter()]
  const children: (ZodSchema | null | undefined)[] = [
    ...(def.shape === undefined ? [] : Object.values(def.shape)),
    def.catchall,
    def.element,
    ...(def.items ?? []),
    def.rest,
    def.keyType,
    def.valueType,
    ...(def.options ?? []),
    def.left,
    def.right,
    def.innerType,
    def.in,
    def.out,
  ]
  return children.filter((child) => child !== undefined && child !== null)
}

/** Whether `test` holds for the schema or for any schema inside it; recursion is followed once. */
export function someSchema(
  schema: ZodSchema,
  test: (schema: ZodSchema) => boolean,
  seen: Set<ZodSchema> = new Set(),
): boolean {
  if (seen.has(schema)) return false
  seen.add(schema)
  return test(schema) || childrenOf(schema).some((child) => someSchema(child, test, seen))
}

/**
 * A copy of the schema in which `replace` has had its say about every schema, from the outside in: what it returns is
 * taken as it is; where it returns `undefined`, the schema's children are rewritten. Checks are kept, and so is
 * recursion. `replace` is handed the function that rewrites a child.
 */
export function rewriteSchema(
  root: ZodSchema,
  replace: (schema: ZodSchema, rewrite: (child: ZodSchema) => ZodSchema) => ZodSchema | undefined,
): ZodSchema {
  const done = new Map<ZodSchema, ZodSchema | undefined>()
  const rewrite = (schema: ZodSchema): ZodSchema => {
    if (done.has(schema)) {
      // Still under way means a cycle: look the result up when it is there.
      return done.get(schema) ?? new core.$ZodLazy({ type: 'lazy', getter: () => done.get(schema) ?? schema })
    }
    done.set(schema, undefined)
    const result = replace(schema, rewrite) ?? rewriteChildren(schema, rewrite)
    done.set(schema, result)
    return result
  }
  return rewrite(root)
}

/** The schema with the given checks added behind its own. */
export function withChecks(schema: ZodSchema, checks: readonly core.$ZodCheck[] | undefined): ZodSchema {
  if (checks === undefined || checks.length === 0) return schema
  return cloneWith(schema, { checks: [...(definitionOf(schema).checks ?? []), ...checks] })
}

/** A copy of the schema with some fields of its definition changed; getters, such as a default's, stay getters. */
export function cloneWith(schema: ZodSchema, changes: Partial<ZodDef>): ZodSchema {
  const descriptors = {
    ...Object.getOwnPropertyDescriptors(schema._zod.def),
    ...Object.getOwnPropertyDescriptors(changes),
  }
  return core.clone(schema, Object.defineProperties({}, descriptors) as core.$ZodTypeDef)
}

function rewriteChildren(schema: ZodSchema, rewrite: (child: ZodSchema) => ZodSchema): ZodSchema {
  const def = definitionOf(schema)
  if (def.type === 'lazy') {
    const getter = def.getter
    if (getter === undefined) return schema
    return new core.$ZodLazy({ type: 'lazy', getter: () => rewrite(getter()) })
  }
  const changes: Record<string, unknown> = {}
  const one = (key: 'catchall' | 'element' | 'rest' | 'keyType' | 'valueType' | 'left' | 'right' | 'innerType') => {
    const child = def[key]
    if (child === undefined || child === null) return
    const copy = rewrite(child)
    if (copy !== child) changes[key] = copy
  }
  const many = (key: 'items' | 'options') => {
    const list = def[key]
    const copies = list?.map(rewrite)
    if (copies?.some((copy, index) => copy !== list?.[index])) changes[key] = copies
  }
  if (def.shape !== undefined) {
    const entries = Object.entries(def.shape)
    const copies = entries.map(([key, child]): [string, ZodSchema] => [key, rewrite(child)])
    if (copies.some(([, copy], index) => copy !== entries[index]?.[1])) changes['shape'] = Object.fromEntries(copies)
  }
  for (const key of ['catchall', 'element', 'rest', 'keyType', 'valueType', 'left', 'right', 'innerType'] as const) {
    one(key)
  }
  for (const key of ['items', 'options'] as const) many(key)
  if (def.in !== undefined && def.out !== undefined) {
    const inside = rewrite(def.in)
    const outside = rewrite(def.out)
    if (inside !== def.in) changes['in'] = inside
    if (outside !== def.out) changes['out'] = outside
  }
  return Object.keys(changes).length === 0 ? schema : cloneWith(schema, changes)
}
