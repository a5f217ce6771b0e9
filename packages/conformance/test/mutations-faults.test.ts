import { describe, expect, test } from 'vitest'
import { conformanceCases, type ConformanceResult, runConformance } from '../src/index.ts'
import { faultMutations, kitWithFaults, type FaultMutation } from './sabotage/faults.ts'

// As in mutations.test.ts, for the promises that show only when a network breaks or a broker is killed.
describe('the suite finds a transport that', { concurrent: true, timeout: 60_000 }, () => {
  for (const mutation of faultMutations) {
    test(`${mutation.breaks}: ${mutation.foundBy}`, async ({ expect }) => {
      const { outcome, error } = await resultOf(mutation.foundBy, mutation)
      expect(outcome).toBe('failed')
      expect(error).toMatchObject({ code: 'CONFORMANCE_FAILED' })
    })
  }
})

describe('where nothing is broken', { concurrent: true, timeout: 60_000 }, () => {
  test.for([...new Set(faultMutations.map(({ foundBy }) => foundBy))])('%s passes', async (id, { expect }) => {
    const { outcome, reason } = await resultOf(id)
    expect({ outcome, reason }).toEqual({ outcome: 'passed', reason: undefined })
  })
})

async function resultOf(id: string, mutation?: FaultMutation): Promise<ConformanceResult> {
  await using kit = await kitWithFaults(mutation)
  const { results } = await runConformance(kit, { cases: conformanceCases.filter((entry) => entry.id === id) })
  expect(results).toHaveLength(1)
  return results[0]!
}
