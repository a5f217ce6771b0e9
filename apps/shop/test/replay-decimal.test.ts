import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byUtf8, plus } from '../src/replay/figures/exact.ts'
import { formatMills, parseInteger, parseMills } from '../src/replay/input/decimal.ts'
import { parseTimestamp } from '../src/replay/input/timestamp.ts'

const safe = BigInt(Number.MAX_SAFE_INTEGER)

/** A BigInt where it is a safe integer. */
function exact(value: bigint): number | undefined {
  return value <= safe && value >= -safe ? Number(value) : undefined
}

describe('money', () => {
  test.each([
    ['2.55', 2550],
    ['0', 0],
    ['-0.00', 0],
    ['-11062.06', -11_062_060],
    ['0.001', 1],
    ['1.5', 1500],
    ['007.5', 7500],
    ['2.5500', 2550],
    ['9007199254740.991', Number.MAX_SAFE_INTEGER],
  ])('%s pounds are %i mills', (text, mills) => {
    expect(parseMills(text)).toBe(mills)
  })

  test.each([
    '',
    '-',
    '.',
    '.5',
    '5.',
    '-.5',
    '+1',
    '1e3',
    '1,5',
    ' 1',
    '1 ',
    '1.2.3',
    '0x10',
    'NaN',
    'Infinity',
    '--1',
    '1-',
    '١',
  ])('%j is no amount', (text) => {
    expect(parseMills(text)).toBeUndefined()
  })

  test('a fraction of a mill is refused, not rounded', () => {
    expect(parseMills('2.5551')).toBeUndefined()
    expect(parseMills('0.0009')).toBeUndefined()
  })

  test('an amount that a double cannot hold exactly is refused', () => {
    expect(parseMills('9007199254740.992')).toBeUndefined()
    expect(parseMills('9'.repeat(400))).toBeUndefined()
  })

  test('INVARIANT: reading an amount agrees with arbitrary-precision integers', () => {
    const digits = fc.stringMatching(/^\d{1,20}$/)
    const decimals = fc.stringMatching(/^\d{0,3}0{0,2}$/)
    fc.assert(
      fc.property(fc.boolean(), digits, decimals, (negative, whole, part) => {
        const mills = BigInt(whole) * 1000n + BigInt(part.padEnd(3, '0').slice(0, 3))
        const text = `${negative ? '-' : ''}${whole}${part === '' ? '' : `.${part}`}`
        // `+ 0` because there is no negative zero among amounts.
        const expected = exact(negative ? -mills : mills)
        expect(parseMills(text)).toBe(expected === undefined ? undefined : expected + 0)
      }),
      { numRuns: 1000 },
    )
  })

  test('what is written is read back', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (mills) => {
        expect(parseMills(formatMills(mills))).toBe(mills + 0)
      }),
    )
    expect(formatMills(-5)).toBe('-0.005')
    expect(formatMills(1_234_500)).toBe('1234.500')
  })

  test('INVARIANT: a sum is exact or refused', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
        const expected = exact(BigInt(a) + BigInt(b))
        if (expected === undefined) expect(() => plus(a, b)).toThrow('cannot be counted exactly')
        else expect(plus(a, b)).toBe(expected)
      }),
    )
  })
})

describe('integers', () => {
  test('INVARIANT: reading an integer agrees with arbitrary-precision integers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), (value) => {
        expect(parseInteger(String(value))).toBe(exact(value))
      }),
    )
  })

  test.each(['', '-', '6.0', '1e3', '+6', ' 6', '6 ', '0x6', '--6', '6-'])('%j is no integer', (text) => {
    expect(parseInteger(text)).toBeUndefined()
  })
})

describe('dates', () => {
  test.each([
    ['2011-01-31 16:59:00', '2011-01-31 16:59:00'],
    ['2011-01-31T16:59:00', '2011-01-31 16:59:00'],
    ['2011-01-31 16:59', '2011-01-31 16:59:00'],
    ['2012-02-29 00:00:00', '2012-02-29 00:00:00'],
    ['2000-02-29 23:59:59', '2000-02-29 23:59:59'],
  ])('%s is read as %s', (text, expected) => {
    expect(parseTimestamp(text)).toBe(expected)
  })

  test.each([
    '',
    '2011-02-29 00:00:00',
    '1900-02-29 00:00:00',
    '2011-04-31 00:00:00',
    '2011-13-01 00:00:00',
    '2011-00-01 00:00:00',
    '2011-01-00 00:00:00',
    '2011-01-01 24:00:00',
    '2011-01-01 00:60:00',
    '2011-01-01 00:00:60',
    '12/1/2010',
    '31/12/2010 8:26',
    '0/1/2010 8:26',
    '2/29/2011 8:26',
    '4/31/2011 8:26',
    '12/1/10 8:26',
    '12/1/2010 24:00',
    '12/1/2010 8:60',
    '12/1/2010 8:6',
    '12/1/2010 8:26 AM',
    '12/1/2010T8:26',
    '12-1-2010 8:26',
    '2010/12/1 8:26',
    '2011-01-01',
    '2011-01-01 00:00:00Z',
    ' 2011-01-01 00:00:00',
  ])('%j is no date', (text) => {
    expect(parseTimestamp(text)).toBeUndefined()
  })

  test('INVARIANT: a date with slashes is what it is without them, the month first', () => {
    const number = fc.integer({ min: 0, max: 40 })
    const year = fc.integer({ min: 1000, max: 9999 })
    const maybeSecond = fc.option(fc.integer({ min: 0, max: 65 }), { nil: undefined })
    const two = (value: number): string => String(value).padStart(2, '0')
    fc.assert(
      fc.property(year, number, number, number, number, maybeSecond, (y, month, day, hour, minute, second) => {
        const end = `:${two(minute)}${second === undefined ? '' : `:${two(second)}`}`
        const plain = parseTimestamp(`${y}-${two(month)}-${two(day)} ${two(hour)}${end}`)
        expect(parseTimestamp(`${month}/${day}/${y} ${hour}${end}`)).toBe(plain)
        expect(parseTimestamp(`${two(month)}/${two(day)}/${y} ${two(hour)}${end}`)).toBe(plain)
      }),
      { numRuns: 1000 },
    )
  })

  test('dates exist exactly where the calendar has them', () => {
    const two = (value: number): string => String(value).padStart(2, '0')
    fc.assert(
      fc.property(
        fc.integer({ min: 1000, max: 9999 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 31 }),
        (year, month, day) => {
          const exists = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
          expect(parseTimestamp(`${year}-${two(month)}-${two(day)} 12:00:00`) !== undefined).toBe(exists)
        },
      ),
    )
  })
})

test('strings are ordered as their UTF-8 bytes are', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 })
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(byUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 1000 },
  )
  expect(byUtf8('\uffff', '😀')).toBeLessThan(0)
})
