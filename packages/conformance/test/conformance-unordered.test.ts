import { memory } from '@tidings/bus'
import { expect, test } from 'vitest'
import { over } from '@tidings/core/tools'
import { conformance } from '../src/index.ts'

const broker = memory({ history: 1000 })
const unordered = over(broker, { capabilities: { ...broker.capabilities, ordering: 'none' } })
const skipped: string[] = []

// Registered first, so that they run before the test of what was left out.
conformance(
  { transport: () => unordered },
  {
    test: (name, run) => test(name, { timeout: 30_000 }, run),
    concurrent: (name, run) => test.concurrent(name, { timeout: 30_000 }, run),
    skip: (_name, reason) => skipped.push(reason),
  },
)

test('on a transport that keeps no order, only the cases of order are left out besides', () => {
  const ofOrder = skipped.filter((reason) => /order/.test(reason)).map((reason) => reason.slice(-18, -15))
  expect(ofOrder).toEqual(['C18', 'C19', 'C20', 'C54', 'C58', 'C60', 'C63', 'C70', 'C71', 'C72', 'C74', 'C80'])
})
