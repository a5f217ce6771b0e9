import { memoryAggregations, memoryClaimChecks } from '@tidings/bus/integration'
import { conformance, conformanceCases } from '@tidings/conformance'
import { faultProxy, networkFaults } from '@tidings/conformance/faults'
import { startKafka } from '@tidings/services'
import { afterAll, expect, test } from 'vitest'
import { kafka } from '../src/index.ts'
import { freePort } from './fixtures/free-port.ts'
import { removeGroups } from './fixtures/groups.ts'
import { membersOf } from './fixtures/members.ts'
import { plainClient } from './fixtures/plain.ts'

// Kafka tells its clients where to come: to a second listener behind the proxy.
const port = await freePort()
const server = await startKafka({ proxyPort: port })
const proxy = await faultProxy({ target: { port: server.behindProxy! }, port })
const skipped = new Map<string, string>()
const usual = { partitions: 4, sessionTimeout: '3s', timeout: '4s', backoff: { min: 20, max: 200 } } as const
const members = membersOf({
  module: new URL('../src/index.ts', import.meta.url),
  name: 'kafka',
  options: { ...usual, brokers: server.brokers },
})

afterAll(async () => {
  await members.end()
  await proxy[Symbol.asyncDispose]()
  await server.stop()
})

const report = conformance(
  {
    transport: () => kafka({ ...usual, brokers: [`127.0.0.1:${port}`] }),
    network: networkFaults(proxy),
    broker: server,
    // Members are waited for when partitions are shared out.
    within: '30s',
    aggregations: () => memoryAggregations(),
    claimChecks: () => memoryClaimChecks(),
    ...members,
    plain: plainClient(server.brokers),
    removeGroups: (names) => removeGroups(server.brokers, names),
  },
  {
    test: (name, run) => test(name, { timeout: 120_000 }, run),
    skip: (name, reason) => skipped.set(name.slice(0, 3), reason),
  },
)

test('left out', () => {
  console.log([...skipped.entries()])
  expect(report.results.map(({ id }) => id).toSorted()).toEqual(conformanceCases.map(({ id }) => id))
})
