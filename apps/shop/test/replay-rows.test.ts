import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readHeader } from '../src/replay/input/header.ts'
import { RowReader } from '../src/replay/input/rows.ts'
import { DuplicateIndex, type RowKey } from '../src/replay/retail/duplicates.ts'
import { rules } from '../src/replay/retail/rules.ts'
import { HEADER, OTHER_HEADER, row } from './fixtures/demo-process.ts'

type Fields = Parameters<typeof row>[0]

/** What one row comes to, read by a reader that has seen no other. */
function read(fields: Fields, reader = new RowReader(readHeader('x.csv', HEADER.split(',')))) {
  return reader.read(row(fields).split(','), 2)
}

function broken(fields: Fields): readonly string[] {
  const result = read(fields)
  if ('refused' in result) throw new Error(`refused: ${result.refused.reason}`)
  return result.line.brokenRules
}

function refusal(fields: Fields): unknown {
  const result = read(fields)
  return 'refused' in result ? [result.refused.reason, result.refused.column, result.refused.value] : result
}

describe('a well-formed row', () => {
  test('becomes the input of an event, its money exact', () => {
    expect(read({})).toEqual({
      kind: 'sale',
      line: {
        row: 2,
        invoice: '536365',
        stockCode: '85123A',
        description: 'WHITE LIGHT HOLDER',
        quantity: 6,
        unitPriceMills: 2550,
        amountMills: 15_300,
        customer: '17850',
        country: 'United Kingdom',
        invoicedAt: '2010-12-01 08:26:00',
        brokenRules: [],
      },
    })
  })

  test.each([
    ['536365', 'sale'],
    ['C536365', 'cancellation'],
    ['A563185', 'adjustment'],
    ['c536365', 'adjustment'],
    ['53636', 'adjustment'],
    ['5363651', 'adjustment'],
    ['C53636', 'adjustment'],
    ['５３６３６５', 'adjustment'],
  ])('with invoice %s is of kind %s', (invoice, kind) => {
    expect(read({ invoice })).toMatchObject({ kind })
  })

  test.each([
    ['17850.0', '17850'],
    ['17850', '17850'],
    ['017850.00', '17850'],
    ['0', '0'],
    ['', null],
  ])('with customer %j is of customer %j', (customer, expected) => {
    expect(read({ customer })).toMatchObject({ line: { customer: expected } })
  })

  test.each(['12/1/2010 8:26', '12/1/2010 8:26:00', '12/01/2010 08:26', '2010-12-01T08:26'])(
    'with the date %s is of the first of December',
    (date) => {
      expect(read({ date })).toMatchObject({ line: { invoicedAt: '2010-12-01 08:26:00' } })
    },
  )

  test('a free line of a negative quantity has the amount 0, not -0', () => {
    expect(read({ units: '-5', price: '0' })).toMatchObject({ line: { amountMills: 0 } })
  })
})

describe('a malformed row is refused with its column and value', () => {
  test.each<[Fields, unknown]>([
    [{ invoice: '' }, ['empty-invoice', 'invoice', '']],
    [{ invoice: '  ' }, ['empty-invoice', 'invoice', '  ']],
    [{ code: '' }, ['empty-stock-code', 'stockCode', '']],
    [{ units: 'six' }, ['bad-quantity', 'quantity', 'six']],
    [{ units: '6.0' }, ['bad-quantity', 'quantity', '6.0']],
    [{ units: '' }, ['bad-quantity', 'quantity', '']],
    [{ units: '9007199254740992' }, ['number-too-large', 'quantity', '9007199254740992']],
    [{ date: '2010-02-30 08:26:00' }, ['bad-date', 'timestamp', '2010-02-30 08:26:00']],
    [{ price: '2.5551' }, ['price-too-fine', 'price', '2.5551']],
    [{ price: 'free' }, ['bad-price', 'price', 'free']],
    [{ price: '' }, ['bad-price', 'price', '']],
    [{ price: '9007199254740992' }, ['number-too-large', 'price', '9007199254740992']],
    [{ price: '9007199254740992.5' }, ['number-too-large', 'price', '9007199254740992.5']],
    [{ units: '9007199254740991', price: '1' }, ['number-too-large', 'quantity', '9007199254740991']],
    [{ customer: 'Bob' }, ['bad-customer', 'customer', 'Bob']],
    [{ customer: '17850.5' }, ['bad-customer', 'customer', '17850.5']],
    [{ text: 'one,more' }, ['field-count', undefined, row({ text: 'one,more' })]],
  ])('%j', (fields, expected) => {
    expect(refusal(fields)).toEqual(expected)
  })

  test.each(['31/12/2010 8:26', '13/1/2011 08:26:00'])('a date with the day first, %s, is told as that', (date) => {
    expect(read({ date })).toMatchObject({
      refused: { reason: 'bad-date', message: expect.stringContaining('the month comes first') },
    })
  })

  test.each(['12/1/2010', '2/30/2011 8:26', '31/2/2011 8:26', '2010-12-01'])('%s is told as no date', (date) => {
    expect(read({ date })).toEqual({ refused: { reason: 'bad-date', column: 'timestamp', value: date } })
  })

  test('a wrong number of fields says both numbers', () => {
    const reader = new RowReader(readHeader('x.csv', HEADER.split(',')))
    expect(reader.read(['1', '2'], 2)).toMatchObject({
      refused: { message: 'the row has 2 fields where the header has 8' },
    })
    expect(reader.read([''], 3)).toMatchObject({ refused: { reason: 'blank-line' } })
  })
})

describe('each rule is broken by what it names, and by nothing else', () => {
  test.each<[string, Fields[], Fields[]]>([
    ['country_outer_whitespace', [{ country: ' France' }, { country: 'France ' }], [{ country: 'United Kingdom' }]],
    ['country_unspecified', [{ country: 'Unspecified' }, { country: '' }], [{ country: 'unspecified' }]],
    ['description_double_space_inside', [{ text: 'RED  MUG' }, { text: ' A   B ' }], [{ text: '  RED MUG  ' }]],
    [
      'description_looks_like_note',
      [
        { text: 'damages' },
        { text: '?' },
        { text: 'wrong code?' },
        { text: '20713 wrongly marked' },
        { text: 'mailout ' },
      ],
      [{ text: 'Damages' }, { text: 'DAMAGES?' }, { text: '20713' }, { text: '' }, { text: '...' }],
    ],
    ['description_missing_or_blank', [{ text: '' }, { text: '   ' }], [{ text: '.' }]],
    ['description_non_ascii', [{ text: 'VOUCHER £10' }], [{ text: 'VOUCHER $10~' }]],
    ['description_not_uppercase', [{ text: 'Manual' }, { text: 'É LANd' }], [{ text: 'CAFÉ 1' }]],
    [
      'description_outer_whitespace',
      [{ text: ' MUG' }, { text: 'MUG ' }, { text: '\tMUG' }],
      [{ text: 'RED MUG' }, { text: '' }],
    ],
    ['invoice_is_cancellation', [{ invoice: 'C536365' }], [{ invoice: 'C53636' }, {}]],
    ['invoice_not_6_digits_or_C6', [{ invoice: 'A563185' }, { invoice: '1' }], [{ invoice: 'C536365' }, {}]],
    ['missing_customer_id', [{ customer: '' }], [{}]],
    ['quantity_abs_over_10000', [{ units: '10001' }, { units: '-10001' }], [{ units: '10000' }, { units: '-10000' }]],
    [
      'quantity_negative_on_non_cancellation',
      [{ units: '-1' }, { units: '-1', invoice: 'A1' }],
      [{ units: '-1', invoice: 'C536365' }, { units: '0' }],
    ],
    ['quantity_not_positive', [{ units: '0' }, { units: '-1' }, { units: '-1', invoice: 'C536365' }], [{ units: '1' }]],
    [
      'quantity_positive_on_cancellation',
      [{ units: '1', invoice: 'C536365' }],
      [{ units: '0', invoice: 'C536365' }, {}],
    ],
    ['quantity_zero', [{ units: '0' }, { units: '-0' }], [{ units: '1' }]],
    ['stock_code_has_lowercase', [{ code: '85123a' }, { code: 'm' }], [{ code: '85123A' }]],
    [
      'stock_code_not_5_digits_plus_0_2_letters',
      [{ code: 'POST' }, { code: '8512' }, { code: '851231' }, { code: '85123ABC' }, { code: '85123A ' }],
      [{ code: '85123' }, { code: '85123a' }, { code: '85123AB' }],
    ],
    ['stock_code_outer_whitespace', [{ code: ' 85123' }, { code: '85123 ' }], [{ code: 'BANK CHARGES' }]],
    [
      'stock_code_special_list',
      [{ code: 'POST' }, { code: 'm' }, { code: 'BANK CHARGES' }],
      [{ code: 'post' }, { code: 'DCGS0003' }],
    ],
    ['unit_price_negative', [{ price: '-0.001' }], [{ price: '0' }, { price: '-0' }]],
    ['unit_price_over_1000', [{ price: '1000.001' }, { price: '-1000.001' }], [{ price: '1000' }, { price: '-1000' }]],
    ['unit_price_zero', [{ price: '0.000' }, { price: '-0' }], [{ price: '0.001' }]],
  ])('%s', (rule, breaking, keeping) => {
    for (const fields of breaking) expect(broken(fields), JSON.stringify(fields)).toContain(rule)
    for (const fields of keeping) expect(broken(fields), JSON.stringify(fields)).not.toContain(rule)
  })

  test('exact_duplicate_of_earlier_row: every copy but the first, whatever stands between them', () => {
    const reader = new RowReader(readHeader('x.csv', HEADER.split(',')))
    const duplicate = (fields: Fields): boolean => {
      const result = read(fields, reader)
      return 'line' in result && result.line.brokenRules.includes('exact_duplicate_of_earlier_row')
    }
    expect([{}, {}, { units: '7' }, {}, { units: '7' }].map(duplicate)).toEqual([false, true, false, true, true])
    expect(duplicate({ date: '12/1/2010 8:26' })).toBe(true)
    const others: Fields[] = [
      { invoice: '536366' },
      { code: '85123B' },
      { text: 'WHITE LIGHT HOLDER ' },
      { date: '2010-12-01 08:26:01' },
      { date: '1/12/2010 8:26' },
      { price: '2.551' },
      { customer: '' },
      { country: 'France' },
    ]
    expect(others.map(duplicate)).toEqual(others.map(() => false))
  })

  test('the rules that a row breaks are listed in the order of the reports', () => {
    const listed = broken({
      invoice: 'X',
      code: 'm',
      text: ' a  b£',
      units: '-20000',
      price: '-2000',
      customer: '',
      country: ' ',
    })
    expect(listed).toEqual(rules.filter((rule) => listed.includes(rule)))
    expect(listed.length).toBeGreaterThan(10)
  })
})

test('INVARIANT: a row counts as a duplicate exactly where an earlier one equals it', () => {
  // Few values, so that most rows nearly equal another one; enough rows for the table to grow and the pages to turn.
  const id = fc.integer({ min: 0, max: 2 })
  const number = fc.constantFrom(0, 1, -1, 2 ** 32, 2 ** 40 + 1, -(2 ** 40))
  const key = fc.tuple(id, id, id, id, id, id, number, number)
  fc.assert(
    fc.property(fc.array(key, { maxLength: 400, size: 'max' }), (keys) => {
      const index = new DuplicateIndex()
      const seen = new Set<string>()
      for (const each of keys) {
        const text = each.join()
        expect(index.add(each)).toBe(!seen.has(text))
        seen.add(text)
      }
      expect(index.size).toBe(seen.size)
    }),
  )

  const index = new DuplicateIndex()
  const many: RowKey[] = Array.from({ length: 40_000 }, (_, at) => [at >> 3, at & 7, at >> 8, 0, 0, 0, at % 5, at % 3])
  const added = many.map((each) => index.add(each))
  expect(new Set(added)).toEqual(new Set([true]))
  expect(many.some((each) => index.add(each))).toBe(false)
})

describe('the header', () => {
  const where = (header: string): unknown => readHeader('x.csv', header.split(',')).at

  test('is known in both spellings and in any order, case and outer spaces aside', () => {
    expect(where(OTHER_HEADER)).toEqual(where(HEADER))
    expect(where('Country,CUSTOMER_ID, Price ,invoicedate,Quantity,Description,StockCode,Invoice')).toEqual({
      country: 0,
      customer: 1,
      price: 2,
      timestamp: 3,
      quantity: 4,
      description: 5,
      stockCode: 6,
      invoice: 7,
    })
  })

  test('may have further columns, which are named as unused', () => {
    expect(readHeader('x.csv', ['id', ...HEADER.split(','), 'note']).unused).toEqual(['id', 'note'])
  })

  test('that lacks columns is refused: what is missing, what was found, what was expected', () => {
    expect(() => where('Invoice,StockCode,Item,Quantity,InvoiceDate,Price,Country')).toThrow(
      `x.csv, row 1: the header lacks Description, CustomerID or Customer ID; ` +
        `found "Invoice,StockCode,Item,Quantity,InvoiceDate,Price,Country"\n` +
        `Expected, in any order: ${HEADER}\nor                      ${OTHER_HEADER}`,
    )
  })

  test.each([
    [';', 'semicolons'],
    ['\t', 'tabs'],
  ])('whose names are separated by %j is told as that', (separator, name) => {
    expect(() => where(HEADER.replaceAll(',', separator))).toThrow(
      `x.csv, row 1: the fields are separated by ${name} instead of commas; found ` +
        `${JSON.stringify(HEADER.replaceAll(',', separator))}\nSave the file as CSV with commas`,
    )
  })

  test('may have such a character in a name', () => {
    expect(readHeader('x.csv', [...HEADER.split(','), 'note; more']).unused).toEqual(['note; more'])
  })

  test('that has a column in both spellings is refused', () => {
    expect(() => where(`${HEADER},Invoice`)).toThrow('has the same column twice: InvoiceNo and Invoice')
  })
})
