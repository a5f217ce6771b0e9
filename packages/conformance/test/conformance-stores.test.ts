import { memory, type Transport } from '@tidings/bus'
import type { Connection } from '@tidings/bus/transport'
import { afterAll, describe, expect, test } from 'vitest'
import { altered } from '../src/altered.ts'
import { serveTransport, socketTransport } from '../src/faults/index.ts'
import { conformance } from '../src/index.ts'
import { over } from '@tidings/core/tools'
import { withSink } from './fixtures/with-sink.ts'
import { claims } from './sabotage/tools.ts'

/** A broker whose dead letters go nowhere. */
function withoutLetters(): Transport {
  const hidden = altered(memory({ history: 1000 }), {
    connection: () => ({ deadLetters: undefined }) satisfies Partial<Connection>,
    // What there is no store for can be in no settlement.
    delivery: (delivery) =>
      over(delivery, {
        settle(settlement) {
          const isParked = settlement.as === 'dead-lettered' || ('replayed' in settlement && settlement.replayed)
          if (isParked) throw new Error(`asked to ${settlement.as} without a store`)
          return delivery.settle(settlement)
        },
      }),
  })
  return claims(hidden, { deadLetters: 'none' })
}

const served = withSink(memory({ history: 1000 }))
const server = await serveTransport(served)
afterAll(() => server.close())

const transports = {
  'to a sink': withSink(memory({ history: 1000 })),
  'to a sink behind a socket': socketTransport({ port: server.port, capabilities: served.capabilities }),
  nowhere: withoutLetters(),
} as const
const places = ['to a sink', 'to a sink behind a socket', 'nowhere'] as const
const skipped: Record<string, string[]> = {}

// Registered first, so that they run before the tests of what was left out.
describe.each(places)('where dead letters go %s', (place) => {
  const transport = transports[place]
  const reasons: string[] = (skipped[place] = [])
  conformance(
    { transport: () => transport },
    {
      test: (name, run) => test(name, { timeout: 30_000 }, run),
      concurrent: (name, run) => test.concurrent(name, { timeout: 30_000 }, run),
      skip: (_name, reason) => reasons.push(reason),
    },
  )
})

test.each(places)('where dead letters go %s, only the cases that look into a store are left out besides', (place) => {
  const ofStore = skipped[place]!.filter((reason) => /dead letters/.test(reason))
  expect(ofStore.map((reason) => /C\d\d/.exec(reason)![0])).toEqual([
    'C13',
    'C14',
    'C15',
    'C16',
    'C17',
    'C39',
    'C45',
    'C48',
    'C50',
    'C60',
    'C87',
    ...(place === 'nowhere' ? ['C94'] : []),
  ])
})
