import type { Transport } from '@tidings/bus'
import { conformanceCases, runConformance } from '@tidings/conformance'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { kafka } from '../src/index.ts'
import type { Begun } from '../src/consume/slice.ts'
import type { KafkaRecord } from '../src/wire/decode.ts'
import { anyServer } from './fixtures/server.ts'

/** What is broken now. */
const broken = vi.hoisted(() => ({ by: '' }))

vi.mock(import('../src/consume/slice.ts'), async (original) => {
  const { Slice } = await original()
  return {
    Slice: class extends Slice {
      #out: Begun[] = []
      override begin(record: KafkaRecord): Begun {
        const begun = super.begin(record)
        this.#out.push(begun)
        if (broken.by === 'commits before it is handled') super.end(begun)
        return begun
      }
      override end(begun: Begun): void {
        if (broken.by === 'commits past what is unsettled') {
          for (const before of this.#out.splice(0, this.#out.indexOf(begun))) super.end(before)
        }
        super.end(begun)
      }
    },
  }
})

vi.mock(import('../src/publish/publisher.ts'), async (original) => {
  const { Publisher } = await original()
  return {
    Publisher: class extends Publisher {
      override async publish(...given: Parameters<InstanceType<typeof Publisher>['publish']>): Promise<void> {
        const confirmed = super.publish(...given)
        if (broken.by !== 'confirms what it has only sent') return confirmed
        confirmed.catch(() => {})
      }
    },
  }
})

vi.mock(import('../src/consume/starts.ts'), async (original) => {
  const { startsOf } = await original()
  return {
    startsOf(options, wanted, reader, committed, commit) {
      const isBroken = broken.by === 'does not commit where a group begins'
      return startsOf(options, wanted, reader, committed, isBroken ? async () => {} : commit)
    },
  }
})

vi.mock(import('../src/consume/assign.ts'), async (original) => {
  const { assignPartitions } = await original()
  return {
    assignPartitions(current, members, topics, metadata) {
      if (broken.by !== 'gives each partition to all members') {
        return assignPartitions(current, members, topics, metadata)
      }
      return [...members].flatMap((member) => assignPartitions(current, new Map([member]), topics, metadata))
    },
  }
})

const cluster = await anyServer()
afterAll(() => cluster?.close())
afterEach(() => (broken.by = ''))

/** Each with the cases that must fail by it. */
const saboteurs: Readonly<Record<string, readonly string[]>> = {
  'commits before it is handled': ['C10', 'C34'],
  'commits past what is unsettled': ['C10'],
  'confirms what it has only sent': ['C37', 'C62'],
  'does not commit where a group begins': ['C88'],
  'gives each partition to all members': ['C54'],
}

describe.runIf(cluster !== undefined)('the suite finds a Kafka transport that', () => {
  test.for(Object.entries(saboteurs))('%s: %s', { timeout: 180_000 }, async ([breaks, foundBy]) => {
    broken.by = breaks
    expect(await outcomesOf(foundBy, '12s')).toEqual(foundBy.map((id) => `${id} failed`))
  })

  test('and nothing where nothing is broken', { timeout: 240_000 }, async () => {
    const named = [...new Set(Object.values(saboteurs).flat())]
    expect(await outcomesOf(named, '30s')).toEqual(named.map((id) => `${id} passed`))
  })
})

/** The cases run one after the other on one broker; each has names of its own there. */
async function outcomesOf(ids: readonly string[], within: '12s' | '30s'): Promise<string[]> {
  const prefix = `sabotage-${Object.keys(saboteurs).indexOf(broken.by) + 1}`
  const transport = (): Transport => kafka({ brokers: cluster!.brokers, prefix, partitions: 10, sessionTimeout: '3s' })
  const outcomes: string[] = []
  for (const id of ids) {
    const cases = conformanceCases.filter((entry) => entry.id === id)
    const { results } = await runConformance({ transport, within }, { cases })
    outcomes.push(...results.map(({ outcome }) => `${id} ${outcome}`))
  }
  return outcomes
}
