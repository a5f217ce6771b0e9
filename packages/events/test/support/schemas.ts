import * as fc from 'fast-check'
import * as z from 'zod'

/** A schema, and values that it accepts. */
export interface Sample {
  readonly schema: z.ZodType
  readonly valid: fc.Arbitrary<unknown>
}

const leaf: fc.Arbitrary<Sample> = fc.constantFrom<Sample>(
  { schema: z.string(), valid: fc.string() },
  { schema: z.string().min(2).max(5), valid: fc.string({ minLength: 2, maxLength: 5 }) },
  { schema: z.uuid(), valid: fc.uuid({ version: 4 }) },
  { schema: z.int(), valid: fc.integer() },
  { schema: z.number().min(0).max(10), valid: fc.double({ min: 0, max: 10, noNaN: true }).map((value) => value + 0) },
  { schema: z.boolean(), valid: fc.boolean() },
  { schema: z.null(), valid: fc.constant(null) },
  { schema: z.enum(['a', 'b', 'c']), valid: fc.constantFrom('a', 'b', 'c') },
  { schema: z.literal([1, 'x', true]), valid: fc.constantFrom(1, 'x', true) },
  { schema: z.string().default('x'), valid: fc.string() },
  { schema: z.string().nullable(), valid: fc.option(fc.string()) },
  {
    schema: z.json(),
    valid: fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  },
)

const node = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', '__proto', 'x-y'), tie('sample'), { maxKeys: 4 }).map(objectOf),
    tie('sample').map(({ schema, valid }) => ({ schema: z.array(schema), valid: fc.array(valid, { maxLength: 4 }) })),
    tie('sample').map(({ schema, valid }) => ({
      schema: z.record(z.string(), schema),
      valid: fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), valid, { maxKeys: 3 }),
    })),
    fc.tuple(tie('sample'), tie('sample')).map(([a, b]) => ({
      schema: z.tuple([a.schema, b.schema]),
      valid: fc.tuple(a.valid, b.valid),
    })),
    fc.tuple(tie('sample'), tie('sample')).map(([a, b]) => ({
      schema: z.union([a.schema, b.schema]),
      valid: fc.oneof(a.valid, b.valid),
    })),
    tie('sample').map(({ schema, valid }) => ({ schema: schema.nullable(), valid: fc.option(valid) })),
  ),
}))

/** Random schemas of JSON types, nested up to three deep, with values that they accept. */
export const samples: fc.Arbitrary<Sample> = node.sample

/** A random schema together with one value that it accepts. */
export const sampleWithValue: fc.Arbitrary<readonly [Sample, unknown]> = samples.chain((sample) =>
  sample.valid.map((value) => [sample, value] as const),
)

/** Anything at all, odd values first. */
export const anything: fc.Arbitrary<unknown> = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withObjectString: true,
  withSparseArray: true,
  withTypedArray: true,
  withBoxedValues: true,
})

function objectOf(fields: Record<string, Sample>): Sample {
  const entries = Object.entries(fields)
  return {
    schema: z.object(Object.fromEntries(entries.map(([key, { schema }]) => [key, schema]))),
    valid: fc.record(Object.fromEntries(entries.map(([key, { valid }]) => [key, valid]))),
  }
}
