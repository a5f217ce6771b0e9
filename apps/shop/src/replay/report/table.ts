import { printable } from '../input/printable.ts'
import type { Style } from './terminal.ts'

/** A column of a table: its title, `right` for numbers. */
export interface TableColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** Where the table is too wide, columns that have this are left out, the lowest first. Default: never. */
  readonly leaveOut?: number
}

/**
 * Lines of a table with aligned columns and a heading; cells are made safe for the terminal. Columns are left out until
 * the lines have at most `width` characters, as far as columns may be; default: none are.
 */
export function table(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: Style,
  width = Infinity,
): string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)))
  const kept = fitting(columns, widths, width)
  const line = (row: readonly string[]): string =>
    kept
      .map((at) => (columns[at]!.align === 'right' ? row[at]!.padStart(widths[at]!) : row[at]!.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd()
  return [style('dim', line(columns.map(({ title }) => title))), ...cells.map(line)].map((text) => `  ${text}`)
}

/** The columns, by their places, that are left in a table of at most `width` characters. */
function fitting(columns: readonly TableColumn[], widths: readonly number[], width: number): number[] {
  const kept = [...columns.keys()]
  const dispensable = kept
    .filter((at) => columns[at]!.leaveOut !== undefined)
    .toSorted((a, b) => columns[a]!.leaveOut! - columns[b]!.leaveOut!)
  // Each column has two spaces before it.
  const total = (): number => kept.reduce((sum, at) => sum + 2 + widths[at]!, 0)
  for (const at of dispensable) {
    if (total() <= width) break
    kept.splice(kept.indexOf(at), 1)
  }
  return kept
}
