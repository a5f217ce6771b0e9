import { stripVTControlCharacters } from 'node:util'
import type { FiguresReport } from '../figures/figures.ts'
import type { ProductReport } from '../figures/products.ts'
import { type Reject, rejectLine } from '../rejects.ts'
import type { Outcome } from '../run.ts'
import type { ShopReport } from '../shop.ts'
import { count, duration, mebibytes, pounds } from './numbers.ts'
import { table, type TableColumn } from './table.ts'
import type { Style } from './terminal.ts'

/** The report for people. `memory` is the peak in bytes, `width` how many characters a line of a table may have. */
export function humanReport(outcome: Outcome, memory: number, style: Style, width = Infinity): string {
  return written([
    summary(outcome, memory, style),
    ...figures(outcome.shop, style, width),
    section(style, 'Rejected rows', rejectTable(outcome, style, width)),
  ])
}

/** What an archive answers, for people: `title` says of what and when. */
export function archiveReport(
  title: string,
  shop: ShopReport,
  seconds: number,
  style: Style,
  width = Infinity,
): string {
  const facts: Fact[] = [['rows', count(shop.totals.rows)], ...counted(shop), ['answered', `in ${duration(seconds)}`]]
  return written([listed(title, facts, style), ...figures(shop, style, width)])
}

/** The tables of what views have learned. */
function figures(shop: ShopReport, style: Style, width: number): string[][] {
  const months = Object.entries(shop.months)
  const countries = Object.entries(shop.countries).toSorted(([, a], [, b]) => b.revenue_net_mills - a.revenue_net_mills)
  return [
    section(style, 'By country', figuresTable('country', countries, shop.totals, style, width)),
    section(style, 'By month', figuresTable('month', months, shop.totals, style, width)),
    section(style, 'Products by net revenue, the first 20', productTable(shop.products.revenue_net, style, width)),
    section(style, 'Rows that break a rule (accepted, and flagged)', ruleTable(shop, style)),
  ]
}

function written(sections: readonly string[][]): string {
  return sections
    .filter((lines) => lines.length > 0)
    .map(joined)
    .join('\n')
}

function joined(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`
}

function section(style: Style, title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [style('bold', title), ...lines]
}

type Fact = readonly [name: string, fact: string]

function summary(outcome: Outcome, memory: number, style: Style): string[] {
  const { file, status, accepted, rejected, seconds, kept, shop } = outcome
  const rows = accepted + rejected
  const heading = { complete: 'Replayed', interrupted: 'Stopped while replaying', failed: 'Could not finish' }[status]
  const facts: Fact[] = [
    ['rows', `${count(rows)} = ${count(accepted)} accepted + ${count(rejected)} rejected`],
    ...(kept === undefined ? [] : [['kept', `${count(kept.added)} added, ${count(kept.before)} were there`] as const]),
    ...counted(shop),
    ['speed', `${count(Math.round(rows / Math.max(seconds, 0.001)))} rows/s over ${duration(seconds)}`],
    ['peak memory', mebibytes(memory)],
  ]
  return listed(`${heading} ${file}`, facts, style)
}

function counted({ kinds: { sale = 0, cancellation = 0, other = 0 }, totals }: ShopReport): Fact[] {
  return [
    ['events', `${count(sale)} sales, ${count(cancellation)} cancellations, ${count(other)} adjustments`],
    ['invoices', `${count(totals.invoices)} of ${count(totals.customers)} known customers`],
    ['units', `${count(totals.units_net)} net, ${count(totals.units_cancelled)} cancelled`],
    ['revenue', `£${pounds(totals.revenue_net_mills)} net, £${pounds(totals.revenue_clean_mills)} clean`],
  ]
}

function listed(title: string, facts: readonly Fact[], style: Style): string[] {
  return [style('bold', title), ...facts.map(([name, fact]) => `  ${style('dim', name.padEnd(11))}  ${fact}`)]
}

const right = 'right'

function figuresTable(
  title: string,
  groups: readonly (readonly [string, FiguresReport])[],
  totals: FiguresReport,
  style: Style,
  width: number,
): string[] {
  if (groups.length === 0) return []
  const columns: TableColumn[] = [
    { title },
    { title: 'rows', align: right },
    { title: 'invoices', align: right, leaveOut: 4 },
    { title: 'customers', align: right, leaveOut: 3 },
    { title: 'units net', align: right, leaveOut: 2 },
    { title: 'revenue net £', align: right },
    { title: 'cancelled £', align: right, leaveOut: 1 },
    { title: 'clean £', align: right, leaveOut: 5 },
  ]
  const line = (name: string, figures: FiguresReport): string[] => [
    name === '' ? '(none)' : name,
    count(figures.rows),
    count(figures.invoices),
    count(figures.customers),
    count(figures.units_net),
    pounds(figures.revenue_net_mills),
    pounds(figures.revenue_cancelled_mills),
    pounds(figures.revenue_clean_mills),
  ]
  return table(columns, [...groups.map(([name, figures]) => line(name, figures)), line('all', totals)], style, width)
}

function productTable(products: readonly ProductReport[], style: Style, width: number): string[] {
  if (products.length === 0) return []
  const columns: TableColumn[] = [
    { title: 'stock code' },
    { title: 'units net', align: right, leaveOut: 1 },
    { title: 'revenue net £', align: right },
    { title: 'description', leaveOut: 2 },
  ]
  return table(
    columns,
    products.map(({ stock_code, units, revenue_mills, description }) => [
      stock_code,
      count(units),
      pounds(revenue_mills),
      description ?? '–',
    ]),
    style,
    width,
  )
}

function ruleTable(shop: ShopReport, style: Style): string[] {
  const broken = shop.ruleCounts.filter(({ rows }) => rows > 0)
  if (broken.length === 0) return []
  const columns: TableColumn[] = [
    { title: 'rule' },
    { title: 'rows', align: right },
    { title: 'first row', align: right },
  ]
  return table(
    columns,
    broken.map(({ rule, rows, firstRow }) => [rule, count(rows), String(firstRow)]),
    style,
  )
}

function rejectTable({ rejects }: Outcome, style: Style, width: number): string[] {
  if (rejects.length === 0) return []
  const columns: TableColumn[] = [{ title: 'reason' }, { title: 'rows', align: right }, { title: 'first' }]
  const lines = (text: (first: Reject) => string): string[] =>
    table(
      columns,
      rejects.map(({ reason, rows, first }) => [reason, count(rows), text(first)]),
      style,
    )
  const whole = lines(rejectLine)
  return whole.some((line) => stripVTControlCharacters(line).length > width) ? lines(({ row }) => `row ${row}`) : whole
}
