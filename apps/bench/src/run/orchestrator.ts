import { execFile } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scenario } from '../scenarios/scenario.ts'
import type { Breakdown, Job, Sample } from './job.ts'
import { seeded, shuffled } from './random.ts'

/** What is to be run. */
export interface Plan {
  readonly scenarios: readonly Scenario[]
  readonly rounds: number
  readonly seed: number
  /** Columns to measure; default all. */
  readonly columns?: (scenario: Scenario) => readonly string[]
}

/** Every job of a plan: round by round, each round in a random order of its own. */
export function jobsOf({ scenarios, rounds, seed, columns = (scenario) => scenario.columns }: Plan): Job[] {
  const random = seeded(seed)
  return Array.from({ length: rounds }, (_, round) => {
    const jobs = scenarios
      .filter((scenario) => round < (scenario.rounds ?? rounds))
      .flatMap((scenario) =>
        columns(scenario).flatMap((column) =>
          Object.keys(scenario.contestants)
            .filter((contestant) => scenario.leftOut?.(contestant, column) === undefined)
            .map((contestant) => ({ scenario: scenario.id, column, contestant, round })),
        ),
      )
    return shuffled(jobs, random)
  }).flat()
}

/** Told before each job. */
export type OnJob = (job: Job, done: number, total: number) => void

/** Does the jobs one at a time, each in a new process of `node`: two at once would disturb each other. */
export async function runJobs(
  jobs: readonly Job[],
  node: string,
  onJob: OnJob,
): Promise<{ samples: (Sample & { readonly job: Job })[]; breakdowns: Breakdown[] }> {
  const samples: (Sample & { job: Job })[] = []
  const breakdowns: Breakdown[] = []
  for (const [done, job] of jobs.entries()) {
    onJob(job, done, jobs.length)
    try {
      samples.push({ job, ...(await runJob(job, node)) })
    } catch (error) {
      breakdowns.push({ job, message: error instanceof Error ? error.message : String(error) })
    }
  }
  return { samples, breakdowns }
}

const main = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))
const patience = 120_000

function runJob(job: Job, node: string): Promise<Sample> {
  // Where the sources run, not what is built of them, Node 22 warns that it strips types.
  const flags = ['--disable-warning=ExperimentalWarning', ...(job.scenario === 'memory' ? ['--expose-gc'] : [])]
  return new Promise((resolve, reject) => {
    execFile(node, [...flags, main, 'job', JSON.stringify(job)], { timeout: patience }, (error, stdout, stderr) => {
      if (error) reject(new Error(error.killed ? `it did not end within ${patience / 1000} s` : reasonIn(stderr)))
      else resolve(JSON.parse(stdout) as Sample)
    })
  })
}

/** The line of a stack trace that says what happened. */
function reasonIn(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim())
  return (
    lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.findLast((line) => line !== '') ?? 'it ended without a word'
  )
}
