import { describe, expect, test } from 'vitest'
import { ConformanceError, runStoreConformance, storeCases, type StoreKit } from '../../src/store/index.ts'
import { storeMutations } from './sabotage.ts'
import { sharedMemory } from './shared.ts'

// A suite is worth what it finds: each promise is broken once on purpose, and the cases that are named must say so.
describe('the suite finds a store that', () => {
  for (const { breaks, foundBy, alter, alterOpened } of storeMutations) {
    test.concurrent(`${breaks}: ${foundBy.join(', ')}`, async () => {
      const results = await resultsOf(foundBy, { recorder: sharedMemory(alter, alterOpened), within: '600ms' })
      expect(results.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(foundBy.map((id) => `${id} failed`))
      for (const { error, reason } of results) {
        expect(error).toBeInstanceOf(ConformanceError)
        expect(reason).not.toContain('no call fails that is to succeed')
      }
    })
  }
})

test('every case is named by a mutation: there is none that cannot fail', () => {
  const named = new Set(storeMutations.flatMap(({ foundBy }) => foundBy))
  expect([...named].toSorted()).toEqual(storeCases.map(({ id }) => id))
})

test('a failure says what the case had done', async () => {
  const { alter } = storeMutations[0]!
  const [result] = await resultsOf(['S02'], { recorder: sharedMemory(alter) })
  expect(String(result?.error)).toMatch(
    /^ConformanceError: S02: version 0 .+\nAt check \d+, after: append 1 to a at 0, /,
  )
})

async function resultsOf(ids: readonly string[], kit: Omit<StoreKit, 'name'>) {
  const cases = storeCases.filter(({ id }) => ids.includes(id))
  const { results } = await runStoreConformance({ name: 'broken', ...kit }, { cases })
  return results
}
