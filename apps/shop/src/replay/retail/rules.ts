/**
 * The business rules that a row of the retail file may break. A row that breaks some is an event all the same, flagged
 * with them; rows that cannot be read at all are no matter of these rules.
 *
 * Each rule looks at one field, or at quantity and kind of invoice. The order is that of reports.
 *
 * | rule | a row breaks it when |
 * | --- | --- |
 * | country_outer_whitespace | the country begins or ends with white space |
 * | country_unspecified | the country is empty or `Unspecified` |
 * | description_double_space_inside | two spaces in a row stand within the description, outer white space aside |
 * | description_looks_like_note | the description is a remark of the staff, not a product: it has lower-case letters or question marks and no upper-case letter (`damages`, `?`, `wrong code?`) |
 * | description_missing_or_blank | the description is empty or white space |
 * | description_non_ascii | the description has a character beyond ASCII |
 * | description_not_uppercase | the description has a lower-case letter |
 * | description_outer_whitespace | the description begins or ends with white space |
 * | exact_duplicate_of_earlier_row | all eight fields equal those of an earlier row |
 * | invoice_is_cancellation | the invoice is `C` and 6 digits |
 * | invoice_not_6_digits_or_C6 | the invoice is neither 6 digits nor `C` and 6 digits |
 * | missing_customer_id | the customer is empty |
 * | quantity_abs_over_10000 | the quantity is above 10,000 or below -10,000 |
 * | quantity_negative_on_non_cancellation | the quantity is below 0 and the row is no cancellation |
 * | quantity_not_positive | the quantity is 0 or below |
 * | quantity_positive_on_cancellation | the quantity is above 0 and the row is a cancellation |
 * | quantity_zero | the quantity is 0 |
 * | stock_code_has_lowercase | the stock code has a lower-case letter |
 * | stock_code_not_5_digits_plus_0_2_letters | the stock code is not 5 digits and up to two letters of either case |
 * | stock_code_outer_whitespace | the stock code begins or ends with white space |
 * | stock_code_special_list | the stock code is one of those for postage, fees, discounts, samples and corrections: see `specialStockCodes` |
 * | unit_price_negative | the price is below 0 |
 * | unit_price_over_1000 | the price is above 1,000 pounds or below -1,000 pounds |
 * | unit_price_zero | the price is 0 |
 */
export const rules = [
  'country_outer_whitespace',
  'country_unspecified',
  'description_double_space_inside',
  'description_looks_like_note',
  'description_missing_or_blank',
  'description_non_ascii',
  'description_not_uppercase',
  'description_outer_whitespace',
  'exact_duplicate_of_earlier_row',
  'invoice_is_cancellation',
  'invoice_not_6_digits_or_C6',
  'missing_customer_id',
  'quantity_abs_over_10000',
  'quantity_negative_on_non_cancellation',
  'quantity_not_positive',
  'quantity_positive_on_cancellation',
  'quantity_zero',
  'stock_code_has_lowercase',
  'stock_code_not_5_digits_plus_0_2_letters',
  'stock_code_outer_whitespace',
  'stock_code_special_list',
  'unit_price_negative',
  'unit_price_over_1000',
  'unit_price_zero',
] as const

export type Rule = (typeof rules)[number]

/** Stock codes that stand for no product. Case matters: the file has both `M` and `m`. */
const specialStockCodes: ReadonlySet<string> = new Set([
  'AMAZONFEE',
  'B',
  'BANK CHARGES',
  'C2',
  'CRUK',
  'D',
  'DOT',
  'M',
  'PADS',
  'POST',
  'S',
  'm',
])

/** What an invoice number says. */
export type Kind = 'sale' | 'cancellation' | 'adjustment'

/** `sale` for 6 digits, `cancellation` for `C` and 6 digits, `adjustment` for anything else. */
export function kindOf(invoice: string): Kind {
  if (/^\d{6}$/.test(invoice)) return 'sale'
  return /^C\d{6}$/.test(invoice) ? 'cancellation' : 'adjustment'
}

/**
 * The rules that a row breaks, as a set of bits. Those of one field are found once for each value of it and kept with
 * the value; a row then takes the union.
 */
export type RuleBits = number

const bit = Object.fromEntries(rules.map((rule, index) => [rule, 1 << index])) as Readonly<Record<Rule, RuleBits>>

export const duplicateBit: RuleBits = bit.exact_duplicate_of_earlier_row

export function brokenByInvoice(kind: Kind): RuleBits {
  if (kind === 'sale') return 0
  return kind === 'cancellation' ? bit.invoice_is_cancellation : bit.invoice_not_6_digits_or_C6
}

export function brokenByStockCode(code: string): RuleBits {
  return (
    when(code !== code.toUpperCase(), 'stock_code_has_lowercase') |
    when(!/^\d{5}[A-Za-z]{0,2}$/.test(code), 'stock_code_not_5_digits_plus_0_2_letters') |
    when(code !== code.trim(), 'stock_code_outer_whitespace') |
    when(specialStockCodes.has(code), 'stock_code_special_list')
  )
}

export function brokenByDescription(description: string): RuleBits {
  const trimmed = description.trim()
  return (
    when(trimmed.includes('  '), 'description_double_space_inside') |
    when(/[\p{Ll}?]/u.test(trimmed) && !/\p{Lu}/u.test(trimmed), 'description_looks_like_note') |
    when(trimmed === '', 'description_missing_or_blank') |
    when(/[^\0-\x7f]/.test(description), 'description_non_ascii') |
    when(description !== description.toUpperCase(), 'description_not_uppercase') |
    when(description !== trimmed, 'description_outer_whitespace')
  )
}

export function brokenByCustomer(customer: string | null): RuleBits {
  return when(customer === null, 'missing_customer_id')
}

export function brokenByCountry(country: string): RuleBits {
  return (
    when(country !== country.trim(), 'country_outer_whitespace') |
    when(country === '' || country === 'Unspecified', 'country_unspecified')
  )
}

export function brokenByQuantity(quantity: number, kind: Kind): RuleBits {
  if (quantity > 0 && quantity <= 10_000 && kind !== 'cancellation') return 0
  const cancels = kind === 'cancellation'
  return (
    when(Math.abs(quantity) > 10_000, 'quantity_abs_over_10000') |
    when(quantity < 0 && !cancels, 'quantity_negative_on_non_cancellation') |
    when(quantity <= 0, 'quantity_not_positive') |
    when(quantity > 0 && cancels, 'quantity_positive_on_cancellation') |
    when(quantity === 0, 'quantity_zero')
  )
}

/** `price` in mills. */
export function brokenByPrice(price: number): RuleBits {
  if (price > 0 && price <= 1_000_000) return 0
  return (
    when(price < 0, 'unit_price_negative') |
    when(Math.abs(price) > 1_000_000, 'unit_price_over_1000') |
    when(price === 0, 'unit_price_zero')
  )
}

const lists = new Map<RuleBits, readonly Rule[]>()

/** The rules of a set, in the order of {@link rules}. One frozen list serves all rows that break the same ones. */
export function rulesIn(bits: RuleBits): readonly Rule[] {
  let list = lists.get(bits)
  if (list === undefined) {
    list = Object.freeze(rules.filter((rule) => (bits & bit[rule]) !== 0))
    lists.set(bits, list)
  }
  return list
}

function when(broken: boolean, rule: Rule): RuleBits {
  return broken ? bit[rule] : 0
}
