/** What we use of Node's `AsyncLocalStorage`. */
export interface AsyncStorage<Store> {
  getStore(): Store | undefined
  run<Result>(store: Store, callback: () => Result): Result
}

/** Runs a callback in the async context of the moment when it was taken. */
export type Snapshot = <Result>(callback: () => Result) => Result

interface StorageClass {
  new (): AsyncStorage<never>
  snapshot?(): Snapshot
}

interface Process {
  getBuiltinModule?(id: string): { AsyncLocalStorage?: StorageClass } | undefined
}

/** A value that follows a chain of awaits, where the runtime can do that: Node from 22.3, Bun, Deno. */
export function asyncStorage<Store>(): AsyncStorage<Store> | undefined {
  const Storage = storageClass()
  return Storage && new Storage()
}

/** What takes the async context of now for what is to run later (a trace goes on in it, for one), where it can be taken. */
export function asyncSnapshot(): (() => Snapshot) | undefined {
  const Storage = storageClass()
  return Storage?.snapshot && (() => Storage.snapshot!())
}

/** Found without an import, so that bundlers for browsers have nothing to resolve. */
function storageClass(): StorageClass | undefined {
  return (globalThis as { process?: Process }).process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage
}
