import type { Capabilities } from '@tidings/bus'
import type { ConformanceReport } from './conformance.ts'

/**
 * What several transports can do, and how they did, as Markdown: a table of the capabilities, a table of the cases, and
 * for each case that did not run the reason.
 */
export function conformanceTable(reports: readonly ConformanceReport[]): string {
  const names = reports.map(({ transport }) => transport)
  const capabilities = Object.keys(reports[0]?.capabilities ?? {}) as (keyof Capabilities)[]
  const cases = new Map(
    reports.flatMap(({ results }) => results.map(({ id, title }) => [id, title] as const)).toSorted(byId),
  )
  const result = (report: ConformanceReport, id: string): ConformanceReport['results'][number] | undefined =>
    report.results.find((result) => result.id === id)
  const reasons = [...cases.keys()].flatMap((id) =>
    reports.flatMap((report) => {
      const reason = result(report, id)?.reason
      return reason === undefined ? [] : [`- ${id}: ${reason}`]
    }),
  )
  return [
    ...table(
      ['capability', ...names],
      capabilities.map((name) => [
        `\`${name}\``,
        ...reports.map(({ capabilities }) => shownCapability(capabilities[name])),
      ]),
    ),
    '',
    ...table(
      ['case', 'what holds', ...names],
      [...cases].map(([id, title]) => [
        id,
        title,
        ...reports.map((report) => signs[result(report, id)?.outcome ?? 'missing']),
      ]),
    ),
    ...(reasons.length > 0 ? ['', ...reasons] : []),
    '',
  ].join('\n')
}

const signs = { passed: 'yes', failed: '**no**', skipped: 'does not apply', missing: 'not run' } as const

function byId([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  )
}

function shownCapability(value: Capabilities[keyof Capabilities] | undefined): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return value === Infinity ? 'no bound' : String(value ?? 'unknown')
}
