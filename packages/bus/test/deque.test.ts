import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deque } from '../src/collections/deque.ts'

test('a queue that grows and shrinks gives what an array gives', () => {
  // Crowds of thousands, so that the ring is made larger and smaller with its head anywhere.
  const step = fc.oneof(
    fc.record({ push: fc.oneof(fc.nat(12), fc.integer({ min: 500, max: 3000 })) }),
    fc.record({ shift: fc.oneof(fc.nat(12), fc.integer({ min: 500, max: 4000 })) }),
    { weight: 1, arbitrary: fc.constant({ clear: true } as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const deque = new Deque<number>()
      const array: number[] = []
      let next = 0
      for (const each of steps) {
        if ('push' in each) {
          for (let i = 0; i < each.push; i++) {
            deque.push(next)
            array.push(next++)
          }
        } else if ('shift' in each) {
          const given = Array.from({ length: each.shift }, () => deque.shift())
          expect(given).toEqual(Array.from({ length: each.shift }, () => array.shift()))
        } else expect(deque.clear()).toEqual(array.splice(0))
        expect(deque.size).toBe(array.length)
      }
      expect(deque.clear()).toEqual(array)
    }),
    { numRuns: 60 },
  )
})
