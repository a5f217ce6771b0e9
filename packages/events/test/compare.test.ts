import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import {
  type CatalogChange,
  type CatalogSnapshot,
  compareCatalogs,
  createCatalog,
  defineEvent,
  InvalidDefinitionError,
  type StandardSchema,
} from '../src/index.ts'
import { samples } from './support/schemas.ts'

const catalogOf = (schema: StandardSchema) => createCatalog([defineEvent('event', schema)])
const changesOf = (older: StandardSchema, newer: StandardSchema): readonly CatalogChange[] => {
  const { breaking, compatible } = catalogOf(newer).compare(catalogOf(older), { compatibility: 'full' })
  return [...breaking, ...compatible]
}
/** `path kind: breaks`, the short form in which the tables below are written. */
const short = ({ path, kind, breaks }: CatalogChange) => `${path} ${kind}: ${breaks.join('+') || 'ok'}`
const between = (older: StandardSchema, newer: StandardSchema) => changesOf(older, newer).map(short)

describe('a change of the schema', () => {
  const o = z.object
  const s = z.string()
  // Each row: what is done, before, after, the changes found. The way back must break what the way there did not.
  const rows: [name: string, older: z.ZodType, newer: z.ZodType, there: string[], back: string[]][] = [
    [
      'a required property',
      o({ a: s }),
      o({ a: s, b: s }),
      ['data.b property-added: backward'],
      ['data.b property-removed: forward'],
    ],
    [
      'an optional property',
      o({ a: s }),
      o({ a: s, b: s.optional() }),
      ['data.b property-added: ok'],
      ['data.b property-removed: ok'],
    ],
    [
      'a property with a default',
      o({ a: s }),
      o({ a: s, b: s.default('x') }),
      ['data.b property-added: ok'],
      ['data.b property-removed: ok'],
    ],
    [
      'a property of a strict object',
      z.strictObject({ a: s }),
      z.strictObject({ a: s, b: s.optional() }),
      ['data.b property-added: forward'],
      ['data.b property-removed: backward'],
    ],
    [
      'a required property of a strict object',
      z.strictObject({}),
      z.strictObject({ b: s }),
      ['data.b property-added: backward+forward'],
      ['data.b property-removed: backward+forward'],
    ],
    [
      'a property of a loose object',
      z.looseObject({}),
      z.looseObject({ b: s.optional() }),
      ['data.b property-added: backward'],
      ['data.b property-removed: forward'],
    ],
    [
      'a property that a catchall allowed',
      o({}).catchall(s),
      o({ b: s.optional() }).catchall(s),
      ['data.b property-added: ok'],
      ['data.b property-removed: ok'],
    ],
    [
      'a property that a catchall did not allow',
      o({}).catchall(s),
      o({ b: z.int().optional() }).catchall(s),
      ['data.b property-added: backward+forward'],
      ['data.b property-removed: backward+forward'],
    ],
    [
      'optional to required',
      o({ a: s.optional() }),
      o({ a: s }),
      ['data.a property-required: backward'],
      ['data.a property-optional: forward'],
    ],
    [
      'required to defaulted',
      o({ a: s }),
      o({ a: s.default('x') }),
      ['data.a property-optional: ok'],
      ['data.a property-required: backward'],
    ],
    [
      'another default',
      o({ a: s.default('x') }),
      o({ a: s.default('y') }),
      ['data.a default-changed: ok'],
      ['data.a default-changed: ok'],
    ],
    [
      'text to number',
      o({ a: s }),
      o({ a: z.number() }),
      ['data.a type-changed: backward+forward'],
      ['data.a type-changed: backward+forward'],
    ],
    [
      'integer to number',
      o({ a: z.int() }),
      o({ a: z.number() }),
      ['data.a type-changed: forward'],
      ['data.a type-changed: backward'],
    ],
    [
      'object to array',
      o({ a: o({}) }),
      o({ a: z.array(s) }),
      ['data.a type-changed: backward+forward'],
      ['data.a type-changed: backward+forward'],
    ],
    [
      'text to anything',
      o({ a: s }),
      o({ a: z.any() }),
      ['data.a type-changed: forward'],
      ['data.a type-changed: backward'],
    ],
    [
      'nothing to text',
      o({ a: z.never() }),
      o({ a: s }),
      ['data.a type-changed: forward'],
      ['data.a type-changed: backward'],
    ],
    [
      'an enum with one more',
      z.enum(['a', 'b']),
      z.enum(['a', 'b', 'c']),
      ['data values-changed: forward'],
      ['data values-changed: backward'],
    ],
    [
      'an enum with another',
      z.enum(['a', 'b']),
      z.enum(['a', 'c']),
      ['data values-changed: backward', 'data values-changed: forward'],
      ['data values-changed: backward', 'data values-changed: forward'],
    ],
    ['an enum in another order', z.enum(['a', 'b']), z.enum(['b', 'a']), [], []],
    ['an enum to text', z.enum(['a', 'b']), s, ['data values-changed: forward'], ['data values-changed: backward']],
    [
      'an enum to short text',
      z.enum(['a', 'bbb']),
      s.max(2),
      ['data values-changed: backward+forward'],
      ['data values-changed: backward'],
    ],
    [
      'a constant to another',
      z.literal('a'),
      z.literal('b'),
      ['data values-changed: backward', 'data values-changed: forward'],
      ['data values-changed: backward', 'data values-changed: forward'],
    ],
    [
      'a constant to an enum',
      z.literal('a'),
      z.enum(['a', 'b']),
      ['data values-changed: forward'],
      ['data values-changed: backward'],
    ],
    [
      'a mixed literal with one less',
      z.literal([1, 'a', true]),
      z.literal([1, 'a']),
      ['data alternative-removed: backward'],
      ['data alternative-added: forward'],
    ],
    [
      'a higher minimum',
      z.number().min(1),
      z.number().min(2),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    [
      'a minimum to an exclusive one',
      z.number().min(1),
      z.number().gt(1),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    [
      'a minimum added',
      z.number(),
      z.number().min(0),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    [
      'a minimum of an integer added',
      z.int(),
      z.int().min(0),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    [
      'a lower maximum',
      z.number().max(9),
      z.number().max(8),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    ['a longer text', s.max(5), s.max(9), ['data constraint-changed: forward'], ['data constraint-changed: backward']],
    ['a shortest text', s, s.min(1), ['data constraint-changed: backward'], ['data constraint-changed: forward']],
    [
      'a multiple',
      z.number(),
      z.number().multipleOf(5),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    [
      'a multiple of the multiple',
      z.number().multipleOf(2),
      z.number().multipleOf(4),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    [
      'another multiple',
      z.number().multipleOf(2),
      z.number().multipleOf(3),
      ['data constraint-changed: backward+forward'],
      ['data constraint-changed: backward+forward'],
    ],
    ['a pattern', s, s.regex(/a/), ['data constraint-changed: backward'], ['data constraint-changed: forward']],
    [
      'a second pattern',
      s.regex(/a/),
      s.regex(/a/).regex(/b/),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    [
      'another pattern',
      s.regex(/a/),
      s.regex(/b/),
      ['data constraint-changed: backward+forward'],
      ['data constraint-changed: backward+forward'],
    ],
    ['a format', s, z.email(), ['data constraint-changed: backward'], ['data constraint-changed: forward']],
    [
      'another format',
      z.uuid(),
      z.email(),
      ['data constraint-changed: backward+forward'],
      ['data constraint-changed: backward+forward'],
    ],
    [
      'null allowed',
      o({ a: s }),
      o({ a: s.nullable() }),
      ['data.a alternative-added: forward'],
      ['data.a alternative-removed: backward'],
    ],
    [
      'null allowed in a union',
      z.union([s, z.int()]),
      z.union([s, z.int(), z.null()]),
      ['data alternative-added: forward'],
      ['data alternative-removed: backward'],
    ],
    [
      'unknown keys refused',
      o({ a: s }),
      z.strictObject({ a: s }),
      ['data.* unknown-keys-changed: backward'],
      ['data.* unknown-keys-changed: ok'],
    ],
    [
      'unknown keys kept',
      o({ a: s }),
      z.looseObject({ a: s }),
      ['data.* unknown-keys-changed: ok'],
      ['data.* unknown-keys-changed: ok'],
    ],
    [
      'unknown keys of a strict object kept',
      z.strictObject({ a: s }),
      z.looseObject({ a: s }),
      ['data.* unknown-keys-changed: forward'],
      ['data.* unknown-keys-changed: backward'],
    ],
    [
      'another catchall',
      o({}).catchall(s),
      o({}).catchall(z.int()),
      ['data.* type-changed: backward+forward'],
      ['data.* type-changed: backward+forward'],
    ],
    [
      'a catchall added',
      o({}),
      o({}).catchall(s),
      ['data.* unknown-keys-changed: backward'],
      ['data.* unknown-keys-changed: ok'],
    ],
    [
      'a property deep inside',
      o({ a: o({ b: z.array(o({ c: s })) }) }),
      o({ a: o({ b: z.array(o({ c: s, d: s })) }) }),
      ['data.a.b[].d property-added: backward'],
      ['data.a.b[].d property-removed: forward'],
    ],
    [
      'an odd name',
      o({}),
      o({ 'x-y z': s }),
      ['data["x-y z"] property-added: backward'],
      ['data["x-y z"] property-removed: forward'],
    ],
    [
      'other items',
      z.array(s),
      z.array(z.int()),
      ['data[] type-changed: backward+forward'],
      ['data[] type-changed: backward+forward'],
    ],
    [
      'more items',
      z.array(s),
      z.array(s).min(2),
      ['data constraint-changed: backward'],
      ['data constraint-changed: forward'],
    ],
    [
      'another item of a tuple',
      z.tuple([s, s]),
      z.tuple([s, z.int()]),
      ['data[1] type-changed: backward+forward'],
      ['data[1] type-changed: backward+forward'],
    ],
    [
      'a rest of a tuple',
      z.tuple([s]),
      z.tuple([s], z.int()),
      ['data constraint-changed: forward', 'data[] items-changed: forward'],
      ['data constraint-changed: backward', 'data[] items-changed: backward'],
    ],
    [
      'a tuple to an array',
      z.tuple([s]),
      z.array(s),
      ['data constraint-changed: forward', 'data constraint-changed: forward', 'data[] items-changed: forward'],
      ['data constraint-changed: backward', 'data constraint-changed: backward', 'data[] items-changed: backward'],
    ],
    [
      'another union member',
      z.union([s, z.int()]),
      z.union([s, z.boolean()]),
      ['data alternative-removed: backward', 'data alternative-added: forward'],
      ['data alternative-removed: backward', 'data alternative-added: forward'],
    ],
    ['a union in another order', z.union([s, z.int(), o({ a: s })]), z.union([o({ a: s }), z.int(), s]), [], []],
    [
      'a union around a type',
      s,
      z.union([s, z.int()]),
      ['data alternative-added: forward'],
      ['data alternative-removed: backward'],
    ],
    [
      'a member of a union',
      z.union([z.int(), o({ a: s })]),
      z.union([z.int(), o({ a: s, b: s })]),
      ['data.b property-added: backward'],
      ['data.b property-removed: forward'],
    ],
    [
      'a member of a discriminated union',
      z.discriminatedUnion('k', [o({ k: z.literal('a'), v: s }), o({ k: z.literal('b') })]),
      z.discriminatedUnion('k', [o({ k: z.literal('a'), v: z.int() }), o({ k: z.literal('b') })]),
      ['data.v type-changed: backward+forward'],
      ['data.v type-changed: backward+forward'],
    ],
    [
      'a new member of a discriminated union',
      z.discriminatedUnion('k', [o({ k: z.literal('a') })]),
      z.discriminatedUnion('k', [o({ k: z.literal('a') }), o({ k: z.literal('b') })]),
      ['data alternative-added: forward'],
      ['data alternative-removed: backward'],
    ],
    [
      'a record of other values',
      z.record(s, s),
      z.record(s, z.int()),
      ['data.* type-changed: backward+forward'],
      ['data.* type-changed: backward+forward'],
    ],
    [
      'a record of other keys',
      z.record(s, s),
      z.record(z.email(), s),
      ['data.(key) constraint-changed: backward'],
      ['data.(key) constraint-changed: forward'],
    ],
    [
      'a record with one more key',
      z.record(z.enum(['a']), s),
      z.record(z.enum(['a', 'b']), s),
      ['data.b property-added: backward', 'data.(key) values-changed: forward'],
      ['data.b property-removed: forward', 'data.(key) values-changed: backward'],
    ],
    [
      'an intersection',
      o({ a: s }).and(o({ b: s })),
      o({ a: s }).and(o({ b: s, c: s })),
      ['data.c property-added: backward'],
      ['data.c property-removed: forward'],
    ],
    ['an intersection that says the same as one object', o({ a: s }).and(o({ b: s })), o({ a: s, b: s }), [], []],
    [
      'a codec for its wire type',
      o({ a: s }),
      o({ a: z.codec(s, z.date(), { decode: (text) => new Date(text), encode: String }) }),
      [],
      [],
    ],
    [
      'a codec with another wire type',
      o({ a: s }),
      o({ a: z.codec(z.int(), z.date(), { decode: (at) => new Date(at), encode: Number }) }),
      ['data.a type-changed: backward+forward'],
      ['data.a type-changed: backward+forward'],
    ],
    [
      'types without JSON',
      o({ a: z.date() }),
      o({ a: z.bigint() }),
      ['data.a type-changed: backward+forward'],
      ['data.a type-changed: backward+forward'],
    ],
    [
      'a description, a title, a mark',
      o({ a: s }),
      o({ a: s.describe('x').meta({ title: 'y', sensitive: true }) }),
      [],
      [],
    ],
    ['the order of properties', o({ a: s, b: s }), o({ b: s, a: s }), [], []],
  ]
  for (const [name, older, newer, there, back] of rows) {
    test(`${name}: ${there.join(', ') || 'no change'}`, () => expect(between(older, newer)).toEqual(there))
    test(`${name}, the way back: ${back.join(', ') || 'no change'}`, () => expect(between(newer, older)).toEqual(back))
  }

  test('in a recursive schema is found once', () => {
    const tree = (leaf: z.ZodType) => {
      const node = z.object({
        leaf,
        get children() {
          return z.array(node)
        },
      })
      return node
    }
    expect(between(tree(s), tree(s))).toEqual([])
    expect(between(tree(s), tree(z.int()))).toEqual(['data.leaf type-changed: backward+forward'])
    expect(between(z.object({ tree: tree(s) }), z.object({ tree: tree(s.min(2)) }))).toEqual([
      'data.tree.leaf constraint-changed: backward',
    ])
  })

  test('behind a name is found, and the name does not matter', () => {
    const registry = (id: string, schema: z.ZodType) => schema.meta({ id })
    const before = z.object({ a: registry('compareMoney', o({ amount: z.int() })), b: s })
    const renamed = z.object({ a: registry('compareAmount', o({ amount: z.int() })), b: s })
    const changed = z.object({ a: registry('compareSum', o({ amount: s })), b: s })
    expect(between(before, renamed)).toEqual([])
    expect(between(before, changed)).toEqual(['data.a.amount type-changed: backward+forward'])
  })

  test('that no rule can judge is reported for both directions', () => {
    const described = (schema: object) => ({
      '~standard': {
        version: 1 as const,
        vendor: 'own',
        validate: (value: unknown) => ({ value }),
        jsonSchema: { input: () => schema },
      },
    })
    expect(between(described({ type: 'object', if: {}, else: {} }), described({ type: 'object' }))).toEqual([
      'data not-comparable: backward+forward',
      'data not-comparable: backward+forward',
    ])
  })

  test('is not seen where a vendor has no JSON Schema on either side, and not trusted where one has', () => {
    const opaque: StandardSchema = { '~standard': { version: 1, vendor: 'own', validate: (value) => ({ value }) } }
    expect(between(opaque, opaque)).toEqual([])
    expect(between(opaque, z.string())).toEqual(['data not-comparable: backward+forward'])
  })
})

describe('a change of the catalog', () => {
  const v = (version: number, schema: z.ZodType) =>
    defineEvent('shop.order.placed', {
      version,
      schema,
      upcast: Object.fromEntries(Array.from({ length: version - 1 }, (_, index) => [index + 1, (old: unknown) => old])),
    })
  const before = createCatalog([v(1, z.object({ a: z.string() }))])

  test('a type removed breaks whoever reads its events', () => {
    const { breaking } = createCatalog([]).compare(before)
    expect(breaking).toEqual([
      {
        type: 'shop.order.placed',
        path: '',
        kind: 'event-removed',
        breaks: ['backward'],
        what: 'the event type was removed',
        why: 'old events cannot be read',
        fix: expect.stringContaining('Keep the definition'),
        message: expect.stringMatching(
          /^shop\.order\.placed: the event type was removed: old events cannot be read\nKeep/,
        ),
      },
    ])
  })

  test('a type added breaks nobody', () => {
    expect(before.compare(createCatalog([]), { compatibility: 'full' })).toMatchObject({
      breaking: [],
      compatible: [{ kind: 'event-added', fix: undefined }],
    })
  })

  test('an incompatible change without a new version says how to make one', () => {
    const { breaking } = createCatalog([v(1, z.object({ a: z.int() }))]).compare(before)
    expect(breaking[0]?.message).toBe(
      'shop.order.placed at data.a: a string became an integer: old events hold a string here; new events hold an integer here\n' +
        'Raise `version` to 2 and add upcast[1], which brings old data to the new schema.',
    )
  })

  test('an incompatible change with a new version and its upcaster is compatible for new consumers, not for old ones', () => {
    const next = createCatalog([v(2, z.object({ a: z.int() }))])
    expect(next.compare(before)).toMatchObject({
      breaking: [],
      compatible: [
        {
          kind: 'version-raised',
          breaks: ['forward'],
          fix: 'Deploy consumers with the new definition before producers.',
        },
        { kind: 'type-changed', breaks: [], why: 'data of version 1 goes through the upcasters' },
      ],
    })
    expect(next.compare(before, { compatibility: 'forward' }).breaking).toMatchObject([{ kind: 'version-raised' }])
    expect(next.compare(before, { compatibility: 'full' }).breaking).toHaveLength(1)
  })

  test('a version raised without an upcaster breaks', () => {
    const newer: CatalogSnapshot = { tidings: 1, events: { 'shop.order.placed': { version: 3, upcasts: [1] } } }
    const { breaking } = compareCatalogs(before, newer)
    expect(breaking).toMatchObject([
      {
        kind: 'upcaster-missing',
        what: 'the version was raised from 1 to 3 without an upcaster from 2',
        fix: 'Add upcast[2].',
      },
    ])
  })

  test('a version lowered breaks', () => {
    const { breaking } = before.compare(createCatalog([v(3, z.object({ a: z.string() }))]))
    expect(breaking).toMatchObject([{ kind: 'version-lowered', fix: 'Set `version` to 3 or more.' }])
  })

  test('what breaks only old consumers is compatible by default, and breaking when they are asked for', () => {
    const wider = createCatalog([v(1, z.object({ a: z.string().nullable() }))])
    expect(wider.compare(before)).toMatchObject({ breaking: [], compatible: [{ breaks: ['forward'] }] })
    expect(wider.compare(before, { compatibility: 'forward' }).breaking).toMatchObject([
      { why: 'new events may hold null here', fix: 'Deploy consumers with the new definition before producers.' },
    ])
  })

  test('can be judged against a file that was written before', () => {
    const file = JSON.parse(JSON.stringify(before)) as CatalogSnapshot
    expect(before.compare(file)).toEqual({ breaking: [], compatible: [] })
    expect(createCatalog([v(1, z.object({ a: z.string(), b: z.string() }))]).compare(file).breaking).toMatchObject([
      { path: 'data.b' },
    ])
  })

  test('a file that is none is refused with the place', () => {
    const cases: [file: unknown, message: RegExp][] = [
      [null, /expected a catalog or the JSON of its toJSON\(\) for older, received null/],
      [{}, /received \{\}/],
      [{ tidings: 2, events: {} }, /expected a catalog/],
      [
        { tidings: 1, events: { a: null } },
        /expected a `version` from 1 for older catalog at events\['a'\], received undefined/,
      ],
      [{ tidings: 1, events: { a: { version: 0 } } }, /received 0/],
      [{ tidings: 1, events: { a: { version: 1, upcasts: 'all' } } }, /versions in `upcasts`/],
      [{ tidings: 1, events: { a: { version: 1, schema: [] } } }, /a JSON Schema in `schema`/],
    ]
    for (const [file, message] of cases) {
      expect(() => before.compare(file as CatalogSnapshot)).toThrow(InvalidDefinitionError)
      expect(() => before.compare(file as CatalogSnapshot)).toThrow(message)
    }
  })

  test('every change names type, path, what changed and why, and a fix where it breaks', () => {
    const changes = changesOf(
      z.object({ a: z.string(), b: z.int().optional() }),
      z.strictObject({ a: z.int(), c: z.string() }),
    )
    expect(changes.length).toBeGreaterThan(3)
    for (const change of changes) {
      expect(change).toMatchObject({ type: 'event', what: expect.stringMatching(/./), why: expect.stringMatching(/./) })
      expect(change.fix === undefined).toBe(change.breaks.length === 0)
      expect(change.message).toContain(change.what)
    }
  })
})

describe('for random schemas', () => {
  test('INVARIANT: definitions that are the same compare to nothing', () => {
    fc.assert(
      fc.property(samples, ({ schema }) => {
        const catalog = catalogOf(schema)
        const file = JSON.parse(JSON.stringify(catalog)) as CatalogSnapshot
        for (const older of [catalog, file]) {
          expect(catalog.compare(older, { compatibility: 'full' })).toEqual({ breaking: [], compatible: [] })
        }
      }),
      { numRuns: 300 },
    )
  })

  test('comparing never throws, and the way back breaks the other way round', () => {
    fc.assert(
      fc.property(samples, samples, (a, b) => {
        const there = changesOf(a.schema, b.schema)
        const back = changesOf(b.schema, a.schema)
        const breaks = (changes: readonly CatalogChange[], direction: 'backward' | 'forward') =>
          changes.some((change) => change.breaks.includes(direction))
        expect(there.length === 0).toBe(back.length === 0)
        // Requiring what was optional breaks old events, while old consumers with a default cope with either.
        if (!breaks(there, 'backward') && !breaks(there, 'forward'))
          expect(there.every(({ fix }) => fix === undefined)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('INVARIANT: where nothing breaks backward, whatever the older schema accepted the newer one accepts', () => {
    let compatible = 0
    const pair = samples.chain((sample) =>
      fc.tuple(
        fc.constant(sample),
        fc.constantFrom<(schema: z.ZodType) => z.ZodType>(
          (schema) => schema.nullable(),
          (schema) => z.union([schema, z.int()]),
          (schema) => z.union([z.string(), schema]),
          (schema) => schema.optional(),
          (schema) => z.union([z.strictObject({ inner: z.string() }), schema]),
          () => z.any(),
          () => z.string(),
          () => z.object({ a: z.string().optional() }),
          () => z.array(z.any()),
          () => z.json(),
        ),
        sample.valid,
      ),
    )
    fc.assert(
      fc.property(pair, ([older, change, value]) => {
        const newer = change(older.schema)
        if (catalogOf(newer).compare(catalogOf(older.schema)).breaking.length > 0) return
        compatible++
        expect(newer.safeParse(value).success).toBe(true)
      }),
      { numRuns: 300 },
    )
    expect(compatible).toBeGreaterThan(50)
  })

  test('schemas of every kind can be compared with one another', () => {
    const kinds: z.ZodType[] = [
      z.string(),
      z.bigint(),
      z.date(),
      z.symbol(),
      z.undefined(),
      z.void(),
      z.nan(),
      z.any(),
      z.unknown(),
      z.never(),
      z.map(z.string(), z.int()),
      z.set(z.int()),
      z.custom(() => true),
      z.function(),
      z.file(),
      z.json(),
      z.xor([z.string(), z.int()]),
      z.templateLiteral(['a', z.int()]),
      z.stringbool(),
      z.coerce.number(),
      z.literal([undefined, 1n, null]),
      z.promise(z.string()),
      z.string().transform(Number),
      z.preprocess(String, z.string()),
      z.lazy(() => z.string()),
      z.enum({ A: 1, B: 'b' }),
      z.string().catch('x'),
    ]
    for (const older of kinds) for (const newer of kinds) expect(() => changesOf(older, newer)).not.toThrow()
    for (const kind of kinds) expect(changesOf(kind, kind)).toEqual([])
  })
})
