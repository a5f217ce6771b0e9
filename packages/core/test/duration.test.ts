import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { type Duration, isTidingsError, milliseconds } from '../src/index.ts'

describe('a duration', () => {
  test.for([
    [0, 0],
    [250, 250],
    [1.5, 1.5],
    [Infinity, Infinity],
    ['0ms', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1.5s', 1500],
    ['.5m', 30_000],
    ['007s', 7000],
  ] as [Duration, number][])('%o is %d milliseconds', ([duration, expected]) => {
    expect(milliseconds(duration)).toBe(expected)
  })

  test('INVARIANT: every amount in every unit is that many of them', () => {
    const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (amount, unit) => {
        expect(milliseconds(`${amount}${unit}`)).toBe(amount * units[unit])
      }),
    )
  })

  test('is a number or a string with a unit, as far as the compiler can tell', () => {
    expectTypeOf<'30s'>().toExtend<Duration>()
    expectTypeOf<number>().toExtend<Duration>()
    expectTypeOf<'30'>().not.toExtend<Duration>()
    expectTypeOf<'thirty seconds'>().not.toExtend<Duration>()
    // @ts-expect-error -- no unit
    expect(() => milliseconds('30')).toThrow('30')
  })
})

describe('what is no duration is refused, by value and place', () => {
  test.for([
    [-1, '-1'],
    [Number.NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    ['30', '30'],
    ['', '""'],
    ['s', 's'],
    ['-5s', '-5s'],
    ['+5s', '+5s'],
    ['5 s', '5 s'],
    [' 5s', ' 5s'],
    ['5s ', '5s '],
    ['5S', '5S'],
    ['5sec', '5sec'],
    ['1e3ms', '1e3ms'],
    ['1.2.3s', '1.2.3s'],
    ['.s', '.s'],
    ['5s\n', '5s'],
    ['NaNs', 'NaNs'],
    ['Infinityms', 'Infinityms'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [{}, 'object'],
    [Object.create(null), 'object'],
    [5n, '5'],
    [Symbol('5s'), '5s'],
  ] as [unknown, string][])('%o', ([duration, named]) => {
    let error: unknown
    try {
      milliseconds(duration as Duration, 'retry.delay')
    } catch (thrown) {
      error = thrown
    }
    expect(isTidingsError(error, 'INVALID_ARGUMENT'), String(error)).toBe(true)
    const [line, ...more] = (error as Error).message.split('\n')
    expect(line).toContain('`retry.delay`')
    expect(line).toContain(named)
    expect(more.join('\n')).toContain("'30s'")
  })

  test('the place is `duration` where none is given', () => {
    expect(() => milliseconds(-1)).toThrow('`duration`')
  })
})
