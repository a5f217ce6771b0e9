import { render } from '../errors/render.ts'
import { anything, isNode, type Node } from './json-node.ts'
import type { SchemaWalk } from './schema-change.ts'

/** Compares the properties of two objects, and what they do with keys that they do not name. */
export function compareObjects(comparison: SchemaWalk, older: Node, newer: Node, path: string): void {
  const [before, after] = [new Keys(older), new Keys(newer)]
  for (const name of new Set([...before.names, ...after.names])) {
    const place = propertyPath(path, name)
    if (!before.has(name)) added(comparison, before, after, name, place)
    else if (!after.has(name)) removed(comparison, before, after, name, place)
    else {
      comparePresence(comparison, before, after, name, place)
      comparison.compare(before.schema(name), after.schema(name), place)
    }
  }
  compareRest(comparison, before.rest, after.rest, `${path}.*`)
  const keys = (node: Node): unknown => node['propertyNames'] ?? anything
  if (older['propertyNames'] !== undefined || newer['propertyNames'] !== undefined) {
    comparison.compare(keys(older), keys(newer), `${path}.(key)`)
  }
}

/** Compares the items of two arrays, those with a fixed place and those that follow. */
export function compareArrays(comparison: SchemaWalk, older: Node, newer: Node, path: string): void {
  const [before, after] = [itemsOf(older), itemsOf(newer)]
  for (let index = 0; index < Math.max(before.fixed.length, after.fixed.length); index++) {
    const [a, b] = [before.fixed[index] ?? before.rest, after.fixed[index] ?? after.rest]
    const place = `${path}[${index}]`
    if (a === false && b !== false) {
      const forward = { forward: 'old consumers refuse longer arrays' }
      comparison.add({ path: place, kind: 'items-changed', what: 'item added', ...forward })
    } else if (a !== false && b === false) {
      const backward = { backward: 'old events may hold it, and the new schema refuses longer arrays' }
      comparison.add({ path: place, kind: 'items-changed', what: 'item removed', ...backward })
    } else if (a !== false) comparison.compare(a, b, place)
  }
  if (before.rest === false && after.rest === false) return
  const place = `${path}[]`
  if (after.rest === false) {
    const backward = { backward: 'old events may hold more items' }
    comparison.add({ path: place, kind: 'items-changed', what: 'no further items are allowed now', ...backward })
  } else if (before.rest === false) {
    const forward = { forward: 'new events may hold more items' }
    comparison.add({ path: place, kind: 'items-changed', what: 'further items are allowed now', ...forward })
  } else comparison.compare(before.rest, after.rest, place)
}

// What an object does with a key that it does not name: refuse it (`false`), drop it (`undefined`), or read it.
type Rest = unknown

class Keys {
  readonly names: readonly string[]
  readonly rest: Rest
  readonly #properties: Node
  readonly #required: ReadonlySet<string>

  constructor(node: Node) {
    this.#properties = isNode(node['properties']) ? node['properties'] : {}
    this.#required = new Set(Array.isArray(node['required']) ? node['required'].map(String) : [])
    this.rest = node['additionalProperties']
    this.names = [...Object.keys(this.#properties), ...this.#required]
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#properties, name) || this.#required.has(name)
  }

  requires(name: string): boolean {
    return this.#required.has(name)
  }

  schema(name: string): unknown {
    return Object.hasOwn(this.#properties, name) ? this.#properties[name] : (this.rest ?? anything)
  }

  /** Whether every event that `create` makes carries the property. */
  writes(name: string): boolean {
    return this.#required.has(name) || 'default' in asNode(this.schema(name))
  }

  default(name: string): unknown {
    return asNode(this.schema(name))['default']
  }
}

function added(comparison: SchemaWalk, before: Keys, after: Keys, name: string, path: string): void {
  const problems: { backward?: string; forward?: string } = {}
  if (after.requires(name)) problems.backward = 'old events do not have it'
  else if (before.rest !== undefined && before.rest !== false && !comparison.fits(before.rest, after.schema(name))) {
    problems.backward = 'old events may hold another kind of value under this key'
  }
  if (before.rest === false) problems.forward = 'old consumers refuse keys that they do not know'
  else if (before.rest !== undefined && !comparison.fitsBack(before.rest, after.schema(name))) {
    problems.forward = 'old consumers read another kind of value under this key'
  }
  const what = after.requires(name) ? 'required property added' : 'optional property added'
  comparison.add({ path, kind: 'property-added', what, ...problems })
}

function removed(comparison: SchemaWalk, before: Keys, after: Keys, name: string, path: string): void {
  const problems: { backward?: string; forward?: string } = {}
  if (before.requires(name)) problems.forward = 'old consumers require it'
  else if (after.rest !== undefined && after.rest !== false && !comparison.fitsBack(before.schema(name), after.rest)) {
    problems.forward = 'new events may hold another kind of value under this key'
  }
  if (after.rest === false) problems.backward = 'old events have it, and unknown keys are refused now'
  else if (after.rest !== undefined && !comparison.fits(before.schema(name), after.rest)) {
    problems.backward = 'old events hold another kind of value under this key'
  }
  comparison.add({ path, kind: 'property-removed', what: 'property removed', ...problems })
}

function comparePresence(comparison: SchemaWalk, before: Keys, after: Keys, name: string, path: string): void {
  if (!before.requires(name) && after.requires(name)) {
    const backward = { backward: 'old events may lack it' }
    comparison.add({ path, kind: 'property-required', what: 'the property is required now', ...backward })
  } else if (before.requires(name) && !after.requires(name)) {
    const written = after.writes(name)
    const what = written ? `a default was added: ${render(after.default(name))}` : 'the property is optional now'
    const forward = written ? {} : { forward: 'new events may lack it, and old consumers require it' }
    comparison.add({ path, kind: 'property-optional', what, ...forward })
  } else {
    const [a, b] = [before.default(name), after.default(name)]
    if (JSON.stringify(a) === JSON.stringify(b)) return
    const what = `the default changed from ${a === undefined ? 'none' : render(a)} to ${b === undefined ? 'none' : render(b)}`
    comparison.add({ path, kind: 'default-changed', what })
  }
}

function compareRest(comparison: SchemaWalk, before: Rest, after: Rest, path: string): void {
  if (before === after) return
  const kind = 'unknown-keys-changed'
  if (after === false) {
    const backward = { backward: 'old events may have keys that are refused now' }
    comparison.add({ path, kind, what: 'keys that the schema does not know are refused now', ...backward })
  } else if (before === false) {
    const forward = after === undefined ? {} : { forward: 'new events may have keys that old consumers refuse' }
    comparison.add({ path, kind, what: 'keys that the schema does not know are allowed now', ...forward })
  } else if (before !== undefined && after !== undefined) {
    comparison.compare(before, after, path)
  } else if (after === undefined) {
    comparison.add({ path, kind, what: 'keys that the schema does not know are dropped now' })
  } else {
    const backward = comparison.fits(anything, after) ? {} : { backward: 'old events may have keys that do not fit' }
    comparison.add({ path, kind, what: 'keys that the schema does not know are read now', ...backward })
  }
}

// zod refuses items beyond a tuple unless there is a rest; JSON Schema without `items` would let them through.
function itemsOf(node: Node): { fixed: readonly unknown[]; rest: unknown } {
  const fixed: readonly unknown[] = Array.isArray(node['prefixItems']) ? node['prefixItems'] : []
  return { fixed, rest: node['items'] ?? (fixed.length > 0 ? false : anything) }
}

function asNode(value: unknown): Node {
  return isNode(value) ? value : {}
}

function propertyPath(path: string, name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`
}
