import { memory } from '@tidings/bus'
import { memoryAggregations, memoryClaimChecks } from '@tidings/bus/integration'
import { expect, test } from 'vitest'
import { conformance, conformanceCases, conformanceTable, reportFromJson, reportToJson } from '../src/index.ts'

const broker = memory({ history: 1000 })
const skipped = new Map<string, string>()

// Registered first, so that they run before the test of the report below.
const report = conformance(
  {
    transport: () => broker,
    aggregations: () => memoryAggregations(),
    claimChecks: () => memoryClaimChecks(),
  },
  {
    // Longer than a case waits, so that it can say what it waited for.
    test: (name, run) => test(name, { timeout: 30_000 }, run),
    concurrent: (name, run) => test.concurrent(name, { timeout: 30_000 }, run),
    skip: (name, reason) => skipped.set(name.slice(0, 3), reason),
  },
)

// What memory() need not do; each case that is left out has its reason here, so none is left out in silence.
test('on memory() the cases are left out that need a broker, a network, another process, a foreign client or a sink', () => {
  expect(Object.fromEntries(skipped)).toEqual({
    C05: 'memory: not durable, so C05 does not apply',
    C07: 'memory: the kit cannot disturb a network, so C07 does not apply',
    C08: 'memory: no members in other processes, so C08 does not apply',
    C29: 'memory: the kit cannot disturb a network, so C29 does not apply',
    C30: 'memory: the kit cannot disturb a network, so C30 does not apply',
    C31: 'memory: not durable, so C31 does not apply',
    C32: 'memory: the kit cannot disturb a network, so C32 does not apply',
    C35: 'memory: the kit cannot disturb a network, so C35 does not apply',
    C43: 'memory: the kit makes no conflicting declaration, so C43 does not apply',
    C44: 'memory: the kit has no plain client, so C44 does not apply',
    C65: 'memory: not durable, so C65 does not apply',
    C72: 'memory: not durable, so C72 does not apply',
    C83: 'memory: the kit cannot disturb a network, so C83 does not apply',
    C84: 'memory: the kit cannot disturb a network, so C84 does not apply',
    C85: 'memory: not durable, so C85 does not apply',
    C86: 'memory: not durable, so C86 does not apply',
    C87: 'memory: not durable, so C87 does not apply',
    C92: 'memory: no members in other processes, so C92 does not apply',
    C93: 'memory: no members in other processes, so C93 does not apply',
    C94: 'memory: has no sink of dead letters, so C94 does not apply',
    C96: 'memory: nobody joins its commits, so C96 does not apply',
    C97: 'memory: nobody joins its commits, so C97 does not apply',
    C98: 'memory: nobody joins its commits, so C98 does not apply',
    C99: 'memory: nobody joins its commits, so C99 does not apply',
  })
})

test('the report has every case, and its table names what ran and why the rest did not', () => {
  expect(report.results.map(({ id }) => id).toSorted()).toEqual(conformanceCases.map(({ id }) => id))
  const table = conformanceTable([report])
  expect(table).toContain('| `durable` | no |')
  expect(table).toContain('| C01 | a message arrives once, with every attribute, header and byte | yes |')
  expect(table).toContain('- C05: memory: not durable, so C05 does not apply')
})

// transports.test.ts joins it with those of the other transports.
test('docs/transports/memory.json has what this run has shown (vitest -u writes it anew)', async () => {
  const json = reportToJson(report)
  const shown = reportFromJson(json)
  expect(reportToJson(shown)).toBe(json)
  expect(conformanceTable([shown])).toBe(conformanceTable([report]))
  await expect(json).toMatchFileSnapshot('../../../docs/transports/memory.json')
})
