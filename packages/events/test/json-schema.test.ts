import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import { defineEvent, JsonSchemaError } from '../src/index.ts'

describe('jsonSchema', () => {
  const isoDate = z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: String })

  test('describes the wire: encoded codecs, defaults optional', () => {
    const Placed = defineEvent(
      'placed',
      z.object({ at: isoDate, quantity: z.int().min(1).max(9), note: z.string().default('none') }),
    )
    expect(Placed.jsonSchema()).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        at: { type: 'string' },
        quantity: { type: 'integer', minimum: 1, maximum: 9 },
        note: { type: 'string', default: 'none' },
      },
      required: ['at', 'quantity'],
    })
  })

  test('describes the data on request, in an older draft on request', () => {
    const Placed = defineEvent('placed', z.object({ note: z.string().default('none') }))
    expect(Placed.jsonSchema({ side: 'data' })).toMatchObject({ required: ['note'], additionalProperties: false })
    expect(Placed.jsonSchema({ target: 'draft-07' })).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
    })
  })

  test('is plain JSON that can be stored', () => {
    const schema = defineEvent('placed', z.object({ a: z.string() })).jsonSchema()
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
  })

  test('shows which fields are sensitive', () => {
    expect(defineEvent('placed', z.string().meta({ sensitive: true })).jsonSchema()).toMatchObject({ sensitive: true })
  })

  test('describes coerced dates and bigints as the text that they read', () => {
    const Placed = defineEvent('placed', z.object({ at: z.coerce.date(), n: z.coerce.bigint() }))
    expect(Placed.jsonSchema()).toMatchObject({
      properties: { at: { type: 'string', format: 'date-time' }, n: { type: 'string', pattern: String.raw`^-?\d+$` } },
    })
  })

  test('is refused, with the place, for what JSON cannot carry', () => {
    const cases: [schema: z.ZodType, message: RegExp][] = [
      [
        z.object({ at: z.date() }),
        /`data\.at` is of type date, which JSON cannot carry\nUse a JSON type there, or a z\.codec\(\)/,
      ],
      [z.object({ list: z.array(z.bigint()) }), /`data\.list\.items` is of type bigint/],
      [z.map(z.string(), z.string()), /`data` is of type map/],
      [z.literal(1n), /`data` is of type literal 1/],
      [z.custom(() => true), /`data` is of type custom/],
    ]
    for (const [schema, message] of cases) {
      expect(() => defineEvent('placed', schema).jsonSchema()).toThrow(JsonSchemaError)
      expect(() => defineEvent('placed', schema).jsonSchema()).toThrow(message)
    }
  })
})
