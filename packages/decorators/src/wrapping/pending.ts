import type { Flushable, MethodContext } from './types.ts'

/** What a decorator can have waiting. */
export interface Waiting {
  cancel?(): void
  flush?(): Promise<void>
}

/** By instance, then by method: what its decorated methods may have waiting, the outermost decorator first. */
const held = new WeakMap<object, Map<PropertyKey, Waiting[]>>()

/**
 * The controls of what the decorated methods of an instance hold back: debounced, throttled and resequenced calls,
 * calls that wait for a `limit`, and retries. (A wrapped function has these controls itself.)
 *
 * @example
 * await pendingOf(warehouse).flush()
 */
export function pendingOf(instance: object): Flushable {
  return controls(() => [...(held.get(instance)?.values() ?? [])].flat())
}

/** As {@link pendingOf}, for some methods only. */
export function pendingOfMethods(instance: object, methods: Iterable<PropertyKey>): Flushable {
  const keys = new Set<PropertyKey>(methods)
  return controls(() => [...(held.get(instance) ?? [])].flatMap(([key, waiting]) => (keys.has(key) ? waiting : [])))
}

/** Remembers what a decorated method of an instance may have waiting. */
export function hold(instance: object, method: PropertyKey, waiting: Waiting): void {
  const methods = held.get(instance) ?? new Map<PropertyKey, Waiting[]>()
  held.set(instance, methods)
  methods.set(method, [...(methods.get(method) ?? []), waiting])
}

/** What tells the methods of an instance apart: a private `#m` is not a public `['#m']`. */
export function methodKey({ name, private: isPrivate }: MethodContext): PropertyKey {
  return isPrivate ? `private ${String(name)}` : name
}

/** The name of a method, as its function has it. */
export function methodName({ name }: MethodContext): string {
  return typeof name === 'symbol' ? `[${name.description ?? ''}]` : name
}

/** One set of controls for several. */
export function controls(list: () => readonly Waiting[]): Flushable {
  const cancel = () => {
    for (const waiting of list()) waiting.cancel?.()
  }
  return {
    cancel,
    async flush() {
      await Promise.all(list().map(async (waiting) => waiting.flush?.()))
    },
    [Symbol.dispose]: cancel,
  }
}
