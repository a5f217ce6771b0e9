import type { Capabilities } from '@tidings/bus'
import type { ConformanceResult } from './case.ts'
import { conformanceCases } from './cases/all.ts'
import type { ConformanceReport } from './conformance.ts'

/**
 * What a report has shown, as JSON that is the same whenever the same was shown: to be kept beside the documentation, so
 * that `conformanceTable` can join the runs of several test files. The inverse is `reportFromJson`.
 */
export function reportToJson({ transport, capabilities, results }: ConformanceReport): string {
  const sorted = results.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const cases = Object.fromEntries(sorted.map(({ id, outcome, reason }) => [id, told(outcome, reason)]))
  return `${JSON.stringify({ transport, capabilities, cases }, (_, value: unknown) => (value === Infinity ? null : value), 2)}\n`
}

/** The report of which `reportToJson` has made JSON; errors and durations are not kept. */
export function reportFromJson(json: string): ConformanceReport {
  const { transport, capabilities, cases } = JSON.parse(json, (_, value: unknown) => value ?? Infinity) as {
    transport: string
    capabilities: Capabilities
    cases: Record<string, string>
  }
  const results = Object.entries(cases).map(([id, text]): ConformanceResult => {
    const [, outcome, reason] = /^(\w+)(?:: (.+))?$/.exec(text) as unknown as [string, Outcome, string | undefined]
    const title = conformanceCases.find((entry) => entry.id === id)?.title ?? 'not a case any more'
    return { id, title, outcome, reason, error: undefined, duration: 0 }
  })
  return { transport, capabilities, results }
}

type Outcome = ConformanceResult['outcome']

function told(outcome: Outcome, reason: string | undefined): string {
  return reason === undefined ? outcome : `${outcome}: ${reason}`
}
