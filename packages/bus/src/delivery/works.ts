import { invalidArgument, isThenable } from '@tidings/core/tools'
import type { Work } from '../transport/settlement.ts'

/** @throws TidingsError `INVALID_ARGUMENT` for what is no function */
export function checkedWork(work: Work): Work {
  if (typeof work === 'function') return work
  throw invalidArgument('work', 'a function', work, 'Pass what writes: transaction((tx) => …).')
}

/** One after the other; without a promise where none of them gives one, as a synchronous database needs it. */
export function asOneWork(all: readonly Work[]): Work {
  return (transaction) => inTurn(all, transaction)
}

function inTurn(all: readonly Work[], transaction: never): void | Promise<void> {
  for (const [at, work] of all.entries()) {
    const done = work(transaction)
    if (!isThenable(done)) continue
    return Promise.resolve(done).then(() => inTurn(all.slice(at + 1), transaction))
  }
  return undefined
}
