import { render } from '../errors/render.ts'
import { canonical, kindOf, type Node, valuesOf } from './json-node.ts'

/** A kind of value in words. */
export function nameOf(node: Node): string {
  const values = valuesOf(node)
  if (values !== undefined)
    return values.length === 1 ? render(values[0]) : `one of ${values.map((each) => render(each)).join(', ')}`
  const kind = kindOf(node)
  const names: Readonly<Record<string, string>> = {
    any: 'any value',
    array: 'an array',
    boolean: 'a boolean',
    integer: 'an integer',
    never: 'no value',
    null: 'null',
    number: 'a number',
    object: tagged(node) ?? 'an object',
    string: 'a string',
  }
  return names[kind] ?? `a value of type ${kind}`
}

/** Two alternatives are versions of one another when they are of one kind and carry the same tags. */
export function isAkin(a: Node, b: Node): boolean {
  const [kindA, kindB] = [kindOf(a), kindOf(b)]
  const numbers = ['number', 'integer']
  if (kindA !== kindB && !(numbers.includes(kindA) && numbers.includes(kindB))) return false
  const [tagsA, tagsB] = [tags(a), tags(b)]
  return [...tagsA].every(([key, value]) => !tagsB.has(key) || tagsB.get(key) === value)
}

// The properties that have one value each: what tells the members of a discriminated union apart.
function tags(node: Node): ReadonlyMap<string, string> {
  const result = new Map<string, string>()
  const properties = node['properties']
  if (typeof properties !== 'object' || properties === null) return result
  for (const [name, schema] of Object.entries(properties)) {
    if (typeof schema !== 'object' || schema === null) continue
    const values = valuesOf(schema as Node)
    if (values?.length === 1) result.set(name, canonical(values[0]))
  }
  return result
}

function tagged(node: Node): string | undefined {
  const [first] = tags(node)
  return first === undefined ? undefined : `an object with ${first[0]} = ${first[1]}`
}
