import type { CsvProblemKind } from './input/csv.ts'

/** Why a row is no event. */
export type RejectReason =
  | CsvProblemKind
  | 'blank-line'
  | 'field-count'
  | 'empty-invoice'
  | 'empty-stock-code'
  | 'bad-quantity'
  | 'bad-date'
  | 'bad-price'
  | 'price-too-fine'
  | 'number-too-large'
  | 'bad-customer'
  | 'invalid-event'

/** A row that is no event. */
export interface Reject {
  readonly file: string
  /** The spreadsheet row: the header is row 1. */
  readonly row: number
  /** The physical line that it begins on. */
  readonly line: number
  /** The column as the header names it; empty where it is the whole row. */
  readonly column: string
  /** In double quotes, shortened, what is not printable escaped. */
  readonly value: string
  readonly reason: RejectReason
  /** What is wrong and what would be right. */
  readonly message: string
}

/** What each reason says. */
export const rejectMessages: Readonly<Record<RejectReason, string>> = {
  'stray-quote': 'a quote stands in a field without quotes: quote the field and double the quotes in it',
  'text-after-quote': 'text follows a closing quote: double the quotes within a quoted field',
  'unclosed-quote': 'a quote is opened and never closed; reading went on with the next line',
  'invalid-utf8': 'the bytes are not UTF-8; the file may be Latin-1: convert it with iconv -f latin1 -t utf-8',
  'row-too-long': 'the row is longer than 1 MiB (is a quote left open?); reading went on with the next line',
  'cut-off': 'the file broke off within this row',
  'blank-line': 'the line is blank',
  'field-count': 'the row has another number of fields than the header',
  'empty-invoice': 'the invoice number is empty',
  'empty-stock-code': 'the stock code is empty',
  'bad-quantity': 'the quantity must be a whole number such as 6 or -6',
  'bad-date': 'the date must be one that exists, with a time, as 2011-01-31 16:59 or (month first) 1/31/2011 16:59',
  'bad-price': 'the price must be a decimal number such as 2.55',
  'price-too-fine': 'the price must have at most 3 decimals: money is counted in thousandths of a pound',
  'number-too-large': 'the number is too large to be counted exactly',
  'bad-customer': 'the customer must be digits, as 17850 or 17850.0, or empty',
  'invalid-event': 'the event that the row makes does not match its schema',
}

/** How often a reason occurred, and where first. */
export interface RejectCount {
  readonly reason: RejectReason
  readonly rows: number
  readonly first: Reject
}

/** Counts rejects by reason; keeps the first of each and no more. */
export class RejectCounts {
  readonly #byReason = new Map<RejectReason, { rows: number; readonly first: Reject }>()
  #total = 0

  get total(): number {
    return this.#total
  }

  add(reject: Reject): void {
    this.#total++
    const count = this.#byReason.get(reject.reason)
    if (count) count.rows++
    else this.#byReason.set(reject.reason, { rows: 1, first: reject })
  }

  /** The commonest first; equal ones in the order of their first rows. */
  list(): RejectCount[] {
    return [...this.#byReason].map(([reason, count]) => ({ reason, ...count })).toSorted((a, b) => b.rows - a.rows)
  }
}

/** A reject as one line: file, row, column, value, and what is wrong. */
export function rejectLine({ file, row, line, column, value, message }: Reject): string {
  const place = `${file}, row ${row}${line === row ? '' : ` (line ${line})`}${column === '' ? '' : `, ${column}`}`
  return `${place}: ${value}: ${message}`
}
