import type { TransactionsOf } from '@tidings/bus'
import { isThenable } from '@tidings/core/tools'

/** What a handler writes with in the commit of its settlement: a map that survives every crash. */
export interface SimulatedTransaction {
  /** As it was before the commit, with what this handler has written in it. What is read is a copy. */
  get(key: string): unknown
  has(key: string): boolean
  /** The value is copied, as by `structuredClone`. */
  set(key: string, value: unknown): void
  delete(key: string): boolean
  keys(): IterableIterator<string>
}

/** For the option `transaction` of handlers: the database of a simulated broker that is a `'store'`. */
export const simulatedTransactions: TransactionsOf<SimulatedTransaction> = { transport: 'simulated' }

/** A synchronous database, in which the store keeps its messages too. */
export class SimulatedDatabase {
  #values: ReadonlyMap<string, unknown> = new Map()

  /** All that is committed, to look at. */
  snapshot(): ReadonlyMap<string, unknown> {
    return structuredClone(this.#values)
  }

  /** Runs a handler's work; what it throws undoes all of it. */
  run(work: (transaction: SimulatedTransaction) => unknown): void {
    const values = new Map(this.#values)
    const open = { is: true }
    try {
      const result = work(transactionOn(values, open))
      if (isThenable(result)) {
        Promise.resolve(result).catch(() => {})
        throw new TypeError('a work of `transaction` returned a promise: nothing can be awaited within a commit')
      }
    } finally {
      open.is = false
    }
    this.#values = values
  }
}

function transactionOn(values: Map<string, unknown>, open: { readonly is: boolean }): SimulatedTransaction {
  const opened = (): Map<string, unknown> => {
    if (open.is) return values
    throw new Error('the transaction has ended: hand over all that is to be written as one work')
  }
  return {
    get: (key) => structuredClone(opened().get(key)),
    has: (key) => opened().has(key),
    set: (key, value) => void opened().set(key, structuredClone(value)),
    delete: (key) => opened().delete(key),
    keys: () => opened().keys(),
  }
}
