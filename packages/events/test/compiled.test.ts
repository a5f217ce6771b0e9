import * as fc from 'fast-check'
import * as z from 'zod'
import { describe, expect, test, vi } from 'vitest'
import { defineEvent } from '../src/index.ts'
import { validatorOf } from '../src/schema/validator.ts'
import { anything, samples } from './support/schemas.ts'

/** What a validator says, in a form that can be compared. */
const verdict = ({ value, issues }: { value: unknown; issues: readonly object[] }) =>
  issues.length > 0
    ? issues.map(({ code, path }: { code?: unknown; path?: unknown }) => ({ code, path: path ?? [] }))
    : { value }

describe('the compiled validator', () => {
  test('INVARIANT: says what zod itself says, of any value', () => {
    fc.assert(
      fc.property(samples, fc.array(anything, { maxLength: 5 }), fc.gen(), (sample, values, generate) => {
        const validate = validatorOf(sample.schema, 'random')
        for (const value of [...values, generate(() => sample.valid)]) {
          const expected = sample.schema._zod.run({ value, issues: [] }, { async: false })
          if (expected instanceof Promise) throw new Error('samples are synchronous')
          expect(verdict(validate(value))).toEqual(verdict(expected))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('runs transforms and refinements once for data that is right', () => {
    const refine = vi.fn(() => true)
    const transform = vi.fn((text: string) => text.length)
    const Counted = defineEvent('counted', z.object({ a: z.string().refine(refine).transform(transform) }))
    expect(Counted.create({ a: 'abc' }).data).toEqual({ a: 3 })
    expect([refine.mock.calls.length, transform.mock.calls.length]).toEqual([1, 1])
  })

  test('is not asked for where code generation is switched off', () => {
    try {
      z.config({ jitless: true })
      const Placed = defineEvent('placed', z.object({ a: z.string() }))
      expect(Placed.create({ a: 'x' }).data).toEqual({ a: 'x' })
      expect(() => Placed.create({ a: 1 as never })).toThrow(/expected a string/)
    } finally {
      z.config({ jitless: false })
    }
  })
})
