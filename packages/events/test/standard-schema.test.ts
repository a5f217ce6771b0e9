import * as z from 'zod'
import { describe, expect, test } from 'vitest'
import {
  AsyncSchemaError,
  defineEvent,
  JsonSchemaError,
  type StandardResult,
  type StandardSchema,
} from '../src/index.ts'

/** A schema of another vendor: a positive quantity, given as a number or as text. */
const quantity = (
  validate: (value: unknown) => StandardResult<{ quantity: number }> | Promise<StandardResult<{ quantity: number }>>,
): StandardSchema<{ quantity: number | string }, { quantity: number }> => ({
  '~standard': { version: 1, vendor: 'own', validate },
})
const check = (value: unknown): StandardResult<{ quantity: number }> => {
  const amount = Number((value as { quantity?: unknown } | null)?.quantity)
  return amount > 0
    ? { value: { quantity: amount } }
    : { issues: [{ message: 'a positive quantity', path: ['quantity'] }] }
}

describe('a Standard Schema of any vendor', () => {
  test('validates, and its result becomes the data', () => {
    const Placed = defineEvent('placed', quantity(check))
    expect(Placed.create({ quantity: '3' }).data).toEqual({ quantity: 3 })
    expect(Object.isFrozen(Placed.create({ quantity: 1 }).data)).toBe(true)
    expect(Placed.parse(JSON.parse(JSON.stringify(Placed.create({ quantity: 2 })))).data).toEqual({ quantity: 2 })
  })

  test('has its issues reported with path and value', () => {
    expect(() => defineEvent('placed', quantity(check)).create({ quantity: -1 })).toThrow(
      /at data\.quantity: expected a positive quantity, received -1/,
    )
  })

  test('may give path segments as objects, and no path at all', () => {
    const nested = quantity(() => ({
      issues: [{ message: 'no', path: [{ key: 'lines' }, { key: 0 }] }, { message: 'no' }],
    }))
    expect(() => defineEvent('placed', nested).create({ quantity: 1 })).toThrow(
      /data\.lines\[0\]: expected no, received nothing/,
    )
  })

  test('that refuses without a reason is still a refusal', () => {
    expect(() =>
      defineEvent(
        'placed',
        quantity(() => ({ issues: [] })),
      ).create({ quantity: 1 }),
    ).toThrow(/what own accepts/)
  })

  test('may be a function, as those of some vendors are', () => {
    const callable = Object.assign(() => undefined, quantity(check))
    expect(defineEvent('placed', callable).create({ quantity: 1 }).data).toEqual({ quantity: 1 })
    expect(defineEvent('placed', { schema: callable }).create({ quantity: 1 }).data).toEqual({ quantity: 1 })
  })

  test('whose validator throws is an invalid event with the cause', () => {
    const throwing = quantity(() => {
      throw new RangeError('broken')
    })
    expect(() => defineEvent('placed', throwing).create({ quantity: 1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_EVENT', cause: expect.any(RangeError) }),
    )
  })

  test('has a JSON Schema only where the vendor gives one', () => {
    expect(() => defineEvent('placed', quantity(check)).jsonSchema()).toThrow(JsonSchemaError)
    const described = {
      '~standard': {
        ...quantity(check)['~standard'],
        jsonSchema: { input: () => ({ type: 'object' }), output: () => ({ type: 'array' }) },
      },
    }
    expect(defineEvent('placed', described).jsonSchema()).toEqual({ type: 'object' })
    expect(defineEvent('placed', described).jsonSchema({ side: 'data' })).toEqual({ type: 'array' })
  })
})

describe('an asynchronous schema', () => {
  const asynchronous: [name: string, schema: StandardSchema][] = [
    ['of another vendor', quantity(async (value) => check(value))],
    ['of another vendor, rejecting', quantity(() => Promise.reject(new Error('no')))],
    ['of zod, with an async refinement', z.object({ a: z.string().refine(async () => true) })],
    ['of zod, with an async transform', z.object({ a: z.string().transform(async (text) => text) })],
    ['of zod, with a promise', z.object({ a: z.promise(z.string()) })],
  ]
  for (const [name, schema] of asynchronous) {
    test(`${name} is refused with a fix, and leaves no rejection behind`, async () => {
      const Checked = defineEvent('checked', schema)
      const create = () => Checked.create({ a: 'x', quantity: 1 })
      expect(create).toThrow(AsyncSchemaError)
      expect(create).toThrow(
        /schema of event 'checked' validates asynchronously.*\nDo the asynchronous check before create\(\)/,
      )
      await new Promise((resolve) => setTimeout(resolve))
    })
  }
})
