import type { JsonSchema } from '../schema/json-schema.ts'

/** A JSON Schema whose references, alternatives and conjunctions are laid open, one of several alternatives. */
export type Node = Readonly<Record<string, unknown>>

/** Resolves and normalises the parts of one JSON Schema document. The same part always gives the same nodes. */
export class SchemaDocument {
  readonly #root: unknown
  readonly #alternatives = new Map<unknown, readonly Node[]>()

  constructor(root: JsonSchema) {
    this.#root = root
  }

  /** What a part of the document stands for: one node for each kind of value that it lets through. */
  alternatives(schema: unknown): readonly Node[] {
    const known = this.#alternatives.get(schema)
    if (known !== undefined) return known
    const result = this.#lay(schema, 0)
    if (typeof schema === 'object' && schema !== null) this.#alternatives.set(schema, result)
    return result
  }

  #lay(schema: unknown, depth: number): readonly Node[] {
    if (schema === false) return [never]
    if (!isNode(schema) || depth > 64) return [anything]
    const { $ref, allOf, anyOf, oneOf, ...own } = schema
    if (typeof $ref === 'string') {
      const rest = this.#lay(this.#find($ref), depth + 1)
      return Object.keys(own).some((key) => !annotations.has(key)) ? rest.map((node) => merge(node, own)) : rest
    }
    let nodes: readonly Node[] = splitTypes(own)
    if (Array.isArray(allOf)) {
      for (const part of allOf) nodes = cross(nodes, this.#lay(part, depth + 1))
    }
    for (const options of [anyOf, oneOf]) {
      if (!Array.isArray(options)) continue
      nodes = cross(
        nodes,
        options.flatMap((option: unknown) => this.#lay(option, depth + 1)),
      )
    }
    return nodes.map(plainNode)
  }

  #find(reference: string): unknown {
    if (!reference.startsWith('#')) return undefined
    let place = this.#root
    for (const part of reference.slice(1).split('/').slice(1)) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
      place = isNode(place) || Array.isArray(place) ? Reflect.get(place, key) : undefined
    }
    return place
  }
}

export const anything: Node = Object.freeze({})
const never: Node = Object.freeze({ not: {} })

/** Keywords that say nothing about which values are valid. */
const annotations = new Set(
  (
    '$schema $id id $anchor $comment $defs definitions title description examples deprecated readOnly ' +
    'writeOnly sensitive default ~standard'
  ).split(' '),
)

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The same text for the same JSON value, whatever the order of its keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    isNode(each) ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1))) : each,
  )
}

/** `null`, `string`, `integer`, …; `never` for no value at all, `any` for all of them. */
export function kindOf(node: Node): string {
  if (isNode(node['not']) && Object.keys(node['not']).length === 0) return 'never'
  const foreign = node['x-tidings-type']
  if (typeof foreign === 'string') return foreign
  if (typeof node['type'] === 'string') return node['type']
  const kinds = new Set(valuesOf(node)?.map(kindOfValue))
  const [kind] = kinds
  if (kind === undefined && ('properties' in node || 'required' in node)) return 'object'
  return kinds.size === 1 && kind !== undefined ? kind : 'any'
}

/** The values that a node is limited to, if it is. */
export function valuesOf(node: Node): readonly unknown[] | undefined {
  if ('const' in node) return [node['const']]
  return Array.isArray(node['enum']) ? node['enum'] : undefined
}

function kindOfValue(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function splitTypes(schema: Node): readonly Node[] {
  const { type } = schema
  if (Array.isArray(type)) return type.map((each: unknown) => ({ ...schema, type: each }))
  const values = type === undefined ? valuesOf(schema) : undefined
  const kinds = new Set(values?.map(kindOfValue))
  if (values === undefined || kinds.size < 2) return [schema]
  // An enumeration of several kinds is an alternative for each kind.
  return [...kinds].map((kind) => ({
    ...schema,
    type: kind,
    enum: values.filter((each) => kindOfValue(each) === kind),
  }))
}

function cross(left: readonly Node[], right: readonly Node[]): readonly Node[] {
  const both = left.flatMap((a) => right.map((b) => merge(a, b)))
  const possible = both.filter((node) => kindOf(node) !== 'never')
  return possible.length > 0 ? possible : [never]
}

// `pattern` may stand once only; as a list it can take the patterns of a conjunction.
function plainNode(node: Node): Node {
  const { pattern, ...rest } = node
  return typeof pattern === 'string' ? { ...rest, patterns: addTo(rest['patterns'], pattern) } : node
}

function merge(a: Node, b: Node): Node {
  const result: Record<string, unknown> = { ...a }
  for (const [key, value] of Object.entries(plainNode(b))) {
    const present = result[key]
    if (present === undefined || annotations.has(key)) result[key] = value
    else if (key === 'type') Object.assign(result, bothTypes(present, value))
    else if (key === 'required' || key === 'patterns') result[key] = [...new Set([...list(present), ...list(value)])]
    else if (key === 'properties') result[key] = bothProperties(present, value)
    else if (key.startsWith('min') || key === 'exclusiveMinimum') result[key] = Math.max(Number(present), Number(value))
    else if (key.startsWith('max') || key === 'exclusiveMaximum') result[key] = Math.min(Number(present), Number(value))
    else if (canonical(present) !== canonical(value))
      result['both'] = addTo(result['both'], canonical({ [key]: value }))
  }
  return result
}

function bothTypes(a: unknown, b: unknown): Node {
  if (a === b) return { type: a }
  const numbers = ['number', 'integer']
  return numbers.includes(String(a)) && numbers.includes(String(b)) ? { type: 'integer' } : never
}

function bothProperties(a: unknown, b: unknown): Node {
  const result: Record<string, unknown> = { ...(isNode(a) ? a : {}) }
  for (const [name, schema] of Object.entries(isNode(b) ? b : {})) {
    const present = result[name]
    const same = present === undefined || canonical(present) === canonical(schema)
    result[name] = same ? schema : { allOf: [present, schema] }
  }
  return result
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function addTo(present: unknown, value: unknown): readonly unknown[] {
  return [...new Set([...list(present).map(String), String(value)])].toSorted((a, b) => (a < b ? -1 : 1))
}
