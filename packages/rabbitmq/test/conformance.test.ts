import { memoryInbox } from '@tidings/bus'
import { memoryAggregations, memoryClaimChecks } from '@tidings/bus/integration'
import { conformance, conformanceCases, reportToJson } from '@tidings/conformance'
import { faultProxy, networkFaults } from '@tidings/conformance/faults'
import { afterAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { onChannel, removeGroups } from './fixtures/broker.ts'
import { membersOf } from './fixtures/members.ts'
import { plainClient } from './fixtures/plain.ts'
import { anyServer } from './fixtures/server.ts'

const rabbit = await anyServer()

describe.runIf(rabbit !== undefined)('on a broker', async () => {
  const { url, server } = rabbit!
  const { hostname, port, username, password } = new URL(url)
  const proxy = await faultProxy({ target: { host: hostname, port: Number(port || 5672) } })
  // Members of an ordered group share its work only where it has several queues; the others do as well with one.
  const partitions = 4
  const options = {
    heartbeat: '2s',
    timeout: '5s',
    backoff: { min: 20, max: 200 },
    partitions,
    // Each is a quorum queue, and nothing here waits for days.
    delays: ['250ms', '1s', '4s', '16s', '64s', '10m'],
  } as const
  const proxied = `amqp://${username}:${password}@127.0.0.1:${proxy.port}`
  const members = membersOf({
    module: new URL('../src/index.ts', import.meta.url),
    name: 'rabbitmq',
    options: { ...options, url },
  })
  const skipped = new Map<string, string>()

  afterAll(async () => {
    await members.end()
    await proxy[Symbol.asyncDispose]()
    await rabbit!.close()
  })

  const report = conformance(
    {
      transport: () => rabbitmq({ ...options, url: proxied }),
      network: networkFaults(proxy),
      broker: server,
      // It takes five seconds to come back where the machine has nothing else to do.
      within: '30s',
      // A quorum queue that is killed within a second of its declaration loses what it has confirmed (rabbitmq-server#10070).
      restBeforeKill: '1.5s',
      bus: { inbox: memoryInbox() },
      plain: plainClient(url),
      aggregations: () => memoryAggregations(),
      claimChecks: () => memoryClaimChecks(),
      declareConflict: (group) =>
        onChannel(url, async (channel) => {
          await channel.assertQueue(`tidings.group.${group}`, { durable: true })
        }),
      removeGroups: (names) => removeGroups(url, names, partitions),
      ...members,
    },
    {
      test: (name, run) => test(name, { timeout: 120_000 }, run),
      skip: (name, reason) => skipped.set(name.slice(0, 3), reason),
    },
  )

  // Each that is left out has its reason here. RabbitMQ keeps no store of letters, no inbox and no history, lists groups
  // by its own tools alone, takes back nothing that is delayed, and orders by queue rather than by key.
  test('all cases run but those of what a queue cannot do', () => {
    const why = (reason: string): string[] => [...skipped].filter(([, said]) => said.includes(reason)).map(([id]) => id)
    const reasons = {
      'has no store of dead letters': ['C13', 'C14', 'C15', 'C16', 'C17', 'C39', 'C45', 'C48', 'C50', 'C60', 'C87'],
      'does not order by key itself': ['C20', 'C58', 'C70', 'C71', 'C72', 'C74'],
      'cannot list its groups': ['C76', 'C77', 'C78', 'C79', 'C81'],
      'cannot take back what is delayed': ['C46'],
      'does not know what groups have handled': ['C65', 'C69'],
      'nobody joins its commits': ['C96', 'C97', 'C98', 'C99'],
      'the kit cannot kill the broker': server === undefined ? ['C05', 'C31', 'C85', 'C86'] : [],
    }
    const seen = Object.fromEntries(Object.keys(reasons).map((reason) => [reason, why(reason)]))
    expect(seen).toEqual(reasons)
    expect(skipped.size).toBe(Object.values(reasons).flat().length)
    expect(report.results.map(({ id }) => id).toSorted()).toEqual(conformanceCases.map(({ id }) => id))
  })

  test.runIf(server !== undefined)(
    'docs/transports/rabbitmq.json has what this run has shown (vitest -u writes it anew)',
    async () => {
      await expect(reportToJson(report)).toMatchFileSnapshot('../../../docs/transports/rabbitmq.json')
    },
  )
})
