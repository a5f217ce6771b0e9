import { groups } from '../scenarios/scenario.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { OnJob } from './orchestrator.ts'

/** A stream to show progress on: `process.stderr` is one. */
export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Shows how far the jobs are: one line that changes on a terminal, else one every 30 seconds. */
export function progressOn(
  screen: Screen,
  scenarios: readonly Scenario[],
  now = (): number => performance.now(),
): OnJob {
  const start = now()
  let written = -Infinity
  return (job, done, total) => {
    const last = done === total - 1
    if (!screen.isTTY && !last && now() - written < 30_000) return
    written = now()
    const left = done === 0 ? '' : `, ${minutesOf(((now() - start) / done) * (total - done))} left`
    const scenario = scenarios.find(({ id }) => id === job.scenario)
    const where = scenario ? `${groups[scenario.group]}: ${scenario.title}` : job.scenario
    const line = `[${done + 1}/${total}${left}] ${where}, ${job.column}, ${job.contestant}`
    screen.write(screen.isTTY ? `\r\x1B[K${line}${last ? '\n' : ''}` : `${line}\n`)
  }
}

function minutesOf(milliseconds: number): string {
  return milliseconds < 90_000 ? `${Math.ceil(milliseconds / 1000)} s` : `${Math.ceil(milliseconds / 60_000)} min`
}
