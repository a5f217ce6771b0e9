import { describe, expect, test } from 'vitest'
import { conformanceCases, type ConformanceResult, runConformance } from '../src/index.ts'
import { kitWithTable, type TableSabotage } from './fixtures/with-table.ts'

const ids = ['C96', 'C97', 'C98', 'C99']
const cases = conformanceCases.filter(({ id }) => ids.includes(id))

async function resultOf(id: string, sabotage?: TableSabotage): Promise<ConformanceResult> {
  const kit = { ...kitWithTable(sabotage), within: sabotage ? '600ms' : '10s' } as const
  const { results } = await runConformance(kit, { cases: cases.filter((entry) => entry.id === id) })
  return results[0]!
}

test.for(ids)('%s passes where what is written and published is one step', async (id) => {
  expect(await resultOf(id)).toMatchObject({ outcome: 'passed', reason: undefined })
})

const sabotages: readonly (TableSabotage & { readonly breaks: string; readonly foundBy: readonly string[] })[] = [
  {
    breaks: 'publishes before it writes',
    foundBy: ['C96'],
    transact({ write, send }) {
      send()
      write()
    },
  },
  {
    breaks: 'writes, and publishes a little later',
    foundBy: ['C97', 'C98'],
    async transact({ write, send }, _outgoing, isClosed) {
      write()
      await new Promise((resolve) => setTimeout(resolve, 3))
      if (!isClosed()) send()
    },
  },
  {
    breaks: 'forgets what is written',
    foundBy: ['C96', 'C97', 'C98'],
    transact: ({ send }) => send(),
  },
  {
    breaks: 'forgets what is published',
    foundBy: ['C96', 'C97', 'C98'],
    transact: ({ write }) => write(),
  },
  {
    breaks: 'publishes in another order',
    foundBy: ['C96'],
    transact({ write, send }, outgoing) {
      write()
      ;(outgoing as unknown[]).reverse()
      send()
    },
  },
  {
    breaks: 'rejects with an error of its own',
    foundBy: ['C96'],
    transact({ write, send }) {
      try {
        write()
      } catch (cause) {
        throw new Error('the transaction failed', { cause })
      }
      send()
    },
  },
  {
    breaks: 'settles before it writes',
    foundBy: ['C99'],
    settle({ write, send }) {
      send()
      write()
    },
  },
  { breaks: 'settles without the writes of a handler', foundBy: ['C99'], settle: ({ send }) => send() },
]

describe('the suite finds a transport that', () => {
  for (const { breaks, foundBy, ...sabotage } of sabotages) {
    test.for(foundBy)(`${breaks}: %s`, async (id) => {
      const { outcome, error } = await resultOf(id, sabotage)
      expect(outcome).toBe('failed')
      expect(error).toMatchObject({ code: 'CONFORMANCE_FAILED' })
    })
  }
})
