import { defineEvent, type StandardSchema } from '@tidings/events'
import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { sample } from '../src/index.ts'

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
})

interface Category {
  name: string
  children: Category[]
  parent?: Category | undefined
}
const category: z.ZodType<Category> = z.lazy(() =>
  z.object({ name: z.string(), children: z.array(category), parent: category.optional() }),
)

const schemas: Readonly<Record<string, z.ZodType>> = {
  'a plain string': z.string(),
  'a string with bounds': z.string().min(20).max(22),
  'a string of one length': z.string().length(4),
  'an empty string': z.string().max(0),
  'a string with parts': z.string().startsWith('SKU-').includes('x').endsWith('!').min(12),
  'upper case': z.string().uppercase().min(3),
  'a trimmed string in lower case': z.string().trim().toLowerCase().min(2),
  uuid: z.uuid(),
  'uuid of version 7': z.uuidv7(),
  email: z.email(),
  url: z.url(),
  datetime: z.iso.datetime(),
  'datetime with precision': z.iso.datetime({ precision: 0 }),
  'datetime with an offset': z.iso.datetime({ offset: true }),
  date: z.iso.date(),
  time: z.iso.time(),
  duration: z.iso.duration(),
  ipv4: z.ipv4(),
  ipv6: z.ipv6(),
  base64: z.base64(),
  base64url: z.base64url(),
  jwt: z.jwt(),
  nanoid: z.nanoid(),
  cuid2: z.cuid2(),
  ulid: z.ulid(),
  e164: z.e164(),
  emoji: z.emoji(),
  'a pattern': z.string().regex(/^[A-Z]{3}-\d{4}(-(red|blue))?$/),
  'a pattern with a negated class': z.string().regex(/^[^\s@]+@\w+\.(com|org)$/),
  'a number': z.number(),
  'a number between bounds': z.number().min(0.5).max(0.75),
  'a number within open bounds': z.number().gt(1).lt(1.01),
  'a positive integer': z.int().positive(),
  'a negative integer': z.int().negative().min(-3),
  'an int32': z.int32(),
  'a multiple': z.number().multipleOf(0.05).min(1).max(9),
  'a bigint': z.bigint(),
  'a bigint between bounds': z.bigint().min(10n).lt(12n),
  'a multiple of a bigint': z.bigint().multipleOf(7n).positive(),
  'a boolean': z.boolean(),
  'a date with bounds': z.date().min(new Date(0)).max(new Date(5)),
  null: z.null(),
  'an enum': z.enum(['red', 'green']),
  'a literal': z.literal(['a', 1, null]),
  'a template literal': z.templateLiteral(['order-', z.int().positive()]),
  'an array': z.array(z.int()).min(2).max(3),
  'an array of one length': z.array(z.string()).length(4),
  'a tuple': z.tuple([z.string(), z.int().optional()]),
  'a tuple with a rest': z.tuple([z.string()], z.int()),
  'a record': z.record(z.string(), z.int()),
  'a record of an enum': z.record(z.enum(['a', 'b']), z.int()),
  'a partial record': z.partialRecord(z.enum(['a', 'b']), z.int()),
  'a map': z.map(z.string(), z.int()),
  'a set': z.set(z.int()).min(2).max(4),
  'a strict object': z.strictObject({ a: z.int(), b: z.string().optional() }),
  'a loose object': z.looseObject({ a: z.int() }),
  'an optional field': z.object({ a: z.int().optional(), b: z.string().nullable(), c: z.string().nullish() }),
  'a default': z.object({ a: z.int().default(3), b: z.string().prefault('x'), c: z.int().catch(1) }),
  'a union': z.union([z.string().max(3), z.int()]),
  'a discriminated union': z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('card'), number: z.string().length(4) }),
    z.object({ kind: z.literal('cash') }),
  ]),
  'an intersection': z.intersection(z.object({ a: z.int() }), z.object({ b: z.string() })),
  'a recursive type': category,
  'something readonly': z.array(z.int()).readonly(),
  'a codec': z.object({ at: isoDate, list: z.array(isoDate) }),
  'a yes or no in text': z.stringbool(),
  'a coerced number': z.coerce.number().min(5),
  'what is preprocessed': z.preprocess((value) => value, z.int()),
  bytes: z.instanceof(Uint8Array),
  'a refined string': z.string().refine((text) => text.length % 2 === 0),
  'a refined object': z.object({ from: z.int().max(1000), to: z.int().max(1000) }).refine(({ from, to }) => from < to),
  unknown: z.unknown(),
}

const definitionOf = (schema: StandardSchema) => defineEvent('sample.made', schema)

describe('sample makes valid data', () => {
  test.for(Object.keys(schemas))('of %s, for every seed, the same for the same seed', (name) => {
    const definition = defineEvent('sample.made', z.object({ value: schemas[name]! }))
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const made = sample(definition, undefined, { seed })
        definition.create(made)
        expect(sample(definition, undefined, { seed })).toEqual(made)
      }),
      { numRuns: 40 },
    )
  })

  test('of schemas put together at random', () => {
    const { tree } = fc.letrec<{ tree: z.ZodType }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.constantFrom(...Object.entries(schemas).flatMap(([name, schema]) => (name === 'unknown' ? [] : [schema]))),
        tie('tree').map((inner) => z.object({ inner, other: z.string() })),
        tie('tree').map((inner) => z.array(inner).max(2)),
        tie('tree').map((inner) => inner.optional()),
        tie('tree').map((inner) => inner.nullable()),
        fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => z.tuple([a, b])),
        fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => z.object({ a, b })),
      ),
    }))
    fc.assert(
      fc.property(tree, fc.nat(), (schema, seed) => {
        const definition = defineEvent('sample.made', z.object({ schema }))
        definition.create(sample(definition, undefined, { seed }) as never)
      }),
      { numRuns: 300 },
    )
  })
})

const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({
    orderId: z.uuid(),
    quantity: z.int().positive(),
    customer: z.object({ name: z.string(), email: z.email() }),
    payment: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('card'), last4: z.string().length(4) }),
      z.object({ kind: z.literal('transfer'), iban: z.string() }),
    ]),
  }),
  key: (order) => order.orderId,
})

test('other seeds make other data', () => {
  const ids = new Set(Array.from({ length: 100 }, (_, seed) => sample(OrderPlaced, {}, { seed }).orderId))
  expect(ids.size).toBe(100)
})

test('overrides go as deep as objects do, and choose the option of a union', () => {
  for (let seed = 0; seed < 20; seed++) {
    const made = sample(OrderPlaced, { quantity: 7, customer: { name: 'Ada' }, payment: { kind: 'card' } }, { seed })
    expect(made).toMatchObject({ quantity: 7, customer: { name: 'Ada', email: expect.stringContaining('@') } })
    expect(made.payment).toMatchObject({ kind: 'card', last4: expect.any(String) })
  }
})

test('the data and the overrides have the types of the definition', () => {
  expectTypeOf(sample(OrderPlaced).quantity).toBeNumber()
  // @ts-expect-error a quantity is a number
  expect(() => sample(OrderPlaced, { quantity: 'many' })).toThrow('quantity')
})

test('a value that cannot be made is an error that names the path, until it is given', () => {
  const Priced = defineEvent(
    'priced',
    z.object({
      lines: z.array(z.object({ width: z.custom<`${number}px`>((value) => /^\d+px$/.test(String(value))) })).min(1),
    }),
  )
  expect(() => sample(Priced)).toThrow(
    'no sample of `lines.0.width` can be made: it is a custom type\nGive its value among the overrides of sample.',
  )
  expect(sample(Priced, { lines: [{ width: '7px' }] })).toEqual({ lines: [{ width: '7px' }] })
})

test('a rule that chance does not meet is an error that names the path', () => {
  const Lucky = defineEvent('lucky', z.object({ ticket: z.string().refine((text) => text === 'the winner') }))
  expect(() => sample(Lucky)).toThrow('no sample of `ticket` can be made: a rule of its schema was met in none of')
  expect(sample(Lucky, { ticket: 'the winner' })).toEqual({ ticket: 'the winner' })
})

test('a pattern with more than characters and repetitions is refused', () => {
  const Looking = defineEvent('looking', z.object({ code: z.string().regex(/^(?=.*\d)[a-z\d]+$/) }))
  expect(() => sample(Looking)).toThrow('is beyond what sample reads')
})

test('an override that does not fit the schema is refused, with its path', () => {
  expect(() => sample(OrderPlaced, { quantity: -1 })).toThrow('no sample of `quantity` can be made')
})

test('another validator than zod gets its data from the overrides', () => {
  const schema = {
    '~standard': { version: 1, vendor: 'other', validate: (value: unknown) => ({ value: value as { a: number } }) },
  } as const satisfies StandardSchema
  const Other = definitionOf(schema)
  expect(() => sample(Other)).toThrow('the schema of "sample.made" is of other, and sample reads those of zod')
  expect(sample(Other, { a: 1 })).toEqual({ a: 1 })
})
