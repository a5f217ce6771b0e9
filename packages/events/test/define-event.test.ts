import { isTidingsError } from '@tidings/core'
import * as z from 'zod'
import * as mini from 'zod/mini'
import { describe, expect, test } from 'vitest'
import { defineEvent, InvalidDefinitionError, uuidv7 } from '../src/index.ts'

const schema = z.object({ orderId: z.string() })

describe('a definition', () => {
  test('carries type, index, version, schema, description and the versions it upcasts', () => {
    const OrderPlaced = defineEvent('shop.order.placed', {
      version: 3,
      schema,
      description: 'A customer has ordered.',
      upcast: { 1: (old) => old, 2: (old) => old },
    })
    expect(OrderPlaced).toMatchObject({
      type: 'shop.order.placed',
      version: 3,
      description: 'A customer has ordered.',
      upcasts: [1, 2],
    })
    expect(OrderPlaced.schema).toBe(schema)
    expect(OrderPlaced.index).toBeGreaterThanOrEqual(0)
  })

  test('has an index that no other definition has', () => {
    const indices = Array.from({ length: 50 }, () => defineEvent('a', schema).index)
    expect(new Set(indices).size).toBe(50)
  })

  test('has version 1 in the short form', () => {
    expect(defineEvent('shop.order.placed', schema).version).toBe(1)
  })

  test('takes schemas of zod/mini', () => {
    const Placed = defineEvent('placed', mini.object({ item: mini.string() }))
    expect(Placed.create({ item: 'Book' }).data).toEqual({ item: 'Book' })
    expect(() => Placed.create({ item: 1 as never })).toThrow(/data\.item: expected a string, received 1/)
  })

  test('cannot be changed', () => {
    const Placed = defineEvent('placed', schema)
    expect(() => Object.assign(Placed, { version: 2 })).toThrow(TypeError)
  })

  test('may name a schema that is completed later, as recursive ones are', () => {
    const Tree = defineEvent('tree', z.object({ root: z.lazy(() => branch) }))
    const branch = z.object({ name: z.string(), leaves: z.array(z.string()) })
    expect(Tree.create({ root: { name: 'a', leaves: ['b'] } }).data.root.leaves).toEqual(['b'])
  })

  test('does not change when the options object changes afterwards', () => {
    const options = { schema, version: 1, source: '/a' }
    const Placed = defineEvent('placed', options)
    options.version = 7
    options.source = '/b'
    expect(Placed.create({ orderId: '1' })).toMatchObject({ version: 1, source: '/a' })
  })
})

describe('a definition is refused at once', () => {
  const refuses = (name: string, define: () => unknown, message: RegExp) =>
    test(name, () => {
      let error: unknown
      try {
        define()
      } catch (thrown) {
        error = thrown
      }
      expect(error).toBeInstanceOf(InvalidDefinitionError)
      expect(isTidingsError(error, 'INVALID_EVENT_DEFINITION')).toBe(true)
      expect(String(error)).toMatch(message)
      expect(String(error).split('\n').length).toBeGreaterThan(1)
    })

  for (const type of ['', '.', 'a.', '.a', 'a..b', 'a.*', '*', '**', 'order*', 'a b', 'a\n', 'a\u0000b']) {
    refuses(`when its type is ${JSON.stringify(type)}`, () => defineEvent(type, schema), /event type/)
  }
  refuses('when its type is no text', () => defineEvent(5 as never, schema), /received 5/)
  for (const version of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '2']) {
    refuses(
      `when its version is ${String(version)}`,
      () => defineEvent('a', { schema, version: version as number }),
      /`version` must be a whole number from 1/,
    )
  }
  refuses('without a schema', () => defineEvent('a', {} as never), /`schema` must be a schema, received undefined/)
  refuses('with null in place of a schema', () => defineEvent('a', null as never), /needs a schema, received null/)
  refuses('with a misspelt option', () => defineEvent('a', { schema, verison: 2 } as never), /Did you mean `version`/)
  refuses(
    'when an upcaster is missing',
    () => defineEvent('a', { schema, version: 3, upcast: { 1: (old) => old } }),
    /no entry for version 2/,
  )
  refuses(
    'when it has no upcasters but a version',
    () => defineEvent('a', { schema, version: 2 }),
    /no entry for version 1/,
  )
  refuses(
    'when an upcaster is for its own version',
    () => defineEvent('a', { schema, version: 2, upcast: { 1: (old) => old, 2: (old) => old } }),
    /entry for version "2"/,
  )
  refuses(
    'when an upcaster stands under a name',
    () => defineEvent('a', { schema, version: 2, upcast: { first: (old: unknown) => old } as never }),
    /entry for version "first"/,
  )
  refuses(
    'when an upcaster is no function',
    () => defineEvent('a', { schema, version: 2, upcast: { 1: 'old' as never } }),
    /`upcast\[1\]` must be a function/,
  )
  refuses(
    'when key is no function',
    () => defineEvent('a', { schema, key: 'orderId' as never }),
    /`key` must be a function/,
  )
  refuses(
    'when source is no URI-reference',
    () => defineEvent('a', { schema, source: 'my shop' }),
    /`source` is "my shop"/,
  )
  refuses('when dataSchema is relative', () => defineEvent('a', { schema, dataSchema: '/schema' }), /absolute URI/)
  refuses('when dataContentType is none', () => defineEvent('a', { schema, dataContentType: 'json' }), /media type/)
  refuses(
    'when sensitive is no list of paths',
    () => defineEvent('a', { schema, sensitive: 'email' as never }),
    /array of paths/,
  )
  refuses(
    'when sensitive has an empty token',
    () => defineEvent('a', { schema, sensitive: ['a..b'] }),
    /array of paths/,
  )
})

describe('an id', () => {
  test('is a UUID of version 7 with the time of its making', () => {
    const before = Date.now()
    const id = uuidv7()
    expect(z.uuidv7().safeParse(id).success).toBe(true)
    const time = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
    expect(time).toBeGreaterThanOrEqual(before)
    // Ahead of the clock by at most what earlier tests asked for in one millisecond.
    expect(time).toBeLessThanOrEqual(Date.now() + 100)
  })

  test('INVARIANT: ids of a process are unique and grow, thousands in one millisecond too', () => {
    const ids = Array.from({ length: 100_000 }, () => uuidv7())
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? ''))).toBe(true)
    expect(ids.every((id) => /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(id))).toBe(true)
  })
})

test('an object of schemas is told to be wrapped', () => {
  expect(() => defineEvent('a', { item: z.string() } as never)).toThrow(/object of schemas\nWrap it: z\.object/)
})
