import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import { createCatalog, defineEvent, fromCloudEvent, InvalidEventError, toCloudEvent } from '../src/index.ts'

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
})
const bigText = z.codec(z.string().regex(/^-?\d+$/), z.bigint(), { decode: BigInt, encode: String })
const entries = z.codec(z.array(z.tuple([z.string(), z.int()])), z.map(z.string(), z.int()), {
  decode: (list) => new Map(list),
  encode: (map) => [...map],
})
const Moved = defineEvent('account.moved', {
  schema: z.object({
    at: isoDate,
    amount: bigText,
    parts: entries,
    seen: z.array(isoDate).optional(),
    note: z.string().default('none'),
  }),
  key: ({ amount }) => amount,
})
const data = {
  at: new Date('2026-01-31T12:00:00Z'),
  amount: 10n ** 20n,
  parts: new Map([['a', 1]]),
  seen: [new Date(0)],
}
const wire = {
  at: '2026-01-31T12:00:00.000Z',
  amount: '100000000000000000000',
  parts: [['a', 1]],
  seen: ['1970-01-01T00:00:00.000Z'],
  note: 'none',
}

describe('a codec', () => {
  test('is given, and gives to handlers, the decoded value', () => {
    const event = Moved.create(data)
    expect(event.data).toEqual({ ...data, note: 'none' })
    expect(event.data.at).toBeInstanceOf(Date)
    expect(event.subject).toBe('100000000000000000000')
  })

  test('puts the encoded value on the wire, in JSON and in CloudEvents', () => {
    const event = Moved.create(data)
    expect(event.toJSON().data).toEqual(wire)
    expect(JSON.parse(JSON.stringify(event))).toMatchObject({ data: wire })
    expect(toCloudEvent(event)['data']).toEqual(wire)
  })

  test('is decoded when parsed, from JSON and from a CloudEvent', () => {
    const event = Moved.create(data)
    const read = [
      Moved.parse(JSON.parse(JSON.stringify(event))),
      fromCloudEvent(JSON.parse(JSON.stringify(toCloudEvent(event))), createCatalog([Moved])),
    ]
    for (const each of read) expect(each).toEqual(event)
  })

  test('makes data immutable too', () => {
    const { data: kept } = Moved.parse(JSON.parse(JSON.stringify(Moved.create(data))))
    expect(() => (kept.parts as Map<string, number>).set('b', 2)).toThrow(TypeError)
    expect(() => kept.at.setTime(0)).toThrow(TypeError)
    expect(Object.isFrozen(kept)).toBe(true)
  })

  test('refuses the wire form in create, and the decoded form in parse', () => {
    expect(() => Moved.create(wire as never)).toThrow(/data\.at: expected a Date, received "2026-01-31T12:00:00\.000Z"/)
    const json = Moved.create(data).toJSON()
    expect(() => Moved.parse({ ...json, data })).toThrow(/data\.at: expected a string, received Date/)
  })

  test('has its own checks and those of its parents run on the decoded value', () => {
    const Checked = defineEvent(
      'checked',
      z
        .object({ at: isoDate.refine((date) => date.getTime() > 0, 'after 1970') })
        .refine(({ at }) => at.getTime() < 1e12, 'before 2001'),
    )
    const create = (time: number) => Checked.create({ at: new Date(time) })
    expect(() => create(0)).toThrow(/data\.at: expected after 1970/)
    expect(() => create(2e12)).toThrow(/data: expected before 2001/)
    expect(create(5).data.at.getTime()).toBe(5)
    expect(() => Checked.parse({ ...create(5).toJSON(), data: { at: '1970-01-01T00:00:00Z' } })).toThrow(/after 1970/)
  })

  test('works in every structure', () => {
    const inner = z.object({ at: isoDate })
    interface Node {
      at: string
      next?: Node | undefined
    }
    const recursive: z.ZodType<{ at: Date; next?: unknown }, Node> = z.object({
      at: isoDate,
      get next() {
        return recursive.optional()
      },
    }) as never
    const when = new Date(42)
    const cases: [schema: z.ZodType, value: unknown, encoded: unknown][] = [
      [isoDate, when, when.toISOString()],
      [isoDate.optional(), undefined, undefined],
      [isoDate.nullable(), null, null],
      [isoDate.default(when), when, when.toISOString()],
      [isoDate.readonly(), when, when.toISOString()],
      [z.array(inner), [{ at: when }], [{ at: when.toISOString() }]],
      [z.tuple([isoDate], isoDate), [when, when], [when.toISOString(), when.toISOString()]],
      [z.record(z.string(), isoDate), { a: when }, { a: when.toISOString() }],
      [z.union([z.int(), inner]), { at: when }, { at: when.toISOString() }],
      [
        z.discriminatedUnion('k', [z.object({ k: z.literal('a'), at: isoDate }), z.object({ k: z.literal('b') })]),
        { k: 'a', at: when },
        { k: 'a', at: when.toISOString() },
      ],
      [inner.and(z.object({ b: z.int() })), { at: when, b: 1 }, { at: when.toISOString(), b: 1 }],
      [z.lazy(() => inner), { at: when }, { at: when.toISOString() }],
      [recursive, { at: when, next: { at: when } }, { at: when.toISOString(), next: { at: when.toISOString() } }],
      [z.string().pipe(isoDate), when, when.toISOString()],
      [isoDate.pipe(z.date().min(new Date(1))), when, when.toISOString()],
      [z.looseObject({ at: isoDate }), { at: when, more: 1 }, { at: when.toISOString(), more: 1 }],
      [z.object({ a: isoDate, b: z.string().trim() }), { a: when, b: ' x ' }, { a: when.toISOString(), b: 'x' }],
      [
        z.object({ a: isoDate, b: z.string().transform((text) => text.trim()) }),
        { a: when, b: ' x ' },
        { a: when.toISOString(), b: 'x' },
      ],
      [
        z.object({ a: isoDate, b: z.preprocess((value) => String(value), z.string()) }),
        { a: when, b: 5 },
        { a: when.toISOString(), b: '5' },
      ],
      [z.object({ flag: z.stringbool() }), { flag: true }, { flag: 'true' }],
      [z.object({ at: z.coerce.date() }), { at: when }, { at: when.toISOString() }],
      [z.object({ at: z.coerce.date() }), { at: 42 }, { at: when.toISOString() }],
      [z.object({ n: z.coerce.bigint() }), { n: 10n ** 30n }, { n: `1${'0'.repeat(30)}` }],
    ]
    for (const [schema, value, encoded] of cases) {
      const Wrapped = defineEvent('wrapped', schema)
      const event = Wrapped.create(value)
      expect(event.toJSON().data).toEqual(encoded)
      expect(Wrapped.parse(JSON.parse(JSON.stringify(event)))).toEqual(event)
    }
  })

  test('in a prefault is decoded for create', () => {
    const Prefaulted = defineEvent('prefaulted', z.object({ at: isoDate.prefault('1970-01-01T00:00:00Z') }))
    expect(Prefaulted.create({}).data.at).toEqual(new Date(0))
    expect(Prefaulted.create({ at: new Date(1) }).data.at).toEqual(new Date(1))
  })

  test('that cannot encode a value is an invalid event, with the cause', () => {
    const Odd = defineEvent(
      'odd',
      z.codec(z.string().min(5), z.string(), { decode: (text) => text, encode: (text) => text }),
    )
    const event = Odd.create('abc')
    expect(() => JSON.stringify(event)).toThrow(InvalidEventError)
    expect(() => JSON.stringify(event)).toThrow(/data that the codecs of the schema can encode/)
  })

  test('INVARIANT: an event with codecs comes back from the wire as it was', () => {
    const input = fc.record({
      at: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z') }),
      amount: fc.bigInt(),
      parts: fc.array(fc.tuple(fc.string(), fc.integer())).map((list) => new Map(list)),
      seen: fc.option(fc.array(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(1e12) })), {
        nil: undefined,
      }),
    })
    fc.assert(
      fc.property(input, (given) => {
        const event = Moved.create(given)
        const text = JSON.stringify(event)
        const read = Moved.parse(JSON.parse(text))
        expect(read).toEqual(event)
        expect(JSON.stringify(read)).toBe(text)
        expect(fromCloudEvent(JSON.parse(JSON.stringify(toCloudEvent(event))), Moved)).toEqual(event)
      }),
    )
  })
})

describe('data that JSON cannot carry', () => {
  const Any = defineEvent('any', z.object({ value: z.any() }))
  const refused: [name: string, value: unknown, place: RegExp][] = [
    ['a bigint', 1n, /data\.value: .*JSON has no bigint.*received 1n/],
    ['a Date', new Date(0), /data\.value: .*plain objects and arrays only/],
    ['a Map', new Map(), /data\.value: .*received Map\(0\)/],
    ['a Set', new Set(), /received Set\(0\)/],
    ['NaN', Number.NaN, /JSON writes it as null.*received NaN/],
    ['Infinity', [1, Number.POSITIVE_INFINITY], /data\.value\[1\]/],
    ['undefined in an array', [undefined], /data\.value\[0\]: .*JSON writes it as null/],
    ['a function', { call: () => 1 }, /data\.value\.call: .*JSON has no function/],
    ['a symbol', Symbol('x'), /JSON has no symbol/],
    ['bytes', new Uint8Array(2), /received Uint8Array \(2 bytes\)/],
    [
      'an instance',
      new (class Money {
        amount = 1
      })(),
      /received Money \{ amount: 1 \}/,
    ],
  ]
  for (const [name, value, message] of refused) {
    test(`is refused where it would be lost: ${name}`, () => {
      const event = Any.create({ value })
      for (const write of [() => JSON.stringify(event), () => toCloudEvent(event)]) {
        expect(write).toThrow(InvalidEventError)
        expect(write).toThrow(message)
        expect(write).toThrow(/Use a JSON type, or a z\.codec\(\)/)
      }
    })
  }

  test('is refused when it contains itself', () => {
    const value: unknown[] = []
    value.push(value)
    expect(() => JSON.stringify(Any.create({ value }))).toThrow(/data\.value\[0\]: .*it contains itself/)
  })

  test('is found by the schemas that let it through', () => {
    const cases: [schema: z.ZodType, value: unknown][] = [
      [z.date(), new Date(0)],
      [z.bigint(), 1n],
      [z.map(z.string(), z.string()), new Map()],
      [z.set(z.string()), new Set()],
      [z.nan(), Number.NaN],
      [z.literal(1n), 1n],
      [z.custom<Date>(() => true), new Date(0)],
      [z.string().transform((text) => new Date(text)), '2026-01-31'],
      [z.array(z.string().optional()), [undefined]],
      [z.looseObject({}), { a: new Date(0) }],
      [z.union([z.string(), z.date()]), new Date(0)],
      [z.codec(z.date(), z.string(), { decode: String, encode: (text) => new Date(text) }), 'Thu Jan 01 1970'],
    ]
    for (const [schema, value] of cases) {
      const event = defineEvent('leaky', z.object({ value: schema })).create({ value })
      expect(() => JSON.stringify(event)).toThrow(InvalidEventError)
    }
  })

  test('is no hindrance in the process', () => {
    expect(Any.create({ value: new Map([['a', 1n]]) }).data.value).toEqual(new Map([['a', 1n]]))
  })

  test('leaves out properties that are undefined, and reads them back as left out', () => {
    const Optional = defineEvent('optional', z.object({ a: z.string().optional(), b: z.any() }))
    const event = Optional.create({ a: undefined, b: { c: undefined } })
    expect(JSON.parse(JSON.stringify(event))).toMatchObject({ data: { b: {} } })
  })

  test('may be shared: the same object twice is no cycle', () => {
    const shared = { a: 1 }
    expect(Any.create({ value: [shared, shared] }).toJSON().data).toEqual({ value: [{ a: 1 }, { a: 1 }] })
  })
})
