import * as fc from 'fast-check'
import * as z from 'zod'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { causedBy, type CreateOptions, defineEvent, InvalidEventError, isEvent } from '../src/index.ts'
import { sampleWithValue } from './support/schemas.ts'

const orderId = '01900a1b-2c3d-7e4f-8a5b-6c7d8e9f0a1b'
const OrderPlaced = defineEvent('shop.order.placed', {
  schema: z.object({ orderId: z.uuid(), quantity: z.int().positive(), userId: z.int().default(0) }),
  key: (order) => order.orderId,
})

afterEach(() => {
  vi.useRealTimers()
})

describe('a new event', () => {
  test('has every attribute', () => {
    vi.useFakeTimers({ now: new Date('2026-01-31T12:00:00.007Z') })
    const event = OrderPlaced.create({ orderId, quantity: 2 })
    expect({ ...event }).toEqual({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      type: 'shop.order.placed',
      version: 1,
      source: '/',
      time: '2026-01-31T12:00:00.007Z',
      subject: orderId,
      sequence: expect.any(Number),
      correlationId: undefined,
      causationId: undefined,
      causationDepth: 0,
      extensions: {},
      data: { orderId, quantity: 2, userId: 0 },
    })
  })

  test('has the time of its creation, whenever it is read', () => {
    vi.useFakeTimers({ now: new Date('2026-01-31T12:00:00Z') })
    const first = OrderPlaced.create({ orderId, quantity: 1 })
    vi.setSystemTime(new Date('2026-02-01T00:00:00Z'))
    const second = OrderPlaced.create({ orderId, quantity: 1 })
    expect([second.time, first.time]).toEqual(['2026-02-01T00:00:00.000Z', '2026-01-31T12:00:00.000Z'])
    expect(second.id > first.id).toBe(true)
  })

  test('has an id that grows though the clock is set back, and its own time', () => {
    vi.useFakeTimers({ now: new Date('2100-01-01T00:00:00Z') })
    const first = OrderPlaced.create({ orderId, quantity: 1 })
    vi.setSystemTime(new Date('2099-01-01T00:00:00Z'))
    const second = OrderPlaced.create({ orderId, quantity: 1 })
    expect(second.id > first.id).toBe(true)
    expect(second.time).toBe('2099-01-01T00:00:00.000Z')
  })

  test('fills defaults in and leaves unknown keys out', () => {
    expect(OrderPlaced.create({ orderId, quantity: 1, extra: true } as never).data).toEqual({
      orderId,
      quantity: 1,
      userId: 0,
    })
  })

  test('is an event of its definition, and nothing else is', () => {
    const Other = defineEvent('shop.order.shipped', z.object({}))
    const event = OrderPlaced.create({ orderId, quantity: 1 })
    expect(OrderPlaced.is(event)).toBe(true)
    expect(isEvent(event)).toBe(true)
    expect(Other.is(event)).toBe(false)
    for (const none of [null, undefined, 1, '', {}, [], { ...event }, event.toJSON(), Object.create(event)]) {
      expect(OrderPlaced.is(none)).toBe(false)
      expect(isEvent(none)).toBe(false)
    }
  })

  test('is not of a definition with another version', () => {
    const Next = defineEvent('shop.order.placed', { schema: z.any(), version: 2, upcast: { 1: (old) => old } })
    expect(Next.is(OrderPlaced.create({ orderId, quantity: 1 }))).toBe(false)
  })
})

describe('sequence', () => {
  test('INVARIANT: counts the events of a source without gaps, over all definitions', () => {
    const A = defineEvent('a', { schema: z.int().positive(), source: '/sequence-test' })
    const B = defineEvent('b', { schema: z.string(), source: '/sequence-test' })
    const numbers = [A.create(1), B.create('x'), A.create(2)].map(({ sequence }) => sequence)
    expect(() => A.create(-1)).toThrow(InvalidEventError)
    expect(() => A.create(1, { id: '' })).toThrow(InvalidEventError)
    numbers.push(A.create(3).sequence, B.create('y', { source: '/sequence-test' }).sequence)
    expect(numbers).toEqual([1, 2, 3, 4, 5])
  })

  test('counts each source for itself', () => {
    const A = defineEvent('a', z.int())
    const first = A.create(1, { source: '/one' }).sequence
    expect(A.create(1, { source: '/two' }).sequence).toBe(1)
    expect(A.create(1, { source: '/one' }).sequence).toBe((first ?? 0) + 1)
  })

  test('is not counted on by one that is given', () => {
    const A = defineEvent('a', { schema: z.int(), source: '/given' })
    expect([A.create(1), A.create(1, { sequence: 99 }), A.create(1)].map(({ sequence }) => sequence)).toEqual([
      1, 99, 2,
    ])
  })
})

describe('options of create', () => {
  test('set every attribute', () => {
    const options = {
      id: 'a-1',
      time: '2018-04-26T14:48:09+02:00',
      source: 'https://example.com/shop?a=b#c',
      subject: 'other',
      sequence: 0,
      correlationId: 'c-1',
      causationId: 'e-1',
      causationDepth: 3,
      extensions: { traceparent: '00-ab', retries: 2, replay: true },
    }
    expect({ ...OrderPlaced.create({ orderId, quantity: 1 }, options) }).toMatchObject(options)
  })

  test('count as left out when undefined or null', () => {
    const names = [
      'id',
      'time',
      'source',
      'subject',
      'sequence',
      'correlationId',
      'causationId',
      'causationDepth',
      'extensions',
    ]
    for (const nothing of [undefined, null]) {
      const options = Object.fromEntries(names.map((name) => [name, nothing])) as CreateOptions
      const event = OrderPlaced.create({ orderId, quantity: 1 }, options)
      expect(event).toMatchObject({ source: '/', subject: orderId, causationDepth: 0, extensions: {} })
      expect(event.id).toHaveLength(36)
      expect(event.correlationId).toBeUndefined()
    }
  })

  test('take a time as Date and as milliseconds', () => {
    const time = (value: Date | number) => OrderPlaced.create({ orderId, quantity: 1 }, { time: value }).time
    expect(time(new Date(0))).toBe('1970-01-01T00:00:00.000Z')
    expect(time(1_700_000_000_000)).toBe('2023-11-14T22:13:20.000Z')
  })

  test('do not lend their extensions: a later change of them does not reach the event', () => {
    const extensions: Record<string, string> = { traceparent: 'a' }
    const event = OrderPlaced.create({ orderId, quantity: 1 }, { extensions })
    extensions['traceparent'] = 'b'
    expect(event.extensions).toEqual({ traceparent: 'a' })
    expect(Object.isFrozen(event.extensions)).toBe(true)
  })

  const wrong: [name: string, options: CreateOptions, path: RegExp][] = [
    ['an empty id', { id: '' }, /at id: expected a string that is not empty, received ""/],
    ['an id with a control character', { id: 'a\nb' }, /at id: .*received "a\\nb"/],
    ['a lone surrogate', { id: '\ud800' }, /broken Unicode/],
    ['a noncharacter', { subject: '\ufffe' }, /at subject/],
    ['an id that is a number', { id: 5 as never }, /at id: .*received 5/],
    ['a source with spaces', { source: 'my shop' }, /at source: .*received "my shop"/],
    ['an empty source', { source: '' }, /at source/],
    ['a source that is no text', { source: 7 as never }, /at source: .*received 7/],
    ['a time that is none', { time: 'yesterday' }, /at time: .*received "yesterday"/],
    ['a day that does not exist', { time: '2026-02-30T00:00:00Z' }, /at time/],
    ['an invalid Date', { time: new Date(Number.NaN) }, /at time: .*received Invalid Date/],
    ['a time beyond all dates', { time: 9e15 }, /at time/],
    ['a negative sequence', { sequence: -1 }, /at sequence: expected a whole number from 0/],
    ['a broken sequence', { sequence: 1.5 }, /at sequence/],
    ['a depth that is no number', { causationDepth: '1' as never }, /at causationDepth/],
    ['an empty correlation', { correlationId: '' }, /at correlationId/],
    [
      'an extension in upper case',
      { extensions: { traceParent: 'a' } },
      /at extensions\.traceParent: expected an attribute name of lower-case/,
    ],
    [
      'an extension named like an attribute',
      { extensions: { subject: 'a' } },
      /at extensions\.subject: expected a name that is not an attribute/,
    ],
    [
      'an extension that is an object',
      { extensions: { a: {} as never } },
      /at extensions\.a: expected a string, a boolean or a whole number/,
    ],
    [
      'an extension beyond 32 bits',
      { extensions: { a: 2 ** 31 } },
      /at extensions\.a: expected a whole number of 32 bits/,
    ],
    [
      'extensions that are no object',
      { extensions: 'a=b' as never },
      /at extensions: expected an object, received "a=b"/,
    ],
  ]
  for (const [name, options, message] of wrong) {
    test(`${name} is refused with the place, the value and the fix`, () => {
      expect(() => OrderPlaced.create({ orderId, quantity: 1 }, options)).toThrow(message)
      expect(() => OrderPlaced.create({ orderId, quantity: 1 }, options)).toThrow(
        /Correct the options given to create\(\)/,
      )
    })
  }

  test('report all that is wrong at once', () => {
    const create = () => OrderPlaced.create({ orderId, quantity: 1 }, { id: '', time: 'x', sequence: -1 })
    expect(create).toThrow(expect.objectContaining({ issues: [{}, {}, {}].map(() => expect.anything()) }))
  })
})

describe('validated data', () => {
  test('is not validated again, but copied and frozen', () => {
    const data = { orderId: 'not a uuid', quantity: -5, userId: 0, nested: { deep: [1] } }
    const event = OrderPlaced.create(data, { validated: true })
    expect(event.data).toEqual(data)
    expect(event.data).not.toBe(data)
    expect(Object.isFrozen(event.data)).toBe(true)
    expect(Object.isFrozen(data)).toBe(false)
    expect(Object.isFrozen(data.nested.deep)).toBe(false)
  })

  test('is validated when the option is false', () => {
    expect(() => OrderPlaced.create({} as never, { validated: false })).toThrow(InvalidEventError)
  })
})

describe('the subject', () => {
  const keyed = (key: (data: string) => never) => defineEvent('keyed', { schema: z.string(), key })
  test('comes from key: text, numbers and bigints', () => {
    expect(keyed((data) => data as never).create('a').subject).toBe('a')
    expect(keyed(() => 42 as never).create('a').subject).toBe('42')
    expect(keyed(() => 10n as never).create('a').subject).toBe('10')
  })

  test('is left out when key gives undefined or null', () => {
    expect(keyed(() => undefined as never).create('a').subject).toBeUndefined()
    expect(keyed(() => null as never).create('a').subject).toBeUndefined()
  })

  test('is refused when key gives something else', () => {
    expect(() => keyed(() => '' as never).create('a')).toThrow(/at subject: .*received ""/)
    expect(() => keyed(() => ({}) as never).create('a')).toThrow(/at subject: .*received an object/)
  })

  test('of key is given the frozen data', () => {
    const Keyed = defineEvent('keyed', {
      schema: z.object({ id: z.string() }),
      key: (data) => {
        expect(Object.isFrozen(data)).toBe(true)
        return data.id
      },
    })
    expect(Keyed.create({ id: 'x' }).subject).toBe('x')
  })
})

describe('causedBy', () => {
  test('refuses what is no event', () => {
    for (const cause of [{}, null, undefined, { id: 'a' }]) {
      expect(() => causedBy(cause as never)).toThrow(/^causedBy must be given an event.*\nPass the event/)
    }
  })

  test('carries correlation and causation on', () => {
    const root = OrderPlaced.create({ orderId, quantity: 1 })
    const child = OrderPlaced.create({ orderId, quantity: 2 }, causedBy(root))
    const grandchild = OrderPlaced.create({ orderId, quantity: 3 }, causedBy(child))
    expect(child).toMatchObject({ correlationId: root.id, causationId: root.id, causationDepth: 1 })
    expect(grandchild).toMatchObject({ correlationId: root.id, causationId: child.id, causationDepth: 2 })
  })

  test('keeps a correlation that the root was given', () => {
    const root = OrderPlaced.create({ orderId, quantity: 1 }, { correlationId: 'checkout-7' })
    expect(causedBy(root)).toEqual({ correlationId: 'checkout-7', causationId: root.id, causationDepth: 1 })
  })
})

test('INVARIANT: nothing is created that does not match its schema, and what matches is created as zod parses it', () => {
  fc.assert(
    fc.property(sampleWithValue, fc.anything(), ([{ schema }, value], other) => {
      const Any = defineEvent('random.event', schema)
      for (const input of [value, other]) {
        const expected = schema.safeParse(input)
        const create = () => Any.create(input)
        if (expected.success) expect(create().data).toEqual(expected.data)
        else expect(create).toThrow(InvalidEventError)
      }
    }),
    { numRuns: 300 },
  )
})
