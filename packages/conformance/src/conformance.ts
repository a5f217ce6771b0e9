import type { Capabilities } from '@tidings/bus'
import { TidingsError } from '@tidings/core'
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

/** What {@link runConformance} takes besides the kit. */
export interface RunOptions {
  /** Which cases, in the order in which they run. Default: all of them. */
  readonly cases?: readonly ConformanceCase[] | undefined
  /** Told each result as soon as it is there, before the next case begins. What it throws ends the run. */
  readonly onResult?: ((result: ConformanceResult) => void) | undefined
}

/**
 * Runs cases without a test runner, one after the other. Never rejects for a case that fails.
 *
 * @example
 * await runConformance(kit, { onResult: ({ id, outcome, reason }) => console.log(id, outcome, reason ?? '') })
 */
export async function runConformance(kit: ConformanceKit, options: RunOptions = {}): Promise<ConformanceReport> {
  const { cases = conformanceCases, onResult } = checked(options)
  const { about } = resolve(kit)
  const results: ConformanceResult[] = []
  for (const entry of cases) {
    const result = await runCase(entry, kit)
    results.push(result)
    onResult?.(result)
  }
  return { transport: about.name, capabilities: about.capabilities, results }
}

function checked(options: RunOptions): RunOptions {
  const unknown = Object.keys(options).find((name) => name !== 'cases' && name !== 'onResult')
  if (unknown === undefined) return options
  throw new TidingsError(
    'INVALID_ARGUMENT',
    `runConformance() has no option \`${unknown}\`\nIt takes \`cases\` and \`onResult\`: runConformance(kit, { cases: […] }).`,
  )
}
