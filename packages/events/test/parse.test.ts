import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test, vi } from 'vitest'
import {
  createCatalog,
  defineEvent,
  type DefinedEvent,
  type EventJson,
  InvalidEventError,
  type StandardSchema,
  UnknownEventVersionError,
  UpcastError,
} from '../src/index.ts'
import { anything, sampleWithValue } from './support/schemas.ts'

const OrderPlaced = defineEvent('shop.order.placed', {
  version: 3,
  schema: z.object({ item: z.string(), quantity: z.int().positive(), currency: z.enum(['GBP', 'EUR']) }),
  upcast: {
    1: ({ qty, ...old }) => ({ ...old, quantity: qty }),
    2: (old) => ({ ...old, currency: 'GBP' }),
  },
})
const json = (changes: object = {}) => ({
  id: 'e-1',
  type: 'shop.order.placed',
  version: 3,
  source: '/shop',
  time: '2026-01-31T12:00:00+01:00',
  data: { item: 'Book', quantity: 1, currency: 'EUR' },
  ...changes,
})

describe('parse', () => {
  test('INVARIANT: reads back every event from its JSON, equal to the original', () => {
    fc.assert(
      fc.property(sampleWithValue, fc.boolean(), ([{ schema }, value], traced) => {
        const Any = defineEvent('random.event', schema)
        const options = {
          correlationId: 'c',
          causationId: 'd',
          causationDepth: 2,
          extensions: { a: 1, b: 'x', c: true },
        }
        const event = Any.create(value, traced ? options : undefined)
        const read = Any.parse(JSON.parse(JSON.stringify(event)))
        expect({ ...read, data: JSON.stringify(read.data) }).toEqual({ ...event, data: JSON.stringify(event.data) })
        expect(Any.is(read)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('returns an event of the definition as it is', () => {
    const event = OrderPlaced.create({ item: 'Book', quantity: 1, currency: 'GBP' })
    expect(OrderPlaced.parse(event)).toBe(event)
  })

  test('takes a structured clone and a spread copy', () => {
    const event = OrderPlaced.create({ item: 'Book', quantity: 1, currency: 'GBP' })
    expect(OrderPlaced.parse(structuredClone(event))).toEqual(event)
    expect(OrderPlaced.parse({ ...event })).toEqual(event)
  })

  test('reads what another definition of the same type made', () => {
    const Old = defineEvent('shop.order.placed', z.object({ item: z.string(), qty: z.int() }))
    const event = OrderPlaced.parse(Old.create({ item: 'Book', qty: 4 }))
    expect(event).toMatchObject({ version: 3, data: { item: 'Book', quantity: 4, currency: 'GBP' } })
  })

  test('keeps id, source, time, sequence and extensions as they are written', () => {
    const given = json({ id: 'not-a-uuid', sequence: 0, extensions: { traceparent: '00-ab' }, causationDepth: 4 })
    expect(OrderPlaced.parse(given)).toMatchObject({
      id: 'not-a-uuid',
      time: '2026-01-31T12:00:00+01:00',
      source: '/shop',
      sequence: 0,
      causationDepth: 4,
      extensions: { traceparent: '00-ab' },
    })
  })

  test('takes null for an attribute that is not set, and ignores attributes that it does not know', () => {
    const event = OrderPlaced.parse(
      json({ subject: null, sequence: null, correlationId: null, extensions: null, later: 1 }),
    )
    expect(event).toMatchObject({ subject: undefined, sequence: undefined, correlationId: undefined, extensions: {} })
    expect('later' in event).toBe(false)
  })

  test('gives a subject by key where the producer gave none', () => {
    const Keyed = defineEvent('keyed', { schema: z.object({ id: z.string() }), key: (data) => data.id })
    const given = json({ type: 'keyed', version: 1, data: { id: 'x-1' } })
    expect(Keyed.parse(given).subject).toBe('x-1')
    expect(Keyed.parse({ ...given, subject: 'other' }).subject).toBe('other')
  })

  test('neither changes nor freezes what it is given', () => {
    const given = json({ version: 1, data: { item: 'Book', qty: 1 } })
    const before = structuredClone(given)
    OrderPlaced.parse(given)
    expect(given).toEqual(before)
    expect(Object.isFrozen(given.data)).toBe(false)
  })
})

describe('an old version', () => {
  test('goes through every upcaster in order', () => {
    expect(OrderPlaced.parse(json({ version: 1, data: { item: 'Book', qty: 2 } }))).toMatchObject({
      version: 3,
      data: { item: 'Book', quantity: 2, currency: 'GBP' },
    })
    expect(OrderPlaced.parse(json({ version: 2, data: { item: 'Book', quantity: 3 } })).data.quantity).toBe(3)
  })

  test('is validated after the last one', () => {
    const parse = () => OrderPlaced.parse(json({ version: 1, data: { item: 'Book', qty: 'two' } }))
    expect(parse).toThrow(/at data\.quantity: expected a number, received "two"/)
  })

  test('is not validated on the way', () => {
    const Loose = defineEvent('loose', { version: 2, schema: z.int(), upcast: { 1: (text) => Number(text) } })
    expect(Loose.parse(json({ type: 'loose', version: 1, data: '42' })).data).toBe(42)
  })

  test('may be changed by its upcaster: that is a copy', () => {
    const Moved = defineEvent('moved', {
      version: 2,
      schema: z.object({ to: z.object({ name: z.string() }) }),
      upcast: {
        1: (old) => {
          old.to.name = old.to.name.toUpperCase()
          return old
        },
      },
    })
    const given = json({ type: 'moved', version: 1, data: { to: { name: 'here' } } })
    expect(Moved.parse(given).data.to.name).toBe('HERE')
    expect(given.data).toEqual({ to: { name: 'here' } })
  })

  test('whose upcaster throws is an UpcastError with the version and the cause', () => {
    const parse = () => OrderPlaced.parse(json({ version: 1, data: null }))
    expect(parse).toThrow(UpcastError)
    expect(parse).toThrow(/upcaster of event 'shop\.order\.placed' from version 1 to 2 failed\nIt must accept/)
    expect(parse).toThrow(expect.objectContaining({ code: 'UPCAST_FAILED', version: 1, cause: expect.any(TypeError) }))
  })

  test('keeps a key named __proto__ a key', () => {
    const Old = defineEvent('old', { version: 2, schema: z.any(), upcast: { 1: (old) => old } })
    const { data } = Old.parse(json({ type: 'old', version: 1, data: JSON.parse('{"__proto__": {"polluted": 1}}') }))
    expect(Object.hasOwn(data as object, '__proto__')).toBe(true)
    expect((data as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('a newer version', () => {
  test('is refused, and told apart from an invalid event', () => {
    const parse = () => OrderPlaced.parse(json({ version: 4, data: { anything: true } }))
    expect(parse).toThrow(UnknownEventVersionError)
    expect(parse).toThrow(
      /has version 4, but version 3 is the newest known here\nDeploy the new definition to consumers/,
    )
    expect(parse).toThrow(expect.objectContaining({ code: 'EVENT_VERSION_UNKNOWN', version: 4, known: 3 }))
  })
})

describe('what is no event', () => {
  const refused: [name: string, value: unknown, message: RegExp][] = [
    ['nothing', undefined, /at event: expected an event or its JSON form, received nothing/],
    ['null', null, /at event: .*received null/],
    ['JSON text', JSON.stringify(json()), /JSON text must go through JSON\.parse first/],
    ['an array', [json()], /at event: expected an event/],
    [
      'another type',
      json({ type: 'shop.order.shipped' }),
      /at type: expected 'shop\.order\.placed', received "shop\.order\.shipped"/,
    ],
    ['no type', json({ type: undefined }), /at type: .*received nothing/],
    ['no id', json({ id: undefined }), /at id: expected a string that is not empty, received nothing/],
    ['an id that is a number', json({ id: 5 }), /at id: .*received 5/],
    ['no source', json({ source: '' }), /at source/],
    ['no time', json({ time: undefined }), /at time: .*received nothing/],
    ['a time without zone', json({ time: '2026-01-31T12:00:00' }), /at time/],
    ['no version', json({ version: undefined }), /at version: expected a whole number from 1/],
    ['version 0', json({ version: 0 }), /at version: .*received 0/],
    ['a version as text', json({ version: '3' }), /at version: .*received "3"/],
    ['a sequence as text', json({ sequence: '3' }), /at sequence/],
    ['extensions that are a list', json({ extensions: [] }), /at extensions: expected an object/],
    ['no data', json({ data: undefined }), /at data: expected an object, received undefined/],
    [
      'a CloudEvent',
      { specversion: '1.0', id: '1', source: '/', type: 'shop.order.placed' },
      /fromCloudEvent\(value, catalog\)/,
    ],
  ]
  for (const [name, value, message] of refused) {
    test(`is refused: ${name}`, () => {
      expect(() => OrderPlaced.parse(value)).toThrow(InvalidEventError)
      expect(() => OrderPlaced.parse(value)).toThrow(message)
    })
  }
})

describe('safeParse', () => {
  test('answers the event, or the error that parse would throw', () => {
    expect(OrderPlaced.safeParse(json())).toMatchObject({ success: true, event: { id: 'e-1' } })
    expect(OrderPlaced.safeParse(json({ version: 9 }))).toMatchObject({ error: { code: 'EVENT_VERSION_UNKNOWN' } })
    expect(OrderPlaced.safeParse({})).toMatchObject({ success: false, error: { code: 'INVALID_EVENT' } })
  })

  test('never throws, whatever it is given', () => {
    const Anything = defineEvent('anything', z.any())
    const catalog = createCatalog([OrderPlaced, Anything])
    const readers: Pick<DefinedEvent<string, StandardSchema>, 'safeParse'>[] = [OrderPlaced, Anything, catalog]
    const envelope = fc.record(
      {
        id: anything,
        type: fc.constant('anything'),
        version: anything,
        source: anything,
        time: anything,
        data: anything,
        extensions: anything,
      },
      { requiredKeys: ['type'] },
    )
    fc.assert(
      fc.property(fc.oneof(anything, envelope), (value) => {
        for (const reader of readers) expect(typeof reader.safeParse(value).success).toBe('boolean')
      }),
      { numRuns: 1000 },
    )
  })

  test('never throws for objects that do, nor for schemas and keys that do', () => {
    const hostile = [
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('get')
          },
          has: () => {
            throw new Error('has')
          },
        },
      ),
      Object.defineProperty({ ...json() }, 'id', {
        get: () => {
          throw new Error('getter')
        },
      }),
      json({
        data: new Proxy(
          {},
          {
            get: () => {
              throw new Error('data')
            },
            ownKeys: () => {
              throw new Error('keys')
            },
          },
        ),
      }),
    ]
    const failing = vi.fn(() => {
      throw new Error('refinement')
    })
    const Failing = defineEvent('shop.order.placed', z.any().refine(failing))
    const Keyed = defineEvent('shop.order.placed', { schema: z.any(), key: failing })
    for (const value of [...hostile, json({ version: 1 })]) {
      for (const reader of [OrderPlaced, Failing, Keyed, createCatalog([Failing])]) {
        expect(reader.safeParse(value)).toMatchObject({ success: false, error: { code: expect.any(String) } })
      }
    }
    expect(failing).toHaveBeenCalled()
    const result = Failing.safeParse(json({ version: 1 }))
    expect(String(result.error)).toMatch(
      /at data: expected data that the schema can validate, received an error: Error: refinement/,
    )
    expect(result.error?.cause).toBeInstanceOf(Error)
  })
})

test('the JSON form leaves out what is not set, and is typed', () => {
  const form: EventJson<'shop.order.placed'> = OrderPlaced.parse(json()).toJSON()
  expect(Object.keys(form)).toEqual(['id', 'type', 'version', 'source', 'time', 'causationDepth', 'data'])
})
