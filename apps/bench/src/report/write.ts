import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type PageName, pages, type Scenario } from '../scenarios/scenario.ts'
import { markdownOf } from './markdown.ts'
import { plotsOf } from './plots.ts'
import { partOf, type Report } from './report.ts'

/**
 * Writes a page of a report into a folder of documents, and its plots and its JSON into a folder beside it that has the
 * page's name. The files of both, below the folder.
 */
export function writePage(report: Report, scenarios: readonly Scenario[], page: PageName, folder: string): string {
  const { file } = pages[page]
  const part = partOf(report, scenarios, page)
  const plots = plotsOf(scenarios, part.results)
  const beside = join(folder, file)
  mkdirSync(beside, { recursive: true })
  for (const old of globSync('*.svg', { cwd: beside })) rmSync(join(beside, old))
  for (const { file: name, svg } of plots) writeFileSync(join(beside, name), svg)
  writeFileSync(join(beside, 'report.json'), jsonOf(part))
  writeFileSync(join(folder, `${file}.md`), markdownOf(part, scenarios, plots, page))
  return `${file}.md, ${file}/`
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
