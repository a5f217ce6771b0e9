/** A place of a value that JSON cannot carry. */
export interface NonJson {
  readonly path: readonly (string | number)[]
  readonly value: unknown
  /** What JSON would make of it. */
  readonly reason: string
}

/**
 * The first place of `value` that `JSON.stringify` would lose, change or refuse. A property that is `undefined` is not
 * one: JSON leaves it out, and a schema reads it as left out.
 */
export function findNonJson(
  value: unknown,
  path: readonly (string | number)[] = [],
  inside: Set<object> = new Set(),
): NonJson | undefined {
  const found = (reason: string): NonJson => ({ path, value, reason })
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : found('JSON writes it as null')
    case 'undefined':
      return path.length === 0 ? undefined : found('JSON writes it as null')
    case 'object':
      break
    default:
      return found(`JSON has no ${typeof value}`)
  }
  if (value === null) return undefined
  if (inside.has(value)) return found('it contains itself')
  inside.add(value)
  const problem = Array.isArray(value) ? inArray(value, path, inside) : inObject(value, path, inside, found)
  inside.delete(value)
  return problem
}

function inArray(
  array: readonly unknown[],
  path: readonly (string | number)[],
  inside: Set<object>,
): NonJson | undefined {
  for (let index = 0; index < array.length; index++) {
    const problem = findNonJson(array[index], [...path, index], inside)
    if (problem !== undefined) return problem
  }
  return undefined
}

function inObject(
  object: object,
  path: readonly (string | number)[],
  inside: Set<object>,
  found: (reason: string) => NonJson,
): NonJson | undefined {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) return found('JSON knows plain objects and arrays only')
  for (const [key, child] of Object.entries(object)) {
    if (child === undefined) continue
    const problem = findNonJson(child, [...path, key], inside)
    if (problem !== undefined) return problem
  }
  return undefined
}
