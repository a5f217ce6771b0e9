import { conformance, conformanceCases, reportToJson } from '@tidings/conformance'
import { afterAll, expect, test } from 'vitest'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { membersOf } from './fixtures/members.ts'
import { ownTable } from './fixtures/own-table.ts'

const { file, remove } = fileInTmp()
const table = ownTable(file)
const transport = sqlite({ file })
const skipped = new Map<string, string>()
const members = membersOf({ module: new URL('../src/index.ts', import.meta.url), name: 'sqlite', options: { file } })

afterAll(async () => {
  await members.end()
  remove()
})

const report = conformance(
  {
    transport: () => transport,
    // Processes take a while to begin where the machine has much to do.
    within: '30s',
    aggregations: () => transport.aggregations(),
    claimChecks: () => transport.claimChecks(),
    table,
    ...members,
  },
  {
    test: (name, run) => test(name, { timeout: 60_000 }, run),
    concurrent: (name, run) => test.concurrent(name, { timeout: 60_000 }, run),
    skip: (name, reason) => skipped.set(name.slice(0, 3), reason),
  },
)

// Each that is left out has its reason here; those of a broker run behind a socket (conformance-broker.test.ts).
test('with members in other processes all cases run but those of a broker, a network, a sink, or a foreign client', () => {
  const noBroker = ['C05', 'C31', 'C65', 'C72', 'C85', 'C86', 'C87']
  const noNetwork = ['C07', 'C29', 'C30', 'C32', 'C35', 'C83', 'C84']
  expect([...skipped.keys()].toSorted()).toEqual([...noBroker, ...noNetwork, 'C43', 'C44', 'C94'].toSorted())
  expect(report.results.map(({ id }) => id).toSorted()).toEqual(conformanceCases.map(({ id }) => id))
})

test('docs/transports/sqlite.json has what this run has shown (vitest -u writes it anew)', async () => {
  await expect(reportToJson(report)).toMatchFileSnapshot('../../../docs/transports/sqlite.json')
})
