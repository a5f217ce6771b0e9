import { deepStrictEqual, notDeepStrictEqual } from 'node:assert'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import { defineEvent, type DefinedEvent, type StandardSchema } from '../src/index.ts'
import { sampleWithValue } from './support/schemas.ts'

const Placed = defineEvent(
  'placed',
  z.object({ lines: z.array(z.object({ sku: z.string() })), note: z.string().optional() }),
)
const Anything = defineEvent('anything', z.object({ value: z.any() }))

const freezeAll = (value: unknown, seen = new Set<unknown>()): boolean => {
  if (typeof value !== 'object' || value === null || seen.has(value)) return true
  seen.add(value)
  return Object.isFrozen(value) && Object.values(value).every((child) => freezeAll(child, seen))
}

describe('an event', () => {
  test('refuses every assignment, addition and deletion', () => {
    const event = Placed.create({ lines: [{ sku: 'a' }] })
    for (const key of Object.keys(event)) {
      expect(() => Object.assign(event, { [key]: 'changed' })).toThrow(TypeError)
      expect(Reflect.deleteProperty(event, key)).toBe(false)
    }
    expect(() => Object.assign(event, { added: 1 })).toThrow(TypeError)
    expect(() => Object.assign(event.data, { note: 'x' })).toThrow(TypeError)
    expect(() => (event.data.lines as { sku: string }[]).push({ sku: 'b' })).toThrow(TypeError)
    expect(() => Object.assign(event.data.lines[0] ?? {}, { sku: 'b' })).toThrow(TypeError)
    expect(Object.isFrozen(event)).toBe(true)
  })

  test('can be compared: two that differ are not equal', () => {
    const event = Placed.create({ lines: [] })
    deepStrictEqual(event, event)
    notDeepStrictEqual(event, Placed.create({ lines: [] }))
    expect(event).not.toEqual(Placed.create({ lines: [] }))
  })

  test('gives all attributes when it is spread, cloned or written as JSON', () => {
    const event = Placed.create({ lines: [{ sku: 'a' }] })
    expect(Object.keys({ ...event })).toEqual(Object.keys(event))
    expect(structuredClone(event)).toEqual({ ...event })
    expect(JSON.parse(JSON.stringify(event))).toEqual({
      id: event.id,
      type: 'placed',
      version: 1,
      source: '/',
      time: event.time,
      sequence: event.sequence,
      causationDepth: 0,
      data: { lines: [{ sku: 'a' }] },
    })
  })

  test('is printed with its attributes, without those that are not set', () => {
    const printed = inspect(Placed.create({ lines: [] }, { id: 'e-1', time: '2026-01-31T12:00:00Z', sequence: 4 }))
    expect(printed.replaceAll(/\s+/g, ' ')).toBe(
      "{ id: 'e-1', type: 'placed', version: 1, source: '/', time: '2026-01-31T12:00:00Z', sequence: 4, causationDepth: 0, data: { lines: [] } }",
    )
  })
})

describe('the input', () => {
  test('INVARIANT: is neither frozen, changed, nor kept, whatever the schema', () => {
    fc.assert(
      fc.property(sampleWithValue, ([{ schema }, value]) => {
        const before = JSON.stringify(value)
        const event = defineEvent('random.event', schema).create(value)
        expect(freezeAll(event.data)).toBe(true)
        expect(JSON.stringify(value)).toBe(before)
        if (typeof value === 'object' && value !== null) {
          expect(event.data).not.toBe(value)
          expect(Object.isFrozen(value) && Object.keys(value).length > 0).toBe(false)
        }
      }),
      { numRuns: 300 },
    )
  })

  const shared = () => ({ list: [1, { deep: true }] })
  const passing: [
    name: string,
    schema: z.ZodType,
    wrap: (value: unknown) => unknown,
    unwrap: (data: unknown) => unknown,
  ][] = [
    ['z.any()', z.any(), (value) => value, (data) => data],
    ['z.unknown()', z.unknown(), (value) => value, (data) => data],
    ['z.custom()', z.custom(() => true), (value) => value, (data) => data],
    ['z.any() in an object', z.object({ a: z.any() }), (a) => ({ a }), (data) => (data as { a: unknown }).a],
    ['a loose object', z.looseObject({}), (a) => ({ a }), (data) => (data as { a: unknown }).a],
    ['a catchall', z.object({}).catchall(z.any()), (a) => ({ a }), (data) => (data as { a: unknown }).a],
    ['a record', z.record(z.string(), z.any()), (a) => ({ a }), (data) => (data as { a: unknown }).a],
    [
      'a loose record',
      z.looseRecord(z.string().regex(/^x/), z.string()),
      (a) => ({ a }),
      (data) => (data as { a: unknown }).a,
    ],
    ['an array', z.array(z.any()), (a) => [a], (data) => (data as unknown[])[0]],
    ['a tuple', z.tuple([z.string(), z.any()]), (a) => ['x', a], (data) => (data as unknown[])[1]],
    ['a union', z.union([z.string(), z.object({ a: z.any() })]), (a) => ({ a }), (data) => (data as { a: unknown }).a],
    ['an optional', z.object({ a: z.any().optional() }), (a) => ({ a }), (data) => (data as { a: unknown }).a],
    ['a readonly', z.object({ a: z.any() }).readonly(), (a) => ({ a }), (data) => (data as { a: unknown }).a],
    [
      'an intersection',
      z.object({ a: z.any() }).and(z.object({ b: z.string() })),
      (a) => ({ a, b: '' }),
      (data) => (data as { a: unknown }).a,
    ],
    ['a transform', z.any().transform((value) => value as unknown), (value) => value, (data) => data],
    ['a preprocess', z.preprocess((value) => value, z.any()), (value) => value, (data) => data],
    [
      'an overwrite',
      z.object({ a: z.any() }).overwrite((value) => value),
      (a) => ({ a }),
      (data) => (data as { a: unknown }).a,
    ],
    ['a lazy', z.object({ a: z.lazy(() => z.any()) }), (a) => ({ a }), (data) => (data as { a: unknown }).a],
  ]
  for (const [name, schema, wrap, unwrap] of passing) {
    test(`is copied where ${name} passes it through`, () => {
      const value = shared()
      const event = defineEvent('passing', schema).create(wrap(value))
      expect(unwrap(event.data)).toEqual(shared())
      expect(unwrap(event.data)).not.toBe(value)
      expect(freezeAll(event.data)).toBe(true)
      value.list.push(3)
      expect(Object.isFrozen(value.list)).toBe(false)
      expect(unwrap(event.data)).toEqual(shared())
    })
  }

  test('is not reached through a default that is shared', () => {
    const fallback = ['a']
    const Tagged = defineEvent('tagged', z.object({ tags: z.array(z.string()).default(() => fallback) }))
    expect(Tagged.create({}).data.tags).toEqual(['a'])
    expect(Object.isFrozen(fallback)).toBe(false)
  })
})

describe('values that cannot be frozen', () => {
  const carry = <Value>(value: Value): Value => Anything.create({ value }).data.value as Value

  test('a Date is copied, equal to its original, and refuses to change', () => {
    const date = new Date(0)
    const kept = carry(date)
    expect(kept).not.toBe(date)
    deepStrictEqual(kept, date)
    expect(() => kept.setFullYear(1999)).toThrow(/Cannot call setFullYear\(\) on a Date of an event/)
    expect(() => kept.setTime(5)).toThrow(TypeError)
    date.setTime(5)
    expect(kept.getTime()).toBe(0)
    expect(new Date(kept).setTime(7)).toBe(7)
  })

  test('a date of the schema is copied too', () => {
    const at = new Date(0)
    const Dated = defineEvent('dated', z.object({ at: z.date() }))
    const event = Dated.create({ at })
    at.setTime(9)
    expect(event.data.at.getTime()).toBe(0)
    expect(() => event.data.at.setTime(1)).toThrow(TypeError)
  })

  test('a Map and a Set are copied with their contents and refuse to change', () => {
    const map = new Map([['a', { deep: 1 }]])
    const set = new Set([{ deep: 1 }])
    const kept = carry({ map, set })
    deepStrictEqual(kept.map, map)
    deepStrictEqual(kept.set, set)
    map.get('a')!.deep = 2
    expect(kept.map.get('a')).toEqual({ deep: 1 })
    expect(Object.isFrozen(kept.map.get('a'))).toBe(true)
    expect(() => kept.map.set('b', { deep: 3 })).toThrow(/Cannot call set\(\) on a Map of an event/)
    expect(() => kept.map.delete('a')).toThrow(TypeError)
    expect(() => kept.map.clear()).toThrow(TypeError)
    expect(() => kept.set.add({ deep: 3 })).toThrow(/Change a copy: new Set\(value\)/)
    expect(structuredClone(kept.map)).toEqual(new Map([['a', { deep: 1 }]]))
  })

  test('a Map and a Set of the schema refuse to change too', () => {
    const Tags = defineEvent('tags', z.object({ map: z.map(z.string(), z.int()), set: z.set(z.string()) }))
    const { data } = Tags.create({ map: new Map([['a', 1]]), set: new Set(['a']) })
    expect(() => (data.map as Map<string, number>).set('b', 2)).toThrow(TypeError)
    expect(() => (data.set as Set<string>).add('b')).toThrow(TypeError)
  })

  test('binary data is copied, and not shared', () => {
    const bytes = new Uint8Array([1, 2, 3])
    const buffer = Buffer.from([4, 5])
    const view = new DataView(new ArrayBuffer(4), 1, 2)
    view.setUint8(0, 9)
    const kept = carry({ bytes, buffer, view, raw: bytes.buffer, floats: new Float64Array([1.5]) })
    bytes[0] = 9
    buffer[0] = 9
    expect([...kept.bytes]).toEqual([1, 2, 3])
    expect([...kept.buffer]).toEqual([4, 5])
    expect(kept.view.getUint8(0)).toBe(9)
    expect(kept.view.byteLength).toBe(2)
    expect(new Uint8Array(kept.raw)[0]).toBe(1)
    expect(kept.floats).toEqual(new Float64Array([1.5]))
  })

  test('an instance of a class, a function and a symbol are passed on as they are', () => {
    class Money {
      amount = 5
    }
    const money = new Money()
    const call = () => 1
    const symbol = Symbol('s')
    const kept = carry({ money, call, symbol, pattern: /a/ })
    expect(kept.money).toBe(money)
    expect(kept.call).toBe(call)
    expect(kept.symbol).toBe(symbol)
    money.amount = 6
    expect(kept.money.amount).toBe(6)
  })

  test('a cycle is copied as a cycle', () => {
    const node: { self?: unknown; list: unknown[] } = { list: [] }
    node.self = node
    node.list.push(node)
    const kept = carry(node)
    expect(kept).not.toBe(node)
    expect(kept.self).toBe(kept)
    expect(kept.list[0]).toBe(kept)
    expect(freezeAll(kept)).toBe(true)
  })

  test('null prototypes, symbol keys and a key named __proto__ are kept', () => {
    const bare = Object.create(null) as Record<string, unknown>
    bare['a'] = 1
    const symbol = Symbol('s')
    const hostile = JSON.parse('{"__proto__": {"polluted": true}}') as object
    const kept = carry({ bare, [symbol]: 1, hostile }) as { bare: object; [symbol]: number; hostile: object }
    expect(Object.getPrototypeOf(kept.bare)).toBeNull()
    expect(kept[symbol]).toBe(1)
    expect(Object.hasOwn(kept.hostile, '__proto__')).toBe(true)
    expect('polluted' in kept.hostile).toBe(false)
    expect('polluted' in {}).toBe(false)
  })

  test('data nested far too deep is refused as invalid, not by a crash', () => {
    let value: unknown = 1
    for (let depth = 0; depth < 200_000; depth++) value = [value]
    expect(() => carry(value)).toThrow(/Event 'anything' \(version 1\) is invalid at data/)
    const result = Anything.safeParse({ ...Anything.create({ value: 1 }).toJSON(), data: { value } })
    expect(result.success).toBe(false)
  })
})

test('recursive schemas give frozen data', () => {
  interface Category {
    name: string
    children: Category[]
  }
  const category: z.ZodType<Category> = z.lazy(() => z.object({ name: z.string(), children: z.array(category) }))
  const Node = z.object({
    value: z.any(),
    get next() {
      return Node.optional()
    },
  })
  const definitions: [DefinedEvent<string, StandardSchema>, unknown][] = [
    [defineEvent('lazy', category), { name: 'a', children: [{ name: 'b', children: [] }] }],
    [defineEvent('getter', Node), { value: { a: 1 }, next: { value: { b: 2 }, next: undefined } }],
  ]
  for (const [definition, input] of definitions) {
    const event = definition.create(input)
    expect(event.data).toEqual(input)
    expect(freezeAll(event.data)).toBe(true)
    expect(freezeAll(input)).toBe(false)
  }
})
