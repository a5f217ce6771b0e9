import { isTidingsError } from '@tidings/core'
import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import { defineEvent, InvalidEventError, type StandardSchema } from '../src/index.ts'
import { anything } from './support/schemas.ts'

const errorOf = (schema: StandardSchema, input: unknown): InvalidEventError => {
  try {
    defineEvent('shop.order.placed', schema).create(input)
  } catch (error) {
    if (error instanceof InvalidEventError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
const lineOf = (schema: StandardSchema, input: unknown) => errorOf(schema, input).message.split('\n')[0] ?? ''
const problemOf = (schema: StandardSchema, input: unknown) => lineOf(schema, input).replace(/^.* is invalid at /, '')

describe('the message', () => {
  test('names type, version, place, expectation and value in its first line, then the fix', () => {
    const error = errorOf(z.object({ quantity: z.int().positive() }), { quantity: -3 })
    expect(error.message).toBe(
      "Event 'shop.order.placed' (version 1) is invalid at data.quantity: expected a number greater than 0, received -3\n" +
        'Correct the data given to create(), or change the schema of the definition.',
    )
  })

  test('lists every problem on a line of its own when there are several', () => {
    const schema = z.object({ item: z.string(), lines: z.array(z.object({ sku: z.string().min(3) })) })
    expect(errorOf(schema, { lines: [{ sku: 'abc' }, { sku: 'a' }] }).message).toBe(
      "Event 'shop.order.placed' (version 1) is invalid at data.item: expected a string, received nothing (and 1 more)\n" +
        '  data.item: expected a string, received nothing\n' +
        '  data.lines[1].sku: expected a string of at least 3 characters, received "a"\n' +
        'Correct the data given to create(), or change the schema of the definition.',
    )
  })

  test('stays readable with hundreds of problems', () => {
    const error = errorOf(
      z.array(z.string()),
      Array.from({ length: 500 }, () => 1),
    )
    expect(error.issues).toHaveLength(500)
    expect(error.message.split('\n').length).toBeLessThan(25)
    expect(error.message).toMatch(/… 480 more/)
  })

  const cases: [schema: z.ZodType, input: unknown, problem: string][] = [
    [z.string(), 5, 'data: expected a string, received 5'],
    [z.string(), undefined, 'data: expected a string, received undefined'],
    [z.object({ a: z.string() }), {}, 'data.a: expected a string, received nothing'],
    [z.object({ a: z.string() }), { a: undefined }, 'data.a: expected a string, received undefined'],
    [z.object({ a: z.string() }), { a: null }, 'data.a: expected a string, received null'],
    [z.number(), 10n, 'data: expected a number, received 10n'],
    [z.number(), Symbol('x'), 'data: expected a number, received Symbol(x)'],
    [z.number(), Number.NaN, 'data: expected a number, received NaN'],
    [z.number(), () => 1, 'data: expected a number, received function (anonymous)'],
    [z.number(), new Date(0), 'data: expected a number, received Date 1970-01-01T00:00:00.000Z'],
    [z.number(), new Date(Number.NaN), 'data: expected a number, received Invalid Date'],
    [z.number(), new Map([['a', 1]]), 'data: expected a number, received Map(1) [["a", 1]]'],
    [z.number(), new Set(['a']), 'data: expected a number, received Set(1) ["a"]'],
    [z.number(), new Uint8Array(3), 'data: expected a number, received Uint8Array (3 bytes)'],
    [z.number(), new Error('no'), 'data: expected a number, received Error: "no"'],
    [z.number(), [1, 2, 3, 4, 5, 6, 7], 'data: expected a number, received [1, 2, 3, 4, 5, … 2 more]'],
    [z.number(), { a: { b: { c: { d: 1 } } } }, 'data: expected a number, received { a: { b: { c: {…1 keys} } } }'],
    [z.int(), 1.5, 'data: expected an integer, received 1.5'],
    [z.bigint(), 1, 'data: expected a bigint, received 1'],
    [z.date(), 'now', 'data: expected a Date, received "now"'],
    [z.string().min(3), 'ab', 'data: expected a string of at least 3 characters, received "ab"'],
    [z.string().length(3), 'ab', 'data: expected a string of exactly 3 characters, received "ab"'],
    [z.number().max(3), 4, 'data: expected a number less than or equal to 3, received 4'],
    [z.number().lt(3), 3, 'data: expected a number less than 3, received 3'],
    [z.array(z.any()).max(1), [1, 2], 'data: expected an array of at most 1 items, received [1, 2]'],
    [z.set(z.any()).min(1), new Set(), 'data: expected a Set of at least 1 entries, received Set(0) []'],
    [
      z.date().min(new Date(1000)),
      new Date(0),
      'data: expected a Date greater than or equal to 1970-01-01T00:00:01.000Z, received Date 1970-01-01T00:00:00.000Z',
    ],
    [z.number().multipleOf(5), 7, 'data: expected a multiple of 5, received 7'],
    [z.uuid(), 'x', 'data: expected a UUID, received "x"'],
    [z.email(), 'x', 'data: expected an email address, received "x"'],
    [z.iso.datetime(), 'x', 'data: expected an ISO 8601 date and time, such as 2026-01-31T12:00:00Z, received "x"'],
    [z.string().regex(/^a+$/), 'b', 'data: expected a string that matches /^a+$/, received "b"'],
    [z.string().startsWith('a'), 'b', 'data: expected a string that starts with "a", received "b"'],
    [z.nanoid(), 'x', 'data: expected a string in the format nanoid, received "x"'],
    [z.enum(['GBP', 'EUR']), 'GPB', 'data: expected one of "GBP", "EUR", received "GPB"; did you mean GBP?'],
    [z.literal('a'), 'b', 'data: expected "a", received "b"'],
    [
      z.strictObject({ quantity: z.int() }),
      { quantity: 1, quantty: 2 },
      'data.quantty: expected no such key (known: quantity), received 2; did you mean quantity?',
    ],
    [z.union([z.string(), z.number()]), true, 'data: expected a string or a number, received true'],
    [
      z.union([z.string(), z.object({ a: z.object({ b: z.int() }) })]),
      { a: { b: 'x' } },
      'data.a.b: expected a number, received "x"',
    ],
    [
      z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })]),
      { kind: 'c' },
      'data.kind: expected one of "a", "b", received "c"',
    ],
    [
      z.xor([z.string(), z.string()]),
      'a',
      'data: expected exactly one of the alternatives to match, not 2 of them, received "a"',
    ],
    [z.record(z.email(), z.int()), { x: 1 }, 'data.x: expected a key that is an email address, received "x"'],
    [z.record(z.string(), z.int()), { 'a b': 'x' }, 'data["a b"]: expected a number, received "x"'],
    [z.map(z.string(), z.int()), new Map([['k', 'x']]), 'data.k: expected a number, received "x"'],
    [z.set(z.int()), new Set(['x']), 'data: expected a number, received Set(1) ["x"]'],
    [z.string().refine((text) => text === 'a', 'must be a'), 'b', 'data: expected must be a, received "b"'],
    [z.string().refine(() => false), 'b', 'data: expected a value that the schema accepts, received "b"'],
    [z.string('a name, please'), 5, 'data: expected a string (a name, please), received 5'],
    [
      z.object({ a: z.int(), b: z.int() }).refine(({ a, b }) => a < b, { error: 'a below b', path: ['b'] }),
      { a: 2, b: 1 },
      'data.b: expected a below b, received 1',
    ],
  ]
  for (const [schema, input, problem] of cases) {
    test(`says: ${problem}`, () => expect(problemOf(schema, input)).toBe(problem))
  }

  test('cuts long values short', () => {
    const line = lineOf(z.object({ a: z.int() }), { a: 'x'.repeat(10_000) })
    expect(line).toMatch(/received "x{80}"… \(10000 characters\)$/)
    expect(lineOf(z.int(), 10n ** 5000n).length).toBeLessThan(300)
    expect(lineOf(z.int(), { ['k'.repeat(5000)]: 'v'.repeat(5000) }).length).toBeLessThan(400)
  })

  test('survives cycles, getters that throw and proxies that refuse', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    expect(lineOf(z.int(), cycle)).toMatch(/received \{ self: \[circular\] \}/)
    const throwing = {
      get a(): never {
        throw new Error('no')
      },
    }
    expect(lineOf(z.int(), throwing)).toMatch(/received \[unreadable\]/)
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(lineOf(z.int(), { proxy })).toMatch(/received \[unreadable\]/)
  })
})

describe('the error', () => {
  const error = errorOf(z.object({ lines: z.array(z.object({ sku: z.string() })) }), { lines: [{ sku: 1 }] })

  test('holds the issues as data', () => {
    expect(error.issues).toEqual([
      { path: ['data', 'lines', 0, 'sku'], code: 'invalid_type', expected: 'a string', received: '1' },
    ])
    expect(error).toMatchObject({
      name: 'InvalidEventError',
      code: 'INVALID_EVENT',
      type: 'shop.order.placed',
      version: 1,
    })
  })

  test('is known by its code and writes itself as JSON', () => {
    expect(isTidingsError(error, 'INVALID_EVENT')).toBe(true)
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'InvalidEventError',
      code: 'INVALID_EVENT',
      message: error.message,
      details: { type: 'shop.order.placed', version: 1, issues: error.issues },
    })
  })

  test('can always be written as JSON, and says something about any value', () => {
    const schema = z.strictObject({ a: z.never(), b: z.union([z.never(), z.strictObject({ c: z.never() })]) })
    fc.assert(
      fc.property(anything, (value) => {
        const found = errorOf(schema, value)
        expect(found.issues.length).toBeGreaterThan(0)
        for (const issue of found.issues) expect(issue.received.length).toBeLessThan(200)
        expect(JSON.parse(JSON.stringify(found))).toMatchObject({ code: 'INVALID_EVENT' })
      }),
      { numRuns: 500 },
    )
  })
})
