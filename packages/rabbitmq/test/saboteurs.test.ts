import { type Delivery, type GroupRequest, handled } from '@tidings/bus/transport'
import type { Transport } from '@tidings/bus'
import { conformanceCases, runConformance } from '@tidings/conformance'
import { over } from '@tidings/core/tools'
import { afterAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { removeGroups } from './fixtures/broker.ts'
import { privateServer } from './fixtures/server.ts'

const server = await privateServer()
afterAll(() => server?.stop())

/** The ways in which an adapter for a queue goes wrong as a rule, and the cases that must find out. */
const saboteurs = [
  {
    what: 'acknowledges before it hands out',
    finds: ['C33', 'C57', 'C88'],
    make: (transport: Transport) =>
      spoilt(transport, {
        deliver: (delivery) => {
          void delivery.settle(handled)
          return over(delivery, { settle: async () => undefined })
        },
      }),
  },
  {
    what: 'waits for no confirm',
    finds: ['C37', 'C62'],
    make: (transport: Transport) => spoilt(transport, { isPatient: false }),
  },
  {
    what: 'has two active consumers in an ordered group',
    finds: ['C19'],
    make: (transport: Transport) => spoilt(transport, { request: (request) => ({ ...request, ordered: false }) }),
  },
]

describe.runIf(server !== undefined)('on a broker', () => {
  test.each(saboteurs)(
    'an adapter that $what is found out by $finds',
    { timeout: 180_000 },
    async ({ finds, make }) => {
      const transport = rabbitmq({ url: server!.url, prefix: 'sabotage', delays: ['250ms', '1s'] })
      const { results } = await runConformance(
        {
          transport: () => make(transport),
          within: '4s',
          removeGroups: (names) => removeGroups(server!.url, names, 1),
        },
        { cases: conformanceCases.filter(({ id }) => finds.includes(id)) },
      )
      expect(results.map(({ id, outcome }) => [id, outcome])).toEqual(finds.map((id) => [id, 'failed']))
    },
  )
})

interface Spoiling {
  readonly deliver?: (delivery: Delivery) => Delivery
  readonly isPatient?: boolean
  readonly request?: (request: GroupRequest) => GroupRequest
}

/** The transport with one thing done otherwise. */
function spoilt(transport: Transport, { deliver, isPatient = true, request: alter }: Spoiling): Transport {
  return over(transport, {
    async connect(options) {
      const connection = await transport.connect(options)
      return over(connection, {
        async publish(...args) {
          const published = Promise.resolve(connection.publish(...args))
          if (isPatient) return published
          published.catch(() => {})
        },
        subscribe: (request, onDelivery, signal) =>
          connection.subscribe(
            alter?.(request) ?? request,
            (delivery) => onDelivery(deliver?.(delivery) ?? delivery),
            signal,
          ),
      })
    },
  })
}
