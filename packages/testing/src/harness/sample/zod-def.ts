import type * as core from 'zod/v4/core'

/** The fields of zod's definitions that are read here; which of them exist depends on `type`. */
export interface SchemaDef {
  readonly type: string
  readonly format?: string
  readonly pattern?: RegExp
  readonly checks?: readonly { readonly _zod: { readonly def: CheckDef } }[]
  readonly shape?: Readonly<Record<string, core.$ZodType>>
  readonly element?: core.$ZodType
  readonly items?: readonly core.$ZodType[]
  readonly rest?: core.$ZodType | null
  readonly keyType?: core.$ZodType
  readonly valueType?: core.$ZodType
  readonly options?: readonly core.$ZodType[]
  readonly left?: core.$ZodType
  readonly right?: core.$ZodType
  readonly innerType?: core.$ZodType
  readonly in?: core.$ZodType
  readonly out?: core.$ZodType
  readonly transform?: unknown
  readonly reverseTransform?: unknown
  readonly getter?: () => core.$ZodType
  readonly entries?: Readonly<Record<string, string | number>>
  readonly values?: readonly unknown[]
  readonly parts?: readonly unknown[]
  readonly partial?: boolean
}

/** The same for its checks. */
export interface CheckDef {
  readonly check: string
  readonly format?: string
  readonly pattern?: RegExp
  readonly value?: number | bigint | Date
  readonly inclusive?: boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly length?: number
  readonly size?: number
  readonly prefix?: string
  readonly suffix?: string
  readonly includes?: string
}

export function definitionOf(schema: core.$ZodType): SchemaDef {
  const def: unknown = schema._zod.def
  return def as SchemaDef
}

export function isSchema(value: unknown): value is core.$ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value
}

export function checksOf({ checks = [] }: SchemaDef): readonly CheckDef[] {
  return checks.map(({ _zod }) => _zod.def)
}

/** Whether what `create` takes differs from what the schema parses. */
export function hasPipe(schema: core.$ZodType, seen: Set<core.$ZodType> = new Set()): boolean {
  if (seen.has(schema)) return false
  seen.add(schema)
  const {
    type,
    shape = {},
    element,
    items,
    rest,
    keyType,
    valueType,
    options,
    left,
    right,
    innerType,
    getter,
  } = definitionOf(schema)
  if (type === 'pipe' || type === 'transform') return true
  const children = [
    ...Object.values(shape),
    element,
    ...(items ?? []),
    rest,
    keyType,
    valueType,
    ...(options ?? []),
    left,
    right,
    innerType,
    getter?.(),
  ]
  return children.some((child) => child !== undefined && child !== null && hasPipe(child, seen))
}
