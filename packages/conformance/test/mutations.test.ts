import { memoryInbox, type Transport } from '@tidings/bus'
import { describe, expect, test } from 'vitest'
import {
  conformanceCases,
  ConformanceError,
  type ConformanceKit,
  type ConformanceResult,
  runConformance,
} from '../src/index.ts'
import { faultMutations } from './sabotage/faults.ts'
import { groupsMutations } from './sabotage/groups.ts'
import { inboxMutations } from './sabotage/inbox.ts'
import { policyMutations } from './sabotage/policy.ts'
import { publishingMutations } from './sabotage/publishing.ts'
import { settlementMutations } from './sabotage/settlement.ts'
import { settlingMutations } from './sabotage/settling.ts'
import { claims, deliveries, healthy } from './sabotage/tools.ts'

const mutations = [
  ...settlingMutations,
  ...settlementMutations,
  ...groupsMutations,
  ...publishingMutations,
  ...policyMutations,
  ...inboxMutations,
]

// A suite is worth what it finds: each promise is broken once on purpose, and the cases that are named must say so.
describe('the suite finds a transport or a bus that', () => {
  for (const { breaks, foundBy, transport = healthy, bus } of mutations) {
    // What a case measures in the whole process must not be disturbed by others.
    const run = foundBy.some((id) => caseOf(id).alone) ? test : test.concurrent
    run(`${breaks}: ${foundBy.join(', ')}`, { timeout: 60_000 }, async () => {
      // What a case waits for never happens here, so it need not wait for long.
      const results = await resultsOf(foundBy, transport, {
        within: '600ms',
        bus: typeof bus === 'function' ? bus() : bus,
      })
      expect(results.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual(foundBy.map((id) => `${id} failed`))
      for (const { error, reason } of results) {
        expect(error).toBeInstanceOf(ConformanceError)
        expect(reason).not.toContain('no call fails that is to succeed')
      }
    })
  }
})

test('the same cases pass where nothing is broken', { timeout: 60_000 }, async () => {
  const named = new Set(mutations.flatMap(({ foundBy }) => foundBy))
  const results = await resultsOf([...named], healthy)
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
})

test('a transport without an inbox passes the cases of the inbox with the one that the kit gives', async () => {
  const bare = (): Transport => claims(deliveries(() => ({ handledBefore: undefined }))(), { inbox: false })
  const [without] = await resultsOf(['C64'], bare)
  expect(without?.reason).toBe('memory: neither transport nor kit has an inbox, so C64 does not apply')
  const results = await resultsOf(['C38', 'C63', 'C64'], bare, { bus: { inbox: memoryInbox({ max: 400 }) } })
  expect(results.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'passed'])
})

test('every case is named by a mutation: there is none that cannot fail', () => {
  const named = [
    ...mutations.flatMap(({ foundBy }) => foundBy),
    ...faultMutations.map(({ foundBy }) => foundBy),
    // In integration-stores.test.ts.
    'C90',
    'C91',
    // In dead-letter-sink.test.ts.
    'C94',
    // In transactions.test.ts.
    'C96',
    'C97',
    'C98',
    'C99',
  ]
  expect([...new Set(named)].toSorted()).toEqual(conformanceCases.map(({ id }) => id))
})

/** Runs cases at the same time, each on a broker of its own; those that want to be alone behind the others. */
async function resultsOf(
  ids: readonly string[],
  transport: () => Transport,
  kit?: Partial<ConformanceKit>,
): Promise<readonly ConformanceResult[]> {
  const result = async (id: string): Promise<ConformanceResult> => {
    const broker = transport()
    const { results } = await runConformance({ transport: () => broker, ...kit }, { cases: [caseOf(id)] })
    return results[0]!
  }
  const results = await Promise.all(ids.filter((id) => !caseOf(id).alone).map(result))
  for (const id of ids) if (caseOf(id).alone) results.push(await result(id))
  return ids.map((id) => results.find((result) => result.id === id)!)
}

function caseOf(id: string): (typeof conformanceCases)[number] {
  const found = conformanceCases.find((entry) => entry.id === id)
  if (found === undefined) throw new Error(`the suite has no case ${id}`)
  return found
}
