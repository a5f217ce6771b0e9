import type { ConformanceResult } from '../case.ts'
import { knownOptions } from '@tidings/core/tools'
import { runStoreCase, type StoreCase } from './case.ts'
import { storeCases } from './cases/all.ts'
import type { StoreKit } from './kit.ts'

/** How a store did. */
export interface StoreReport {
  readonly store: string
  /** In the order of ending. */
  readonly results: readonly ConformanceResult[]
}

/**
 * Registers every case as a test, with any runner that has `test`. The report that is returned fills while they run.
 * Cases do not disturb each other: each has streams of its own.
 *
 * @example
 * storeConformance({ name: 'sqlite', recorder: () => sqliteRecorder({ file }) }, { test })
 */
export function storeConformance(
  kit: StoreKit,
  runner: { test(name: string, run: () => Promise<void>): void },
): StoreReport {
  const results: ConformanceResult[] = []
  for (const entry of storeCases) {
    runner.test(`${entry.id} ${entry.title}`, async () => {
      const result = await runStoreCase(entry, kit)
      results.push(result)
      if (result.outcome === 'failed') throw result.error
    })
  }
  return { store: kit.name, results }
}

/** What {@link runStoreConformance} takes besides the kit. */
export interface StoreRunOptions {
  /** Which cases, in the order in which they run. Default: all of them. */
  readonly cases?: readonly StoreCase[] | undefined
  /** Told each result as soon as it is there. What it throws ends the run. */
  readonly onResult?: ((result: ConformanceResult) => void) | undefined
}

/**
 * Runs cases without a test runner, one after the other. Never rejects for a case that fails.
 *
 * @example
 * await runStoreConformance(kit, { onResult: ({ id, outcome, reason }) => console.log(id, outcome, reason ?? '') })
 */
export async function runStoreConformance(kit: StoreKit, options: StoreRunOptions = {}): Promise<StoreReport> {
  const { cases = storeCases, onResult } = knownOptions(options, ['cases', 'onResult'], 'runStoreConformance')
  const results: ConformanceResult[] = []
  for (const entry of cases) {
    const result = await runStoreCase(entry, kit)
    results.push(result)
    onResult?.(result)
  }
  return { store: kit.name, results }
}
