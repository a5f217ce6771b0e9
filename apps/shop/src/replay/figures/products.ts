import { formatMills } from '../input/decimal.ts'
import type { RetailEvent } from '../retail/events.ts'
import { byUtf8, plus } from './exact.ts'
import { isClean } from './figures.ts'
import type { View } from './view.ts'

/** A product by its stock code, verbatim. */
export interface ProductReport {
  stock_code: string
  /** The commonest one on clean lines, trimmed; null where the product has no clean line. */
  description: string | null
  units: number
  revenue_mills: number
  revenue: string
}

/** The best 20, each list by its measure, equal ones by the bytes of their stock codes. */
export interface TopProducts {
  units_net: ProductReport[]
  revenue_net: ProductReport[]
  units_clean: ProductReport[]
  revenue_clean: ProductReport[]
}

interface Sums {
  units: number
  revenue: number
}

interface Product {
  readonly stockCode: string
  readonly net: Sums
  readonly clean: Sums
  /** Lines of each description, in the order in which they came up. */
  readonly descriptions: Map<string, number>
}

const LENGTH = 20

/** Finds the products that sell best. */
export function products(): View<TopProducts> {
  const all = new Map<string, Product>()
  return {
    handle: (event) => add(product(all, event.data.stockCode), event),
    report: () => ({
      units_net: top(all, 'net', 'units'),
      revenue_net: top(all, 'net', 'revenue'),
      units_clean: top(all, 'clean', 'units'),
      revenue_clean: top(all, 'clean', 'revenue'),
    }),
  }
}

function product(all: Map<string, Product>, stockCode: string): Product {
  let found = all.get(stockCode)
  if (found === undefined) {
    found = { stockCode, net: { units: 0, revenue: 0 }, clean: { units: 0, revenue: 0 }, descriptions: new Map() }
    all.set(stockCode, found)
  }
  return found
}

function add({ net, clean, descriptions }: Product, event: RetailEvent): void {
  const { quantity, amountMills, description } = event.data
  net.units = plus(net.units, quantity)
  net.revenue = plus(net.revenue, amountMills)
  if (!isClean(event)) return
  clean.units = plus(clean.units, quantity)
  clean.revenue = plus(clean.revenue, amountMills)
  descriptions.set(description, (descriptions.get(description) ?? 0) + 1)
}

function top(all: ReadonlyMap<string, Product>, set: 'net' | 'clean', measure: keyof Sums): ProductReport[] {
  return [...all.values()]
    .filter(({ descriptions }) => set === 'net' || descriptions.size > 0)
    .toSorted((a, b) => b[set][measure] - a[set][measure] || byUtf8(a.stockCode, b.stockCode))
    .slice(0, LENGTH)
    .map((found) => ({
      stock_code: found.stockCode,
      description: commonest(found.descriptions),
      units: found[set].units,
      revenue_mills: found[set].revenue,
      revenue: formatMills(found[set].revenue),
    }))
}

/** Of descriptions that differ in outer white space alone, the lines are counted together. */
function commonest(descriptions: ReadonlyMap<string, number>): string | null {
  const lines = new Map<string, number>()
  for (const [description, count] of descriptions) {
    const trimmed = description.trim()
    lines.set(trimmed, (lines.get(trimmed) ?? 0) + count)
  }
  let best: string | null = null
  for (const [description, count] of lines) {
    if (best === null || count > lines.get(best)!) best = description
  }
  return best
}
