/** A copy of JSON-like data that an upcaster may change: plain objects and arrays are copied, all else is passed on. */
export function copyMutable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyMutable)
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  // Object.fromEntries defines rather than assigns, so that a key `__proto__` stays a key.
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, copyMutable(child)]))
}
