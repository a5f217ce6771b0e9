import type { Capabilities } from '@tidings/bus'
import { type ConformanceCase, type ConformanceResult, reasonToSkip, runCase } from './case.ts'
import { conformanceCases } from './cases/all.ts'
import type { ConformanceKit } from './kit.ts'
import { resolve } from './resolve.ts'

/** What the suite asks of a test runner. */
export interface ConformanceRunner {
  test(name: string, run: () => Promise<void>): void
  /** A case that does not apply, and why. */
  skip(name: string, reason: string): void
  /** For cases that do not disturb each other, so that they may run at the same time. Default `test`. */
  concurrent?(name: string, run: () => Promise<void>): void
}

/** How a transport did: which cases ran, and which did not, and why. */
export interface ConformanceReport {
  readonly transport: string
  readonly capabilities: Capabilities
  /** In the order of ending. */
  readonly results: readonly ConformanceResult[]
}

/**
 * Registers every case of the suite as a test. The report that is returned fills while they run.
 *
 * @example
 * conformance({ transport: () => memory() }, { test, concurrent: test.concurrent, skip: (name, reason) => test(name, (t) => t.skip(reason)) })
 */
export function conformance(kit: ConformanceKit, runner: ConformanceRunner): ConformanceReport {
  const { about } = resolve(kit)
  const results: ConformanceResult[] = []
  for (const entry of conformanceCases) {
    const { id, title } = entry
    const name = `${id} ${title}`
    const reason = reasonToSkip(entry, resolve(kit))
    if (reason !== undefined) {
      results.push({ id, title, outcome: 'skipped', reason, error: undefined, duration: 0 })
      runner.skip(name, reason)
      continue
    }
    const run = async (): Promise<void> => {
      const result = await runCase(entry, kit)
      results.push(result)
      if (result.outcome === 'failed') throw result.error
    }
    if (entry.alone || runner.concurrent === undefined) runner.test(name, run)
    else runner.concurrent(name, run)
  }
  return { transport: about.name, capabilities: about.capabilities, results }
}

/** Runs cases without a test runner, by default all of them, one after the other; never rejects for a case that fails. */
export async function runConformance(
  kit: ConformanceKit,
  cases: readonly ConformanceCase[] = conformanceCases,
): Promise<ConformanceReport> {
  const { about } = resolve(kit)
  const results: ConformanceResult[] = []
  for (const entry of cases) results.push(await runCase(entry, kit))
  return { transport: about.name, capabilities: about.capabilities, results }
}
