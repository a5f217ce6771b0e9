import { memory } from '@tidings/bus'
import { expect, test } from 'vitest'
import { conformance } from '../src/index.ts'
import { claims } from './sabotage/tools.ts'

// Shorter than one attempt by default, 30 s, and than any timeout that a case asks for.
const transport = claims(memory({ history: 1000 }), { maxHold: 20_000 })
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

test('on a transport that waits 20 s for an answer, the same cases run as on memory(), C57 among them', () => {
  const ofMemory = ['C05', 'C07', 'C08', 'C29', 'C30', 'C31', 'C32', 'C35', 'C43', 'C44', 'C65']
  expect(skipped).toEqual([
    ...ofMemory,
    'C72',
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
  ])
})
