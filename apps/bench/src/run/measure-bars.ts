import type { Bar } from '../report/bars.ts'
import { fails, judge, type Verdict } from '../report/judge.ts'
import { type Result, resultsOf } from '../report/report.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { Breakdown, Job, Sample } from './job.ts'
import { type OnJob, runJobs, type Runner } from './orchestrator.ts'
import { seeded, shuffled } from './random.ts'

/** A job without its round. */
export type Cell = Omit<Job, 'round'>

/** How often bars are measured. */
export interface Rounds {
  /** Every bar's. */
  readonly first: number
  /** As many as a bar may get that looks failed, the first included. */
  readonly most: number
}

/** What the bars came to. */
export interface Measured {
  readonly results: readonly Result[]
  readonly verdicts: readonly Verdict[]
  readonly breakdowns: readonly Breakdown[]
}

/** Measures what the bars need, and nothing else. */
export async function measureBars(
  bars: readonly Bar[],
  scenarios: readonly Scenario[],
  plan: Rounds & { readonly seed: number },
  runner: Runner,
  onJob: OnJob,
): Promise<Measured> {
  const random = seeded(plan.seed)
  const breakdowns: Breakdown[] = []
  const results = await untilSettled(bars, scenarios, plan, async (cells, rounds) => {
    const jobs = rounds.flatMap((round) =>
      shuffled(cells, random)
        .filter((cell) => round >= plan.first || round < (roundsOf(cell, scenarios) ?? plan.first))
        .map((cell) => ({ ...cell, round })),
    )
    const done = await runJobs(jobs, runner, onJob)
    breakdowns.push(...done.breakdowns)
    return done.samples
  })
  return { results, verdicts: bars.map((bar) => judge(bar, results)), breakdowns }
}

/**
 * Every bar gets its first rounds; one that looks failed gets more, one at a time, until it does not, or has had as
 * many as it may. So a disturbance of seconds fails nobody, and a bar that fails has failed over many rounds.
 */
export async function untilSettled(
  bars: readonly Bar[],
  scenarios: readonly Scenario[],
  { first, most }: Rounds,
  measure: (cells: readonly Cell[], rounds: readonly number[]) => Promise<readonly (Sample & { readonly job: Job })[]>,
): Promise<Result[]> {
  const samples = [...(await measure(cellsOf(bars, scenarios), [...Array(first).keys()]))]
  for (let round = first; round < most; round++) {
    const results = resultsOf(samples)
    const failed = bars.filter((bar) => fails(judge(bar, results)))
    if (failed.length === 0) break
    samples.push(...(await measure(cellsOf(failed, scenarios), [round])))
  }
  return resultsOf(samples)
}

/** What is to be measured for some bars, each cell once; nothing for a long one, or one whose scenario is not among these. */
export function cellsOf(bars: readonly Bar[], scenarios: readonly Scenario[]): Cell[] {
  const cells = bars
    .filter(({ scenario, long }) => !long && scenarios.some(({ id }) => id === scenario))
    .flatMap(({ scenario, column, contestant, against = [], held }) =>
      // The yardstick is 1 without being measured.
      [contestant, ...[...against, ...(held?.against ?? [])].filter((rival) => rival !== 'node')].map((name) => ({
        scenario,
        column,
        contestant: name,
      })),
    )
  return [...new Map(cells.map((cell) => [JSON.stringify(cell), cell])).values()]
}

/** The rounds that are enough for a cell, where its scenario says so. */
function roundsOf({ scenario: id }: Cell, scenarios: readonly Scenario[]): number | undefined {
  return scenarios.find((scenario) => scenario.id === id)?.rounds
}
