import { memory } from '@tidings/bus'
import { discarded, type Settlement } from '@tidings/bus/transport'
import { expect, test } from 'vitest'
import { conformance, conformanceCases, runConformance } from '../src/index.ts'
import { type Order, stepwise } from './fixtures/stepwise.ts'

const { transport } = stepwise(memory({ history: 1000 }))
const skipped: string[] = []

// Registered first, so that they run before the test of what was left out.
conformance(
  { transport: () => transport },
  {
    test: (name, run) => test(name, { timeout: 30_000 }, run),
    concurrent: (name, run) => test.concurrent(name, { timeout: 30_000 }, run),
    skip: (name) => skipped.push(name.slice(0, 3)),
  },
)

test('on a transport that settles step by step, only the cases of the inbox are left out besides', () => {
  const ofMemory = ['C05', 'C07', 'C08', 'C29', 'C30', 'C31', 'C32', 'C35', 'C43', 'C44', 'C65', 'C72']
  const ofInbox = ['C38', 'C63', 'C64', 'C69']
  expect(skipped.toSorted()).toEqual(
    [
      ...ofMemory,
      ...ofInbox,
      'C83',
      'C84',
      'C85',
      'C86',
      'C87',
      'C90',
      'C91',
      'C92',
      'C93',
      'C94',
      'C96',
      'C97',
      'C98',
      'C99',
    ].toSorted(),
  )
})

// The other way round than the safe order has it: what is left to do when it crashes is left for good.
const acknowledgesFirst: Order = async (settlement, { publish, park }) => {
  void (async () => {
    if ('effects' in settlement) for (const effect of settlement.effects) await publish?.(effect)
    if (settlement.as === 'dead-lettered') await park?.(settlement.letter)
  })().catch(() => {})
  return settlement.as === 'handled' || settlement.as === 'dead-lettered' ? discarded : settlement
}

/** As memory() would do it, without the effects. */
const forgetsLetters: Order = async (settlement, { publish }) => {
  if ('effects' in settlement) for (const effect of settlement.effects) await publish?.(effect)
  const rest: Settlement = settlement.as === 'dead-lettered' ? discarded : settlement
  return 'effects' in rest ? { ...rest, effects: [] } : rest
}

test.each([
  { how: 'in the safe order', order: undefined, outcome: 'passed' },
  { how: 'with the acknowledgement first', order: acknowledgesFirst, outcome: 'failed' },
  { how: 'without the letters', order: forgetsLetters, outcome: 'failed' },
])('C89 on a transport that settles step by step $how: $outcome', { timeout: 60_000 }, async ({ order, outcome }) => {
  const broker = stepwise(memory({ history: 1000 }), order)
  const restore = async (): Promise<void> => {}
  const network = { cut: broker.crash, blackHole: broker.crash, restore }
  const within = outcome === 'failed' ? '600ms' : '10s'
  const cases = conformanceCases.filter(({ id }) => id === 'C89')
  const { results } = await runConformance({ transport: () => broker.transport, network, within }, { cases })
  expect(results.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    [outcome, outcome === 'failed' ? expect.stringContaining('when a settlement was cut') : undefined],
  ])
})
