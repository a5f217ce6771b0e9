import { count, figure } from './plot.ts'
import type { Summary } from './statistics.ts'

/** A table; every column but the first is set to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = head.map((_, at) => (at === 0 ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** The same for a terminal: columns of spaces, the figures set to the right. */
export function textTable(rows: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((cell, at) => (right.includes(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The quartiles of a figure. */
export function spread({ low, high }: Summary): string {
  return `${figureOf(low)}–${figureOf(high)}`
}

/** A figure with its quartiles below. */
export function withSpread(value: Summary): string {
  return `${figureOf(value.median)}<br><sub>${spread(value)}</sub>`
}

/** A ratio, or a number that is none. */
export function figureOf(value: number): string {
  return value >= 1000 ? count(Math.round(value)) : figure(value)
}

/** The anchor of a heading. */
export function anchorOf(heading: string): string {
  return `#${heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')}`
}
