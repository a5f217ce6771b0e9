import { printable } from '../input/printable.ts'
import type { Style } from './terminal.ts'

/** A column of a table: its title, `right` for numbers. */
export interface TableColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** Lines of a table with aligned columns and a heading; cells are made safe for the terminal. */
export function table(columns: readonly TableColumn[], rows: readonly (readonly string[])[], style: Style): string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    columns
      .map(({ align }, at) => (align === 'right' ? row[at]!.padStart(widths[at]!) : row[at]!.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd()
  return [style('dim', line(columns.map(({ title }) => title))), ...cells.map(line)].map((text) => `  ${text}`)
}
