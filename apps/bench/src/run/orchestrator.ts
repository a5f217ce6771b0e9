import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scenario } from '../scenarios/scenario.ts'
import type { Breakdown, Job, Sample } from './job.ts'
import { seeded, shuffled } from './random.ts'

/** What is to be run. */
export interface Plan {
  readonly scenarios: readonly Scenario[]
  readonly rounds: number
  readonly seed: number
}

/** Every job of a plan: round by round, each round in a random order of its own. */
export function jobsOf({ scenarios, rounds, seed }: Plan): Job[] {
  const random = seeded(seed)
  return Array.from({ length: rounds }, (_, round) => {
    const jobs = scenarios
      .filter((scenario) => round < (scenario.rounds ?? rounds))
      .flatMap((scenario) =>
        scenario.columns.flatMap((column) =>
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

/** What runs the jobs. */
export interface Runner {
  /** The path of a Node. */
  readonly node: string
  /** The path of the bench's entry. */
  readonly main: string
  /** Ends the job that runs; those that follow are not begun. */
  readonly signal?: AbortSignal
}

/**
 * Does the jobs one at a time, each in a new process: two at once would disturb each other. Rejects when the signal
 * aborts.
 */
export async function runJobs(
  jobs: readonly Job[],
  runner: Runner,
  onJob: OnJob,
): Promise<{ samples: (Sample & { readonly job: Job })[]; breakdowns: Breakdown[] }> {
  const samples: (Sample & { job: Job })[] = []
  const breakdowns: Breakdown[] = []
  for (const [done, job] of jobs.entries()) {
    onJob(job, done, jobs.length)
    try {
      samples.push({ job, ...(await runJob(job, runner)) })
    } catch (error) {
      runner.signal?.throwIfAborted()
      breakdowns.push({ job, message: error instanceof Error ? error.message : String(error) })
    }
  }
  return { samples, breakdowns }
}

const patience = 120_000

function runJob(job: Job, { node, main, signal }: Runner): Promise<Sample> {
  // Where the sources run, not what is built of them, Node 22 warns that it strips types.
  const flags = ['--disable-warning=ExperimentalWarning', ...(job.scenario === 'memory' ? ['--expose-gc'] : [])]
  // Whatever it leaves behind goes with the folder, also where it is killed.
  const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-job-'))
  const env = { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder }
  const options = { timeout: patience, env, ...(signal ? { signal } : {}) }
  return new Promise((resolve, reject) => {
    execFile(node, [...flags, main, 'job', JSON.stringify(job)], options, (error, stdout, stderr) => {
      rmSync(folder, { recursive: true, force: true })
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
