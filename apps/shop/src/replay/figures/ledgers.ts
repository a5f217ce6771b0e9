import { createHash, type Hash } from 'node:crypto'
import { CancellationRecorded, type RetailEvent, SaleRecorded } from '../retail/events.ts'
import { byUtf8, plus } from './exact.ts'
import type { View } from './view.ts'

/**
 * Each the SHA-256 (hex) of one line per account, so that two programs can tell whether they agree on every account:
 *
 * - customers, ascending as integers: `customer|sale_invoices|cancellation_invoices|units_net|revenue_net_mills\n`
 * - products, by the UTF-8 bytes of the stock code: `StockCode|units_net|revenue_net_mills\n`
 * - invoices, by the UTF-8 bytes of the number: `InvoiceNo|lines|units|revenue_mills\n`
 */
export interface Ledgers {
  customer_ledger: string
  product_ledger: string
  invoice_ledger: string
}

class Account {
  rows = 0
  units = 0
  revenue = 0

  add({ data }: RetailEvent): void {
    this.rows++
    this.units = plus(this.units, data.quantity)
    this.revenue = plus(this.revenue, data.amountMills)
  }
}

class CustomerAccount {
  readonly all = new Account()
  readonly sales = new Set<string>()
  readonly cancellations = new Set<string>()

  add(event: RetailEvent): void {
    this.all.add(event)
    if (event.type === SaleRecorded.type) this.sales.add(event.data.invoice)
    if (event.type === CancellationRecorded.type) this.cancellations.add(event.data.invoice)
  }
}

/** Keeps an account of each customer, product and invoice. */
export function ledgers(): View<Ledgers> {
  const customers = new Map<string, CustomerAccount>()
  const products = new Map<string, Account>()
  const invoices = new Map<string, Account>()
  return {
    handle: (event) => {
      const { customer, stockCode, invoice } = event.data
      if (customer !== null) account(customers, customer, CustomerAccount).add(event)
      account(products, stockCode, Account).add(event)
      account(invoices, invoice, Account).add(event)
    },
    report: () => ({
      customer_ledger: digest(
        customers,
        byNumber,
        (customer, { all, sales, cancellations }) =>
          `${customer}|${sales.size}|${cancellations.size}|${all.units}|${all.revenue}`,
      ),
      product_ledger: digest(products, byUtf8, (code, { units, revenue }) => `${code}|${units}|${revenue}`),
      invoice_ledger: digest(
        invoices,
        byUtf8,
        (invoice, { rows, units, revenue }) => `${invoice}|${rows}|${units}|${revenue}`,
      ),
    }),
  }
}

function account<A extends object>(all: Map<string, A>, key: string, make: new () => A): A {
  let found = all.get(key)
  if (found === undefined) all.set(key, (found = new make()))
  return found
}

function digest<A>(
  accounts: ReadonlyMap<string, A>,
  order: (a: string, b: string) => number,
  line: (key: string, account: A) => string,
): string {
  const hash: Hash = createHash('sha256')
  for (const [key, found] of [...accounts].toSorted(([a], [b]) => order(a, b))) hash.update(`${line(key, found)}\n`)
  return hash.digest('hex')
}

/** Orders digits without leading zeros as the integers that they write, of any size. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)
}
