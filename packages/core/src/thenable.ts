/** The promise in what a handler returned, if there is one; a thenable of another make is started once. */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (value instanceof Promise) return value
  return typeof (value as { then?: unknown }).then === 'function' ? Promise.resolve(value) : undefined
}
