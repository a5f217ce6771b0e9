import { ReplayError } from '../errors.ts'
import { printable, quoted } from './printable.ts'

/** The columns of the retail file, by what they hold; the names are those of its releases. */
const names = {
  invoice: ['InvoiceNo', 'Invoice'],
  stockCode: ['StockCode'],
  description: ['Description'],
  quantity: ['Quantity'],
  timestamp: ['InvoiceDate'],
  price: ['UnitPrice', 'Price'],
  customer: ['CustomerID', 'Customer ID'],
  country: ['Country'],
} as const satisfies Record<string, readonly string[]>

export type ColumnKey = keyof typeof names

/** Where each column stands. */
export interface Columns {
  readonly at: Readonly<Record<ColumnKey, number>>
  /** The header as the file has it: a row has as many fields. */
  readonly header: readonly string[]
  /** Columns that the replay has no use for. */
  readonly unused: readonly string[]
}

/**
 * Finds the columns in a header row, in any order and either spelling; case, spaces and underscores do not matter.
 * Throws a {@link ReplayError} that names what is missing or there twice, and what was found.
 */
export function readHeader(path: string, fields: readonly string[]): Columns {
  const header = fields.map((field) => field.trim())
  const plain = header.map(simplified)
  const at: Partial<Record<ColumnKey, number>> = {}
  const missing: string[] = []
  const twice: string[] = []
  for (const [key, spellings] of Object.entries(names) as [ColumnKey, readonly string[]][]) {
    const accepted = new Set(spellings.map(simplified))
    const found = plain.flatMap((name, index) => (accepted.has(name) ? [index] : []))
    if (found.length === 0) missing.push(spellings.join(' or '))
    if (found.length > 1) twice.push(found.map((index) => header[index]!).join(' and '))
    if (found[0] !== undefined) at[key] = found[0]
  }
  const [only = ''] = header.length === 1 ? header : []
  const separator = separators.find(([character]) => only.includes(character))
  if (separator) throw wrongSeparator(path, separator[0], only)
  if (missing.length + twice.length > 0) throw wrongHeader(path, header, missing, twice)
  const used = new Set(Object.values(at))
  return { at: at as Record<ColumnKey, number>, header, unused: header.filter((_, index) => !used.has(index)) }
}

/** The two headers that the releases of the file have, for messages and help. */
export const headerSpellings: readonly string[] = [0, 1].map((release) =>
  Object.values(names)
    .map((spellings: readonly string[]) => spellings[release] ?? spellings[0])
    .join(','),
)

/** What else stands between fields, and its name. */
const separators = [
  [';', 'semicolons'],
  ['\t', 'tabs'],
] as const

/** A header whose fields are not separated by commas. Its first fields, at least, are `found`. */
export function wrongSeparator(path: string, separator: string, found: string): ReplayError {
  const name = separators.find(([character]) => character === separator)?.[1] ?? quoted(separator)
  return new ReplayError(
    'REPLAY_HEADER',
    `${path}, row 1: the fields are separated by ${name} instead of commas; found ${quoted(found, 300)}\n` +
      'Save the file as CSV with commas between fields and points in decimal numbers.',
    { details: { separator, found } },
  )
}

function simplified(name: string): string {
  return name.toLowerCase().replace(/[\s_]/g, '')
}

function wrongHeader(path: string, header: readonly string[], missing: string[], twice: string[]): ReplayError {
  const wrong = [
    missing.length > 0 ? `lacks ${missing.join(', ')}` : '',
    twice.length > 0 ? `has the same column twice: ${twice.map(printable).join('; ')}` : '',
  ].filter((part) => part !== '')
  return new ReplayError(
    'REPLAY_HEADER',
    `${path}, row 1: the header ${wrong.join(' and ')}; found ${quoted(header.join(','), 300)}\n` +
      `Expected, in any order: ${headerSpellings[0]}\n` +
      `or                      ${headerSpellings[1]}`,
    { details: { missing, twice, found: header } },
  )
}
