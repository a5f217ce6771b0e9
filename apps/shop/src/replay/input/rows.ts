import { DuplicateIndex } from '../retail/duplicates.ts'
import type { InvoiceLine } from '../retail/events.ts'
import {
  brokenByCountry,
  brokenByCustomer,
  brokenByDescription,
  brokenByInvoice,
  brokenByPrice,
  brokenByQuantity,
  brokenByStockCode,
  duplicateBit,
  kindOf,
  rulesIn,
  type Kind,
  type RuleBits,
} from '../retail/rules.ts'
import type { RejectReason } from '../rejects.ts'
import { parseInteger, parseMills } from './decimal.ts'
import type { ColumnKey, Columns } from './header.ts'
import { Interner } from './interner.ts'
import { isDayFirst, parseTimestamp } from './timestamp.ts'

/** What a row becomes: the input of an event of its kind. */
export interface Row {
  readonly kind: Kind
  readonly line: InvoiceLine
}

/** Why a row is malformed. */
export interface Refusal {
  readonly reason: RejectReason
  /** Undefined where it is the whole row. */
  readonly column: ColumnKey | undefined
  readonly value: string
  /** Where the facts of the row say more than the reason does. */
  readonly message?: string
}

interface Text {
  readonly text: string
  readonly id: number
  readonly bits: RuleBits
}

/** Turns records into event inputs. It knows the rows before, so give it each row once and in order. */
export class RowReader {
  readonly #columns: Columns
  readonly #duplicates = new DuplicateIndex()
  readonly #invoices = new Interner(notBlank, (text, id) => {
    const kind = kindOf(text)
    return { text, id, kind, bits: brokenByInvoice(kind) }
  })
  readonly #stockCodes = new Interner(notBlank, texts(brokenByStockCode))
  readonly #descriptions = new Interner(asItIs, texts(brokenByDescription))
  readonly #timestamps = new Interner(
    parseTimestamp,
    texts(() => 0),
  )
  readonly #countries = new Interner(asItIs, texts(brokenByCountry))
  readonly #customers = new Interner(parseCustomer, (text, id) => ({ text, id, bits: brokenByCustomer(text) }))

  constructor(columns: Columns) {
    this.#columns = columns
  }

  /** What the record of spreadsheet row `row` becomes; `refused` where it is malformed. */
  read(fields: readonly string[], row: number): Row | { readonly refused: Refusal } {
    const { at, header } = this.#columns
    if (fields.length !== header.length) return wrongCount(fields, header.length)
    const invoice = this.#invoices.of(fields[at.invoice]!)
    if (!invoice) return refused('empty-invoice', 'invoice', fields[at.invoice]!)
    const stockCode = this.#stockCodes.of(fields[at.stockCode]!)
    if (!stockCode) return refused('empty-stock-code', 'stockCode', fields[at.stockCode]!)
    const description = this.#descriptions.of(fields[at.description]!)!
    const quantity = parseInteger(fields[at.quantity]!)
    if (quantity === undefined) return badQuantity(fields[at.quantity]!)
    const timestamp = this.#timestamps.of(fields[at.timestamp]!)
    if (!timestamp) return badDate(fields[at.timestamp]!)
    const price = parseMills(fields[at.price]!)
    if (price === undefined) return badPrice(fields[at.price]!)
    const customer = this.#customers.of(fields[at.customer]!)
    if (!customer) return refused('bad-customer', 'customer', fields[at.customer]!)
    const country = this.#countries.of(fields[at.country]!)!
    // A product beyond the safe integers is rounded to one that is not safe either, never to one that is.
    const amount = quantity * price
    if (!Number.isSafeInteger(amount)) return refused('number-too-large', 'quantity', fields[at.quantity]!)

    const fresh = this.#duplicates.add([
      invoice.id,
      stockCode.id,
      description.id,
      timestamp.id,
      customer.id,
      country.id,
      quantity,
      price,
    ])
    const bits =
      invoice.bits |
      stockCode.bits |
      description.bits |
      customer.bits |
      country.bits |
      brokenByQuantity(quantity, invoice.kind) |
      brokenByPrice(price) |
      (fresh ? 0 : duplicateBit)
    return {
      kind: invoice.kind,
      line: {
        row,
        invoice: invoice.text,
        stockCode: stockCode.text,
        description: description.text,
        quantity,
        unitPriceMills: price,
        amountMills: amount === 0 ? 0 : amount,
        customer: customer.text,
        country: country.text,
        invoicedAt: timestamp.text,
        brokenRules: rulesIn(bits),
      },
    }
  }
}

function refused(reason: RejectReason, column: ColumnKey | undefined, value: string): { readonly refused: Refusal } {
  return { refused: { reason, column, value } }
}

function wrongCount(fields: readonly string[], expected: number): { readonly refused: Refusal } {
  if (fields.length === 1 && fields[0]!.trim() === '') return refused('blank-line', undefined, fields[0]!)
  const message = `the row has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'} where the header has ${expected}`
  return { refused: { reason: 'field-count', column: undefined, value: fields.join(','), message } }
}

function badQuantity(text: string): { readonly refused: Refusal } {
  return refused(/^-?\d+$/.test(text) ? 'number-too-large' : 'bad-quantity', 'quantity', text)
}

function badDate(text: string): { readonly refused: Refusal } {
  if (!isDayFirst(text)) return refused('bad-date', 'timestamp', text)
  // Told apart, because rows of the first twelve days of a month go through, and are wrong.
  const message =
    'the month comes first in a date with slashes, as 1/31/2011 16:59; if this file has the day first, ' +
    'other rows were misread: write its dates as 2011-01-31 16:59'
  return { refused: { reason: 'bad-date', column: 'timestamp', value: text, message } }
}

function badPrice(text: string): { readonly refused: Refusal } {
  if (!/^-?\d+(?:\.\d+)?$/.test(text)) return refused('bad-price', 'price', text)
  return refused(/\.\d{3}0*$|\.\d{0,2}$|^-?\d+$/.test(text) ? 'number-too-large' : 'price-too-fine', 'price', text)
}

function texts(broken: (text: string) => RuleBits): (text: string, id: number) => Text {
  return (text, id) => ({ text, id, bits: broken(text) })
}

function asItIs(text: string): string {
  return text
}

function notBlank(text: string): string | undefined {
  return text.trim() === '' ? undefined : text
}

/** `17850` and `17850.0` are one customer; an empty field is none. */
function parseCustomer(text: string): string | null | undefined {
  if (text === '') return null
  const [, digits] = /^0*(\d+)(?:\.0+)?$/.exec(text) ?? []
  return digits
}
