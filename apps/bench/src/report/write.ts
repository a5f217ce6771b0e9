import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Scenario } from '../scenarios/scenario.ts'
import { markdownOf } from './markdown.ts'
import { plotsOf } from './plots.ts'
import type { Report } from './report.ts'

/** Writes `benchmarks.md` into a folder of documents, and the plots and the JSON into `benchmarks` beside it. */
export function writeReport(report: Report, scenarios: readonly Scenario[], folder: string): void {
  const plots = plotsOf(scenarios, report.results)
  const pictures = join(folder, 'benchmarks')
  mkdirSync(pictures, { recursive: true })
  for (const old of globSync('*.svg', { cwd: pictures })) rmSync(join(pictures, old))
  for (const { file, svg } of plots) writeFileSync(join(pictures, file), svg)
  writeFileSync(join(pictures, 'report.json'), jsonOf(report))
  writeFileSync(join(folder, 'benchmarks.md'), markdownOf(report, scenarios, plots, 'benchmarks'))
}

/** JSON as the formatter of the repository leaves it: what holds no other object or list stands on one line. */
export function jsonOf(report: Report): string {
  return `${textOf(report, 0, '')}\n`
}

const lineWidth = 120

function textOf(value: unknown, depth: number, key: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const list = Array.isArray(value)
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  const [open, close] = list ? ['[', ']'] : ['{', '}']
  if (entries.length === 0) return open + close
  const inner = '  '.repeat(depth + 1)
  const parts = entries.map(([name, each]) => {
    const label = list ? '' : `${JSON.stringify(name)}: `
    return label + textOf(each, depth + 1, label)
  })
  if (entries.every(([, each]) => typeof each !== 'object' || each === null)) {
    const line = list ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`
    if (depth * 2 + key.length + line.length < lineWidth) return line
  }
  return `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${'  '.repeat(depth)}${close}`
}
