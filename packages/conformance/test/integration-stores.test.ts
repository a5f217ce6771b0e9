import { memory } from '@tidings/bus'
import {
  type AggregationStore,
  type ClaimCheckStore,
  memoryAggregations,
  memoryClaimChecks,
} from '@tidings/bus/integration'
import { describe, expect, test } from 'vitest'
import { conformanceCases, type ConformanceKit, runConformance } from '../src/index.ts'
import { over } from '@tidings/core/tools'

const healthy: ConformanceKit = {
  transport: memory,
  aggregations: () => memoryAggregations(),
  claimChecks: () => memoryClaimChecks(),
}

async function outcomesWith(kit: Partial<ConformanceKit>): Promise<string[]> {
  const cases = conformanceCases.filter(({ id }) => id === 'C90' || id === 'C91')
  const { results } = await runConformance({ ...healthy, ...kit }, { cases })
  return results.map(({ id, outcome }) => `${id} ${outcome}`)
}

const aggregationsThat = (change: (store: AggregationStore) => Partial<AggregationStore>) => ({
  aggregations: () => {
    const store = memoryAggregations()
    return over<AggregationStore>(store, change(store))
  },
})
const claimChecksThat = (change: (store: ClaimCheckStore) => Partial<ClaimCheckStore>) => ({
  claimChecks: () => {
    const store = memoryClaimChecks()
    return over<ClaimCheckStore>(store, change(store))
  },
})

test('the stores in memory keep what is promised, and one that the kit lacks is left out', async () => {
  expect(await outcomesWith({})).toEqual(['C90 passed', 'C91 passed'])
  expect(await outcomesWith({ aggregations: undefined, claimChecks: undefined } as never)).toEqual([
    'C90 skipped',
    'C91 skipped',
  ])
})

describe('the suite finds an aggregation store that', () => {
  let count = 0
  test.for<[string, (store: AggregationStore) => Partial<AggregationStore>]>([
    ['takes an event twice', (store) => ({ add: (entry) => store.add({ ...entry, identity: String(count++) }) })],
    ['forgets why it was sealed first', (store) => ({ seal: (id) => store.seal(id, 'timeout') })],
    ['is never sealed', () => ({ seal: () => {} })],
    ['knows no bound', (store) => ({ add: (entry) => store.add({ ...entry, max: 1000 }) })],
    ['never opens again', (store) => ({ add: (entry) => store.add({ ...entry, reopen: false }) })],
    ['reads nothing', () => ({ read: () => undefined })],
  ])('%s', async ([, change]) => {
    expect(await outcomesWith(aggregationsThat(change))).toEqual(['C90 failed', 'C91 passed'])
  })
})

describe('the suite finds a claim-check store that', () => {
  const kept = new Map<string, Uint8Array>()
  test.for<[string, (store: ClaimCheckStore) => Partial<ClaimCheckStore>]>([
    ['loses the end of what is long', (store) => ({ put: (key, bytes) => store.put(key, bytes.slice(0, 65_536)) })],
    [
      'takes no bytes for none',
      (store) => ({ get: async (key) => ((await store.get(key))?.byteLength ? store.get(key) : undefined) }),
    ],
    ['finds what nobody has put', (store) => ({ get: async (key) => (await store.get(key)) ?? Uint8Array.of(0) })],
    [
      'keeps what is its owner’s',
      () => ({ put: (key, bytes) => void kept.set(key, bytes), get: (key) => kept.get(key) }),
    ],
  ])('%s', async ([, change]) => {
    expect(await outcomesWith(claimChecksThat(change))).toEqual(['C90 passed', 'C91 failed'])
  })
})
