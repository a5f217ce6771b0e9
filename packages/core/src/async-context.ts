/** What we use of Node's `AsyncLocalStorage`. */
export interface AsyncStorage<Store> {
  getStore(): Store | undefined
  run<Result>(store: Store, callback: () => Result): Result
}

interface Process {
  getBuiltinModule?(id: string): { AsyncLocalStorage?: new () => AsyncStorage<never> } | undefined
}

/**
 * A value that follows a chain of awaits, where the runtime can do that: Node from 22.3, Bun, Deno.
 * Found without an import, so that bundlers for browsers have nothing to resolve.
 */
export function asyncStorage<Store>(): AsyncStorage<Store> | undefined {
  const { process } = globalThis as { process?: Process }
  const Storage = process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage
  return Storage && new Storage()
}
