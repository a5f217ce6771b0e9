import { isTidingsError } from '@tidings/core'
import { expect, expectTypeOf, test } from 'vitest'
import {
  AdjustmentRecorded,
  anyRecorded,
  CancellationRecorded,
  type InvoiceLine,
  type RetailEvent,
  SaleRecorded,
} from '../src/replay/retail/events.ts'
import { Shop } from '../src/replay/shop.ts'

const line: InvoiceLine = {
  row: 2,
  invoice: '536365',
  stockCode: '85123A',
  description: 'WHITE LIGHT HOLDER',
  quantity: 6,
  unitPriceMills: 2550,
  amountMills: 15_300,
  customer: '17850',
  country: 'France',
  invoicedAt: '2010-12-01 08:26:00',
  brokenRules: [],
}

test('a row becomes an event of its kind, which every view hears of', () => {
  const shop = new Shop()
  shop.record({ kind: 'sale', line })
  shop.record({
    kind: 'cancellation',
    line: {
      ...line,
      row: 3,
      invoice: 'C536366',
      quantity: -1,
      amountMills: -2550,
      brokenRules: ['quantity_not_positive'],
    },
  })
  shop.record({ kind: 'adjustment', line: { ...line, row: 4, invoice: 'A1' } })
  const { kinds, totals, countries, months, products, ruleCounts } = shop.report()
  expect(kinds).toEqual({ sale: 1, cancellation: 1, other: 1 })
  expect(totals).toMatchObject({ rows: 3, revenue_net_mills: 28_050, revenue_net: '28.050', units_cancelled: -1 })
  expect(countries['France']).toEqual(totals)
  expect(months['2010-12']).toEqual(totals)
  expect(products.units_net).toEqual([
    { stock_code: '85123A', description: 'WHITE LIGHT HOLDER', units: 11, revenue_mills: 28_050, revenue: '28.050' },
  ])
  expect(ruleCounts.find(({ rule }) => rule === 'quantity_not_positive')).toEqual({
    rule: 'quantity_not_positive',
    rows: 1,
    firstRow: 3,
  })
})

test.each<[string, 'sale' | 'cancellation' | 'adjustment', Partial<InvoiceLine>]>([
  ['a sale on a cancelling invoice', 'sale', { invoice: 'C536365' }],
  ['a cancellation on a sales invoice', 'cancellation', {}],
  ['an adjustment without an invoice', 'adjustment', { invoice: '' }],
  ['a fraction of a unit', 'sale', { quantity: 0.5, amountMills: 1275 }],
  ['an amount that is not quantity × price', 'sale', { amountMills: 15_301 }],
  ['a number beyond the safe integers', 'sale', { quantity: 2 ** 53, amountMills: 2 ** 53 * 2550 }],
  ['a date in another form', 'sale', { invoicedAt: '12/1/2010 8:26' }],
  ['the header row', 'sale', { row: 1 }],
])('INVARIANT: nothing is published that does not match its schema: %s', (_, kind, wrong) => {
  const shop = new Shop()
  let thrown: unknown
  try {
    shop.record({ kind, line: { ...line, ...wrong } })
  } catch (error) {
    thrown = error
  }
  expect(isTidingsError(thrown, 'INVALID_EVENT')).toBe(true)
  expect(shop.report().totals.rows).toBe(0)
})

test('a view that cannot take an event makes the publisher fail: nothing is swallowed', () => {
  const shop = new Shop()
  const huge = { quantity: 1, unitPriceMills: Number.MAX_SAFE_INTEGER, amountMills: Number.MAX_SAFE_INTEGER }
  shop.record({ kind: 'sale', line: { ...line, ...huge } })
  expect(() => shop.record({ kind: 'sale', line: { ...line, ...huge } })).toThrow(AggregateError)
})

test('the events are typed by their definitions', () => {
  expectTypeOf<SaleRecorded['type']>().toEqualTypeOf<'retail.sale.recorded'>()
  expectTypeOf<RetailEvent['data']>().toEqualTypeOf<InvoiceLine>()
  const types = [SaleRecorded, CancellationRecorded, AdjustmentRecorded].map(({ type }) => type)
  const [head, tail] = anyRecorded.split('*')
  expect(types.every((type) => type.startsWith(head!) && type.endsWith(tail!))).toBe(true)
})
