import { environmentOf, load } from '../environment.ts'
import { bars, judge } from '../report/bars.ts'
import { type Report, type Result, type Retail, resultsOf } from '../report/report.ts'
import type { Request } from '../arguments.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { jobsOf, runJobs } from './orchestrator.ts'
import { progressOn, type Screen } from './progress.ts'
import { replayRetail } from './retail.ts'
import { takeSnapshot } from './snapshot.ts'

/** Measures what is requested and judges it. Rejects when the signal aborts. */
export async function measureAll(
  request: Request,
  scenarios: readonly Scenario[],
  screen: Screen,
  signal: AbortSignal,
): Promise<Report> {
  const { quick, only, rounds, seed, node } = request
  const start = performance.now()
  const before = load()
  const columns = (scenario: Scenario): readonly string[] => (quick ? (scenario.quick ?? []) : scenario.columns)
  const jobs = jobsOf({ scenarios: only ?? scenarios, rounds, seed, columns })
  const snapshot = takeSnapshot()
  const runner = { node, main: snapshot.main, signal }
  const { samples, breakdowns } = await runJobs(jobs, runner, progressOn(screen, scenarios)).finally(snapshot.remove)
  const retail = await replayRetail(request.retail, Math.min(rounds, 3), node)
  const results = resultsOf(samples)
  const judged = [...results, ...retailResults(retail)]
  return {
    mode: only ? 'partial' : quick ? 'quick' : 'full',
    environment: { ...environmentOf(node, scenarios), load: [before, load()] },
    rounds,
    seed,
    minutes: Math.round((performance.now() - start) / 6000) / 10,
    results,
    retail,
    verdicts: bars.map((bar) => judge(bar, judged)),
    breakdowns,
  }
}

/** The replay as the bars see it. */
function retailResults(retail: Retail): Result[] {
  if ('leftOut' in retail) return []
  return [{ scenario: 'retail', column: 'speed', contestant: 'shop', figure: retail.speed }]
}
