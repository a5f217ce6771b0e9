import { inspect } from 'node:util'
import { isTidingsError } from '@tidings/core'
import * as fc from 'fast-check'
import * as z from 'zod'
import * as mini from 'zod/mini'
import { describe, expect, test } from 'vitest'
import {
  causedBy,
  createCatalog,
  defineEvent,
  type DefinedEvent,
  fromCloudEvent,
  fromCloudEventBatch,
  fromCloudEventHeaders,
  isEvent,
  type StandardSchema,
  toCloudEvent,
} from '../src/index.ts'

const secret = 'hunter2-4111'
const sensitive = (schema: z.ZodType = z.string()) => schema.meta({ sensitive: true })

/** Everything that an error shows anywhere: message, stack, JSON, fields, causes. */
function shownBy(error: unknown): string {
  const seen = new Set<unknown>()
  const collect = (value: unknown): string => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return String(value)
    seen.add(value)
    const own = Reflect.ownKeys(value).map((key) => `${String(key)}=${collect(Reflect.get(value, key))}`)
    return own.join('\n')
  }
  return [String(error), JSON.stringify(error), inspect(error, { depth: 10, showHidden: true }), collect(error)].join(
    '\n',
  )
}

function refusalsOf(definition: DefinedEvent<string, StandardSchema>, input: unknown): unknown[] {
  const errors: unknown[] = []
  const attempt = (action: () => unknown) => {
    try {
      action()
    } catch (error) {
      errors.push(error)
    }
  }
  const envelope = {
    id: 'e',
    type: definition.type,
    version: definition.version,
    source: '/',
    time: '2026-01-31T12:00:00Z',
  }
  attempt(() => definition.create(input))
  attempt(() => definition.parse({ ...envelope, data: input }))
  const { error } = definition.safeParse({ ...envelope, data: input })
  if (error !== undefined) errors.push(error)
  return errors
}

describe('INVARIANT: a sensitive value reaches no message, no details and no JSON of an error', () => {
  const user = z.object({ name: z.string(), password: z.string().meta({ sensitive: true }) })
  const cases: [name: string, schema: z.ZodType, input: unknown][] = [
    ['when it is itself of a wrong type', z.object({ a: sensitive(z.int()) }), { a: secret }],
    ['when it is too short', z.object({ a: sensitive(z.string().min(100)) }), { a: secret }],
    ['when marked before a check', z.object({ a: z.string().meta({ sensitive: true }).min(100) }), { a: secret }],
    ['when it is optional', z.object({ a: sensitive(z.int()).optional() }), { a: secret }],
    ['when it is nullable', z.object({ a: sensitive(z.int()).nullable() }), { a: secret }],
    ['when it is nullish with a default', z.object({ a: sensitive(z.int()).nullish().default(1) }), { a: secret }],
    ['when it is readonly', z.object({ a: sensitive(z.int()).readonly() }), { a: secret }],
    ['when it is prefaulted', z.object({ a: sensitive(z.int()).prefault(1) }), { a: secret }],
    ['when it is nonoptional', z.object({ a: z.nonoptional(sensitive(z.int()).optional()) }), { a: secret }],
    ['when it is piped', z.object({ a: sensitive().pipe(z.email()) }), { a: secret }],
    [
      'when it is transformed',
      z.object({
        a: sensitive()
          .transform((text) => String(text).length)
          .pipe(z.int().max(1)),
      }),
      { a: secret },
    ],
    ['when it is preprocessed', z.object({ a: z.preprocess((value) => value, sensitive(z.int())) }), { a: secret }],
    ['when it is lazy', z.object({ a: z.lazy(() => sensitive(z.int())) }), { a: secret }],
    [
      'when it is a codec',
      z.object({ a: sensitive(z.codec(z.int(), z.string(), { decode: String, encode: Number })) }),
      { a: [secret] },
    ],
    ['when it is in an array', z.object({ a: z.array(sensitive(z.int())) }), { a: [1, secret] }],
    ['when it is in a tuple', z.object({ a: z.tuple([z.string(), sensitive(z.int())]) }), { a: ['x', secret] }],
    [
      'when it is in the rest of a tuple',
      z.object({ a: z.tuple([z.string()], sensitive(z.int())) }),
      { a: ['x', secret] },
    ],
    ['when it is in a record', z.object({ a: z.record(z.string(), sensitive(z.int())) }), { a: { k: secret } }],
    ['when it is the key of a record', z.record(z.string().meta({ sensitive: true }), z.int()), { [secret]: 'x' }],
    ['when it is a wrong key of a record', z.record(z.email().meta({ sensitive: true }), z.int()), { [secret]: 1 }],
    ['when it is in a Map', z.map(z.string(), sensitive(z.int())), new Map([['k', secret]])],
    ['when it is the key of a Map', z.map(sensitive(z.string()), z.int()), new Map([[secret, 'x']])],
    ['when it is in a Set', z.set(sensitive(z.int())), new Set([secret])],
    ['when it is in a union', z.object({ a: z.union([sensitive(z.int()), z.boolean()]) }), { a: secret }],
    [
      'when one option of a union is sensitive',
      z.object({ a: z.union([z.int(), z.object({ b: sensitive(z.int()) })]) }),
      { a: { b: secret } },
    ],
    [
      'when a union with a structure gets a text',
      z.object({ a: z.union([z.int(), z.object({ b: sensitive() })]) }),
      { a: secret },
    ],
    [
      'when it is in an intersection',
      z.object({ a: z.int() }).and(z.object({ b: sensitive(z.int()) })),
      { a: 1, b: secret },
    ],
    ['when a sibling fails', user, { name: 5, password: secret }],
    ['when its parent has the wrong type', z.object({ user }), { user: secret }],
    ['when its parent is a list', z.object({ user }), { user: [secret, secret] }],
    ['when its parent is JSON text', z.object({ user }), { user: JSON.stringify({ password: secret }) }],
    ['when its parent is a Map', z.object({ user }), { user: new Map([['password', secret]]) }],
    [
      'when its parent is an instance',
      z.object({ user }),
      {
        user: new (class User {
          password = secret
        })(),
      },
    ],
    ['when a list of parents is one parent', z.object({ users: z.array(user) }), { users: { password: secret } }],
    ['when its grandparent is wrong', z.array(z.object({ user })), { user: { password: secret } }],
    ['when all data is wrong', user, secret],
    ['when all data is a list', user, [secret]],
    ['when all data is an Error', user, new Error(secret)],
    ['when all data is a function', user, { password: Object.defineProperty(() => 1, 'name', { value: secret }) }],
    [
      'when keys are unrecognised',
      z.strictObject({ name: z.string(), password: sensitive() }),
      { name: 'a', password: secret, passwort: secret },
    ],
    [
      'when its key is misspelt',
      z.strictObject({ name: z.string(), password: sensitive() }),
      { name: 'a', pasword: secret },
    ],
    [
      'when its key is misspelt below',
      z.object({ name: z.int(), user: z.strictObject({ password: sensitive() }) }),
      { name: secret.length, user: { passwort: { deep: secret } } },
    ],
    [
      'when a value that is not sensitive has a strange shape',
      z.object({ name: z.string(), password: sensitive() }),
      { name: { password: secret }, password: 'x' },
    ],
    ['when the parent is refined', user.refine(() => false, 'no'), { name: 'a', password: secret }],
    [
      'when the message of a refinement quotes it',
      user.refine(() => false, { error: ({ input }) => `bad ${JSON.stringify(input)}` }),
      { name: 'a', password: secret },
    ],
    [
      'when its own message quotes it',
      z.object({ a: sensitive(z.string().min(99, { error: ({ input }) => `bad ${String(input)}` })) }),
      { a: secret },
    ],
    [
      'when superRefine quotes it',
      user.superRefine((value, context) => context.addIssue({ code: 'custom', message: `bad ${value.password}` })),
      { name: 'a', password: secret },
    ],
    [
      'when superRefine names it in a path',
      user.superRefine((value, context) =>
        context.addIssue({ code: 'custom', message: value.password, path: ['name'] }),
      ),
      { name: 'a', password: secret },
    ],
    [
      'when a refinement throws it',
      user.refine((value) => {
        throw new Error(value.password)
      }),
      { name: 'a', password: secret },
    ],
    [
      'when a discriminated union does not match',
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('card'), number: sensitive() }),
        z.object({ kind: z.literal('cash') }),
      ]),
      { kind: 'crad', number: secret },
    ],
    [
      'when the member of a discriminated union fails',
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('card'), number: sensitive(z.int()) }),
        z.object({ kind: z.literal('cash') }),
      ]),
      { kind: 'card', number: secret },
    ],
    [
      'when another member is meant',
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('card'), number: sensitive() }),
        z.strictObject({ kind: z.literal('cash') }),
      ]),
      { kind: 'cash', number: secret },
    ],
    ['when a catchall is sensitive', z.object({ a: z.int() }).catchall(sensitive(z.int())), { a: 1, b: secret }],
    ['when the whole object is', sensitive(z.object({ a: z.int() })), { a: secret }],
    [
      'when it is recursive',
      (() => {
        const node = z.object({
          pin: sensitive(z.int()),
          get next() {
            return node.optional()
          },
        })
        return node
      })(),
      { pin: 1, next: { pin: 2, next: { pin: secret } } },
    ],
    ['when it is long', z.object({ a: sensitive(), b: z.int() }), { a: secret.repeat(100), b: 'x' }],
    ['when it is a symbol', z.object({ a: sensitive() }), { a: Symbol(secret) }],
    ['when it is a symbol in a parent', z.object({ user }), { user: Symbol(secret) }],
  ]
  for (const [name, schema, input] of cases) {
    test(name, () => {
      const errors = refusalsOf(defineEvent('user.signed-in', schema), input)
      expect(errors.length).toBeGreaterThan(0)
      for (const error of errors) expect(shownBy(error)).not.toContain(secret)
    })
  }

  test('when what arrives is no event, or one in a form that is not read here', () => {
    const SignedIn = defineEvent('user.signed-in', user)
    const catalog = createCatalog([SignedIn])
    const json = SignedIn.create({ name: 'a', password: secret }).toJSON()
    const cloudEvent = toCloudEvent(SignedIn.create({ name: 'a', password: secret }))
    const headers = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-type': 'user.signed-in', 'ce-source': '/' }
    const actions: (() => unknown)[] = [
      ...[
        JSON.stringify(json),
        [json],
        cloudEvent,
        { ...json, type: json },
        { ...json, id: json.data },
        secret,
      ].flatMap((value) => [() => SignedIn.parse(value), () => catalog.parse(value)]),
      ...[
        JSON.stringify(cloudEvent),
        [cloudEvent],
        { ...cloudEvent, id: cloudEvent },
        { ...cloudEvent, ext: { secret } },
      ].map((value) => () => fromCloudEvent(value, catalog)),
      () => fromCloudEvent({ ...cloudEvent, datacontenttype: 'text/plain' }, catalog),
      () => fromCloudEvent({ ...cloudEvent, data: undefined, data_base64: secret }, catalog),
      () => fromCloudEvent({ ...cloudEvent, data: undefined, data_base64: btoa(secret) }, catalog),
      () => fromCloudEventBatch(JSON.stringify([cloudEvent]), catalog),
      () => fromCloudEventHeaders({ ...headers, 'content-type': 'application/json' }, `${secret}{`, catalog),
      () => fromCloudEventHeaders({ 'content-type': 'application/cloudevents+json' }, `${secret}{`, catalog),
      () => toCloudEvent({ ...SignedIn.create({ name: 'a', password: secret }) }),
    ]
    for (const action of actions) {
      let error: unknown
      try {
        action()
      } catch (thrown) {
        error = thrown
      }
      expect(isTidingsError(error)).toBe(true)
      expect(shownBy(error)).not.toContain(secret)
    }
  })

  test('when a key fails that is made of it', () => {
    const Keyed = defineEvent('keyed', { schema: user, key: ({ password }) => ({ password }) as never })
    for (const error of refusalsOf(Keyed, { name: 'a', password: secret })) expect(shownBy(error)).not.toContain(secret)
  })

  test('when an upcaster throws it, whose error is then not the cause', () => {
    const Old = defineEvent('old', {
      version: 2,
      schema: user,
      upcast: {
        1: (old) => {
          throw new Error(`cannot read ${old.password}`)
        },
      },
    })
    const { error } = Old.safeParse({
      id: 'e',
      type: 'old',
      version: 1,
      source: '/',
      time: '2026-01-31T12:00:00Z',
      data: { password: secret },
    })
    expect(error).toMatchObject({ code: 'UPCAST_FAILED' })
    expect(error?.cause).toBeUndefined()
    expect(shownBy(error)).not.toContain(secret)
  })

  test('when its codec cannot encode it, or JSON cannot carry it', () => {
    const codec = z.codec(z.string(), z.any(), {
      decode: (text) => text,
      encode: (value) => {
        throw new Error(String(value))
      },
    })
    for (const schema of [z.object({ a: sensitive(codec) }), z.object({ a: sensitive(z.any()) })]) {
      const event = defineEvent('encoded', schema).create({ a: new Map([['k', secret]]) })
      expect(() => JSON.stringify(event)).toThrow(expect.objectContaining({ code: 'INVALID_EVENT' }))
      try {
        JSON.stringify(event)
      } catch (error) {
        expect(shownBy(error)).not.toContain(secret)
      }
    }
  })

  test('wherever it is, by a random mix of wrappers and wrong inputs', () => {
    const wrap = fc.constantFrom<(schema: z.ZodType) => z.ZodType>(
      (schema) => z.object({ inner: schema, other: z.int() }),
      (schema) => z.strictObject({ inner: schema }),
      (schema) => z.array(schema),
      (schema) => z.record(z.string(), schema),
      (schema) => z.tuple([schema], schema),
      (schema) => schema.optional(),
      (schema) => schema.nullable(),
      (schema) => z.union([z.int(), schema]),
      (schema) => z.lazy(() => schema),
      (schema) => schema.refine(() => false, { error: ({ input }) => inspect(input, { depth: 20 }) }),
    )
    const input = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom<unknown>(secret, [secret], { inner: secret }, Symbol(secret), new Set([secret])),
        fc.record({ inner: tie('value'), other: fc.constantFrom<unknown>('x', 1) }, { requiredKeys: ['inner'] }),
        fc.array(tie('value'), { minLength: 1, maxLength: 2 }),
        fc.dictionary(fc.constantFrom('inner', 'inmer', 'k'), tie('value')),
      ),
    })).value
    fc.assert(
      fc.property(fc.array(wrap, { maxLength: 5 }), fc.boolean(), input, (wrappers, strict, value) => {
        const leaf = strict ? sensitive(z.never()) : sensitive(z.string().min(100))
        const schema = wrappers.reduce((inner, each) => each(inner), leaf)
        for (const error of refusalsOf(defineEvent('random', schema), value))
          expect(shownBy(error)).not.toContain(secret)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('what is not sensitive', () => {
  const user = z.object({ name: z.string(), password: z.string().meta({ sensitive: true }) })

  test('is still shown beside what is', () => {
    const [error] = refusalsOf(defineEvent('user', user), { name: 5, password: secret })
    expect(String(error)).toContain('data.name: expected a string, received 5')
  })

  test('is shown within a parent that is refused, with the sensitive fields left out', () => {
    const [error] = refusalsOf(
      defineEvent(
        'user',
        user.refine(() => false, 'no'),
      ),
      { name: 'Ann', password: secret },
    )
    expect(String(error)).toContain('data: expected no, received { name: "Ann", password: [redacted] }')
  })

  test('keeps its messages', () => {
    const [error] = refusalsOf(
      defineEvent(
        'user',
        user.refine(() => false, 'passwords must differ'),
      ),
      { name: 'Ann', password: secret },
    )
    expect(String(error)).toContain('expected passwords must differ')
  })

  test('is everything when nothing is marked', () => {
    const [error] = refusalsOf(defineEvent('user', z.object({ password: z.int() })), { password: secret })
    expect(String(error)).toContain(secret)
  })
})

test('paths of the definition mark fields too, for schemas of any vendor', () => {
  const schema: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: () => ({
        issues: [{ message: 'no' }, { message: 'no', path: ['card', 'number'] }, { message: `bad ${secret}` }],
      }),
    },
  }
  const input = { card: { number: secret }, lines: [{ pin: secret, sku: 'a' }], name: 'Ann' }
  for (const each of [schema, z.object({ card: z.object({ number: z.int() }), lines: z.any(), name: z.string() })]) {
    const Paid = defineEvent('paid', { schema: each, sensitive: ['card.number', 'lines.*.pin'] })
    for (const error of refusalsOf(Paid, input)) expect(shownBy(error)).not.toContain(secret)
    for (const error of refusalsOf(Paid, { ...input, card: secret })) expect(shownBy(error)).not.toContain(secret)
  }
  const [error] = refusalsOf(defineEvent('paid', { schema, sensitive: ['card.number', 'lines.*.pin'] }), input)
  expect(String(error)).toContain('name: "Ann"')
})

test('zod/mini fields are marked through its registry', () => {
  const schema = mini.object({
    password: mini.string().register(mini.globalRegistry, { sensitive: true }),
    name: mini.int(),
  })
  for (const error of refusalsOf(defineEvent('user', schema), { name: 'x', password: [secret] })) {
    expect(shownBy(error)).not.toContain(secret)
  }
})

describe('logging an event', () => {
  const SignedIn = defineEvent(
    'user.signed-in',
    z.object({ name: z.string(), password: sensitive(), tags: z.array(z.object({ pin: sensitive(z.int()) })) }),
  )
  const event = SignedIn.create({ name: 'Ann', password: secret, tags: [{ pin: 4711 }] })

  test('shows it without sensitive data', () => {
    expect(inspect(event, { depth: 5 })).toContain("name: 'Ann'")
    expect(inspect({ nested: [event] }, { depth: 9 })).not.toMatch(/hunter2|4711/)
  })

  test('can be done by hand with redact', () => {
    expect(SignedIn.redact(event.data)).toEqual({ name: 'Ann', password: '[redacted]', tags: [{ pin: '[redacted]' }] })
    expect(event.data.password).toBe(secret)
  })

  test('redacts what does not have the shape of the schema altogether', () => {
    expect(SignedIn.redact(secret)).toBe('[redacted]')
    expect(SignedIn.redact({ passwort: secret, tags: secret })).toEqual({ passwort: '[redacted]', tags: '[redacted]' })
  })

  test('the wire carries it: the consumer needs it', () => {
    expect(JSON.stringify(event)).toContain(secret)
    expect(SignedIn.parse(JSON.parse(JSON.stringify(event))).data.password).toBe(secret)
    expect(isEvent(SignedIn.create(event.data, causedBy(event)))).toBe(true)
  })
})
