import type { Request } from '../arguments.ts'
import { engineOf, environmentOf, load } from '../environment.ts'
import { bars } from '../report/bars.ts'
import { judge } from '../report/judge.ts'
import { type Loaded, type OtherNode, type Report, type Result, type Retail, resultsOf } from '../report/report.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { busyCores } from './busy.ts'
import { measureBars, type Measured } from './measure-bars.ts'
import { jobsOf, runJobs } from './orchestrator.ts'
import { progressOn, type Screen } from './progress.ts'
import { replayRetail } from './retail.ts'
import { serversFor } from './servers.ts'
import { takeSnapshot } from './snapshot.ts'

/** Measures what is requested and judges it. Rejects when the signal aborts. */
export async function measureAll(
  request: Request,
  all: readonly Scenario[],
  screen: Screen,
  signal: AbortSignal,
): Promise<Report> {
  const { quick, only, rounds, seed, node } = request
  const asked = only ?? all.filter(({ page }) => request.pages.includes(page ?? 'process'))
  // The bars alone are those of one process and of a file: a server takes longer to begin than they take.
  const servers = await serversFor(quick ? [] : asked)
  const there = ({ server }: Scenario): boolean => server === undefined || (!quick && !servers.missing.has(server))
  const scenarios = asked.filter(there)
  for (const reason of servers.missing.values()) screen.write(`left out: ${reason}\n`)
  const start = performance.now()
  const before = load()
  const snapshot = takeSnapshot()
  // Now: what is committed meanwhile is not what is measured.
  const environment = environmentOf(node, scenarios)
  const told = progressOn(screen, scenarios)
  /** The bars and no more, by some Node. */
  const barsBy = (path: string): Promise<Measured> => {
    const plan = { first: rounds, most: rounds * patience, seed }
    return measureBars(bars, scenarios, plan, { node: path, main: snapshot.main, signal }, told)
  }
  try {
    const here = quick ? await barsBy(node) : await everything(scenarios)
    const retail = await replayRetail(request.retail, Math.min(rounds, 3), node)
    const loaded = request.loaded ? await underLoad(() => barsBy(node)) : undefined
    const others: (Measured & Omit<OtherNode, 'verdicts'>)[] = []
    for (const path of request.nodes) others.push({ ...engineOf(path), ...(await barsBy(path)) })
    const judged = [...here.results, ...retailResults(retail)]
    return {
      mode: only ? 'partial' : quick ? 'quick' : 'full',
      environment: { ...environment, load: [before, load()] },
      rounds,
      seed,
      minutes: Math.round((performance.now() - start) / 6000) / 10,
      results: here.results,
      retail,
      verdicts: bars.map((bar) => judge(bar, judged)),
      ...(loaded ? { loaded: { busy: loaded.busy, load: loaded.load, verdicts: loaded.verdicts } } : {}),
      nodes: others.map(({ node: version, v8, verdicts }) => ({ node: version, v8, verdicts })),
      breakdowns: [here, ...(loaded ? [loaded] : []), ...others].flatMap(({ breakdowns }) => breakdowns),
    }
  } finally {
    snapshot.remove()
    await servers.close()
  }

  async function everything(asked: readonly Scenario[]): Promise<Pick<Measured, 'results' | 'breakdowns'>> {
    const jobs = jobsOf({ scenarios: asked, rounds, seed })
    const { samples, breakdowns } = await runJobs(jobs, { node, main: snapshot.main, signal }, told)
    return { results: resultsOf(samples), breakdowns }
  }
}

/** How many times its first rounds a bar may get that looks failed. */
const patience = 4

async function underLoad(measure: () => Promise<Measured>): Promise<Measured & Omit<Loaded, 'verdicts'>> {
  using busy = busyCores()
  const measured = await measure()
  return { ...measured, busy: busy.count, load: load() }
}

/** The replay as the bars see it. */
function retailResults(retail: Retail): Result[] {
  if ('leftOut' in retail) return []
  const cell = { scenario: 'retail', contestant: 'shop' }
  return [
    { ...cell, column: 'speed', figure: retail.speed },
    { ...cell, column: 'flatness', figure: retail.flatness },
    { ...cell, column: 'durable', figure: retail.durable.speed },
  ]
}
