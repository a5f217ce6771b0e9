import type { Message as AmqpMessage } from 'amqplib'
import type { TopologyPart, Transport } from '@tidings/bus/transport'
import { conformanceCases, runConformance } from '@tidings/conformance'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { privateServer } from './fixtures/server.ts'

/** What is broken now. */
const broken = vi.hoisted(() => ({ by: '' }))

vi.mock(import('../src/consume/acks.ts'), async (original) => {
  const { Acks } = await original()
  return {
    Acks: class extends Acks {
      readonly #came: AmqpMessage[] = []
      override add(message: AmqpMessage): void {
        super.add(message)
        this.#came.push(message)
        if (broken.by === 'acknowledges before it is handled') super.acknowledge(message)
      }
      override acknowledge(message: AmqpMessage): void {
        if (broken.by === 'acknowledges all that came before') {
          for (const other of this.#came.splice(0, this.#came.indexOf(message) + 1)) super.acknowledge(other)
        } else {
          super.acknowledge(message)
        }
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

vi.mock(import('../src/topology/parts.ts'), async (original) => {
  const parts = await original()
  const alter = ({ kind, name, settings }: TopologyPart, main: string): TopologyPart => {
    const { 'x-single-active-consumer': _, ...others } = settings
    if (broken.by === 'lets all members of an ordered group be active') return { kind, name, settings: others }
    if (broken.by !== 'makes the queue of a group for its members alone' || name !== main)
      return { kind, name, settings }
    return { kind, name, settings: { durable: true, autoDelete: true } }
  }
  return {
    ...parts,
    groupParts(settings, request) {
      const main = settings.names.group(request.group)
      return parts.groupParts(settings, request).map((part) => alter(part, main))
    },
  }
})

const server = await privateServer()
afterAll(() => server?.stop())
afterEach(() => (broken.by = ''))

/** Each with the cases that must fail by it. */
const saboteurs: Readonly<Record<string, readonly string[]>> = {
  'acknowledges before it is handled': ['C10', 'C33', 'C34', 'C57'],
  'acknowledges all that came before': ['C10'],
  'confirms what it has only sent': ['C37', 'C62'],
  'makes the queue of a group for its members alone': ['C85', 'C88'],
  'lets all members of an ordered group be active': ['C54'],
}

describe.runIf(server !== undefined)('the suite finds a RabbitMQ transport that', () => {
  test.for(Object.entries(saboteurs))('%s: %s', { timeout: 120_000 }, async ([breaks, foundBy]) => {
    broken.by = breaks
    expect(await outcomesOf(foundBy, '3s')).toEqual(foundBy.map((id) => `${id} failed`))
  })

  test('and nothing where nothing is broken', { timeout: 180_000 }, async () => {
    const named = [...new Set(Object.values(saboteurs).flat())]
    expect(await outcomesOf(named, '30s')).toEqual(named.map((id) => `${id} passed`))
  })
})

/** The cases run one after the other on one broker; each has names of its own there. */
async function outcomesOf(ids: readonly string[], within: '3s' | '30s'): Promise<string[]> {
  const options = {
    url: server!.url,
    prefix: `sabotage-${Object.keys(saboteurs).indexOf(broken.by) + 1}`,
    heartbeat: '2s',
    delays: ['250ms', '1s'],
  } as const
  const transport = (): Transport => rabbitmq(options)
  const outcomes: string[] = []
  for (const id of ids) {
    const cases = conformanceCases.filter((entry) => entry.id === id)
    const { results } = await runConformance({ transport, broker: server, within, restBeforeKill: '1.5s' }, { cases })
    outcomes.push(...results.map(({ outcome }) => `${id} ${outcome}`))
  }
  return outcomes
}
