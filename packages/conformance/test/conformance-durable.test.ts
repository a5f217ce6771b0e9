import { memoryAggregations, memoryClaimChecks } from '@tidings/bus/integration'
import { afterAll, expect, test } from 'vitest'
import { conformance, conformanceCases } from '../src/index.ts'
import { durableKit } from './fixtures/durable-kit.ts'

const kit = await durableKit({ timeout: 2000 })
const skipped: string[] = []

afterAll(() => kit[Symbol.asyncDispose]())

// Registered first, so that they run before the test of the report below.
const report = conformance(
  { ...kit, aggregations: () => memoryAggregations(), claimChecks: () => memoryClaimChecks() },
  {
    test: (name, run) => test(name, { timeout: 60_000 }, run),
    skip: (name) => skipped.push(name.slice(0, 3)),
  },
)

test('INVARIANT: on a broker that keeps what it has, every case of the suite runs but those of a sink and of transactions, through the ends of the broker', () => {
  // Its dead letters are in a store, and no work of an application goes over a socket.
  expect(skipped).toEqual(['C94', 'C96', 'C97', 'C98', 'C99'])
  expect(report.results.map(({ id }) => id).toSorted()).toEqual(conformanceCases.map(({ id }) => id))
})
