import { formatMills } from '../input/decimal.ts'
import { CancellationRecorded, type InvoiceLine, type RetailEvent, SaleRecorded } from '../retail/events.ts'
import { plus } from './exact.ts'

/** What the reports tell of a set of lines. Money is in mills; the texts beside it say the same in pounds. */
export interface FiguresReport {
  rows: number
  invoices: number
  sale_invoices: number
  cancellation_invoices: number
  customers: number
  units_net: number
  revenue_net_mills: number
  revenue_net: string
  units_cancelled: number
  revenue_cancelled_mills: number
  clean_rows: number
  clean_invoices: number
  clean_customers: number
  units_clean: number
  revenue_clean_mills: number
  revenue_clean: string
}

/** Whether analyses may take a line at its word: a sale of a positive quantity at a positive price to a known customer. */
export function isClean({ type, data }: RetailEvent): boolean {
  return type === SaleRecorded.type && data.quantity > 0 && data.unitPriceMills > 0 && data.customer !== null
}

/**
 * Sums up lines. `net` is over all of them as they stand: sales, cancellations, adjustments, duplicates included.
 */
export class Figures {
  #rows = 0
  #units = 0
  #revenue = 0
  #unitsCancelled = 0
  #revenueCancelled = 0
  #cleanRows = 0
  #unitsClean = 0
  #revenueClean = 0
  #saleInvoices = 0
  #cancellationInvoices = 0
  readonly #invoices = new Set<string>()
  readonly #customers = new Set<string>()
  readonly #cleanInvoices = new Set<string>()
  readonly #cleanCustomers = new Set<string>()
  // Lines of one invoice follow each other: these save most look-ups in the sets.
  #last: string | undefined
  #lastClean: string | undefined

  add(event: RetailEvent): void {
    const { data } = event
    this.#rows++
    this.#units = plus(this.#units, data.quantity)
    this.#revenue = plus(this.#revenue, data.amountMills)
    if (event.type === CancellationRecorded.type) {
      this.#unitsCancelled = plus(this.#unitsCancelled, data.quantity)
      this.#revenueCancelled = plus(this.#revenueCancelled, data.amountMills)
    }
    if (data.customer !== null) this.#customers.add(data.customer)
    if (data.invoice !== this.#last) this.#addInvoice(event)
    if (isClean(event)) this.#addClean(data)
  }

  report(): FiguresReport {
    return {
      rows: this.#rows,
      invoices: this.#invoices.size,
      sale_invoices: this.#saleInvoices,
      cancellation_invoices: this.#cancellationInvoices,
      customers: this.#customers.size,
      units_net: this.#units,
      revenue_net_mills: this.#revenue,
      revenue_net: formatMills(this.#revenue),
      units_cancelled: this.#unitsCancelled,
      revenue_cancelled_mills: this.#revenueCancelled,
      clean_rows: this.#cleanRows,
      clean_invoices: this.#cleanInvoices.size,
      clean_customers: this.#cleanCustomers.size,
      units_clean: this.#unitsClean,
      revenue_clean_mills: this.#revenueClean,
      revenue_clean: formatMills(this.#revenueClean),
    }
  }

  #addInvoice({ type, data }: RetailEvent): void {
    this.#last = data.invoice
    if (this.#invoices.has(data.invoice)) return
    this.#invoices.add(data.invoice)
    if (type === SaleRecorded.type) this.#saleInvoices++
    if (type === CancellationRecorded.type) this.#cancellationInvoices++
  }

  #addClean(data: InvoiceLine): void {
    this.#cleanRows++
    this.#unitsClean = plus(this.#unitsClean, data.quantity)
    this.#revenueClean = plus(this.#revenueClean, data.amountMills)
    this.#cleanCustomers.add(data.customer!)
    if (data.invoice === this.#lastClean) return
    this.#lastClean = data.invoice
    this.#cleanInvoices.add(data.invoice)
  }
}

/** Sums up lines apart from each other, by what `keyOf` says of an event. */
export class FiguresBy {
  readonly #keyOf: (event: RetailEvent) => string
  readonly #groups = new Map<string, Figures>()

  constructor(keyOf: (event: RetailEvent) => string) {
    this.#keyOf = keyOf
  }

  add(event: RetailEvent): void {
    const key = this.#keyOf(event)
    let figures = this.#groups.get(key)
    if (figures === undefined) this.#groups.set(key, (figures = new Figures()))
    figures.add(event)
  }

  /** The groups, in no order. */
  entries(): [key: string, figures: FiguresReport][] {
    return [...this.#groups].map(([key, figures]) => [key, figures.report()])
  }
}
