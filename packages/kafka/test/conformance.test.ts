import { memoryInbox } from '@tidings/bus'
import { memoryAggregations, memoryClaimChecks } from '@tidings/bus/integration'
import { conformance, conformanceCases, reportToJson } from '@tidings/conformance'
import { faultProxy, networkFaults } from '@tidings/conformance/faults'
import { afterAll, describe, expect, test } from 'vitest'
import { kafka } from '../src/index.ts'
import { freePort } from './fixtures/free-port.ts'
import { removeGroups } from './fixtures/groups.ts'
import { membersOf } from './fixtures/members.ts'
import { plainClient } from './fixtures/plain.ts'
import { privateServer } from './fixtures/server.ts'

// Kafka tells its clients where to come: to a second listener, which tells them of the proxy.
const port = await freePort()
const server = await privateServer({ proxyPort: port })

describe.runIf(server !== undefined)('on a broker', async () => {
  const { brokers, behindProxy } = server!
  const proxy = await faultProxy({ target: { port: behindProxy! }, port })
  const options = {
    // As many members of a group have work at a time.
    partitions: 10,
    sessionTimeout: '3s',
    timeout: '4s',
    backoff: { min: 20, max: 200 },
  } as const
  const members = membersOf({
    module: new URL('../src/index.ts', import.meta.url),
    name: 'kafka',
    options: { ...options, brokers },
  })
  const skipped = new Map<string, string>()

  afterAll(async () => {
    await members.end()
    await proxy[Symbol.asyncDispose]()
    await server!.stop()
  })

  const report = conformance(
    {
      transport: () => kafka({ ...options, brokers: [`127.0.0.1:${port}`] }),
      network: networkFaults(proxy),
      broker: server!,
      // A broker that was killed takes ten seconds to come back where the machine has much to do.
      within: '30s',
      bus: { inbox: memoryInbox() },
      aggregations: () => memoryAggregations(),
      claimChecks: () => memoryClaimChecks(),
      plain: plainClient(brokers),
      removeGroups: (names) => removeGroups(brokers, names),
      ...members,
    },
    {
      test: (name, run) => test(name, { timeout: 120_000 }, run),
      skip: (name, reason) => skipped.set(name.slice(0, 3), reason),
    },
  )

  // Each that is left out has its reason here. A log keeps no store of letters and no inbox, counts no redeliveries, does
  // not know who reads it, takes back nothing that is delayed, and orders by partition rather than by key.
  test('all cases run but those of what a log cannot do', () => {
    const why = (reason: string): string[] => [...skipped].filter(([, said]) => said.includes(reason)).map(([id]) => id)
    const reasons = {
      'has no store of dead letters': ['C13', 'C14', 'C15', 'C16', 'C17', 'C39', 'C45', 'C48', 'C50', 'C60', 'C87'],
      'does not order by key itself': ['C20', 'C58', 'C70', 'C71', 'C72', 'C74'],
      'cannot list its groups': ['C76', 'C77', 'C78', 'C79', 'C81'],
      'cannot take back what is delayed': ['C46'],
      'does not know what groups have handled': ['C65', 'C69'],
      'nobody joins its commits': ['C96', 'C97', 'C98', 'C99'],
      'does not count how often it hands out': ['C12', 'C75'],
      'cannot tell what reaches no group': ['C06'],
      // A consumer group has no settings that could differ; those of topics are compared by the plan.
      'makes no conflicting declaration': ['C43'],
    }
    const seen = Object.fromEntries(Object.keys(reasons).map((reason) => [reason, why(reason)]))
    expect(seen).toEqual(reasons)
    expect(skipped.size).toBe(Object.values(reasons).flat().length)
    expect(report.results.map(({ id }) => id).toSorted()).toEqual(conformanceCases.map(({ id }) => id))
  })

  test('docs/transports/kafka.json has what this run has shown (vitest -u writes it anew)', async () => {
    await expect(reportToJson(report)).toMatchFileSnapshot('../../../docs/transports/kafka.json')
  })
})
