// Not by `isThenable` of the tools, which asks more: this one runs behind every handler, and each byte of it counts.
/** The promise in what a handler returned, if there is one; a thenable of another make is started once. */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (value instanceof Promise) return value
  return typeof (value as { then?: unknown }).then === 'function' ? Promise.resolve(value) : undefined
}
