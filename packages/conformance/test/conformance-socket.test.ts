import type { Connection, GroupRequest } from '@tidings/bus/transport'
import { afterAll, expect, test } from 'vitest'
import { conformance, type HandledEvent, holdDeliveries } from '../src/index.ts'
import {
  faultProxy,
  networkFaults,
  socketTransport,
  socketTransportOf,
  spawnChild,
  startBroker,
} from '../src/faults/index.ts'

const broker = await startBroker({ memory: { history: 1000 } })
const proxy = await faultProxy({ target: { port: broker.port } })
const strangers: Connection[] = []
const skipped = new Map<string, string>()

afterAll(async () => {
  await Promise.all(strangers.map((stranger) => stranger.close()))
  await proxy[Symbol.asyncDispose]()
  await broker.kill()
})

const options = {
  port: proxy.port,
  capabilities: broker.capabilities,
  timeout: 2000,
  backoff: { min: 10, max: 100 },
} as const

// Registered first, so that they run before the test of the report below.
conformance(
  {
    transport: () => socketTransport(options),
    network: networkFaults(proxy),
    broker,
    async spawnConsumer(request) {
      const child = await spawnChild({
        module: new URL('./fixtures/hold.ts', import.meta.url),
        transport: socketTransportOf(options),
        options: request,
      })
      return {
        get received() {
          return child.reports as readonly string[]
        },
        kill: () => child.kill(),
      }
    },
    async spawnWorker(request) {
      const child = await spawnChild({
        module: new URL('./fixtures/work.ts', import.meta.url),
        transport: socketTransportOf(options),
        options: request,
      })
      return {
        get handled() {
          return child.reports as readonly HandledEvent[]
        },
        kill: () => child.kill(),
      }
    },
    async spawnPublisher(messages) {
      const child = await spawnChild({
        module: new URL('./fixtures/publish.ts', import.meta.url),
        transport: socketTransportOf(options),
        options: messages,
      })
      return {
        get confirmed() {
          return child.reports as readonly string[]
        },
        kill: () => child.kill(),
      }
    },
    async declareConflict(group) {
      const ordered: GroupRequest = {
        group,
        types: ['conformance.conflict'],
        prefetch: 1,
        ordered: true,
        from: 'latest',
        temporary: false,
        marks: false,
      }
      // A group that nobody is in takes other settings.
      strangers.push(await holdDeliveries(socketTransport(options), ordered, () => {}))
    },
  },
  {
    test: (name, run) => test(name, { timeout: 60_000 }, run),
    skip: (name, reason) => skipped.set(name.slice(0, 3), reason),
  },
)

test('on memory() in another process the cases are left out that need what is written down, a foreign client or a sink', () => {
  expect(Object.fromEntries(skipped)).toEqual({
    C05: 'socket: not durable, so C05 does not apply',
    C31: 'socket: not durable, so C31 does not apply',
    C44: 'socket: the kit has no plain client, so C44 does not apply',
    C65: 'socket: not durable, so C65 does not apply',
    C72: 'socket: not durable, so C72 does not apply',
    C85: 'socket: not durable, so C85 does not apply',
    C86: 'socket: not durable, so C86 does not apply',
    C87: 'socket: not durable, so C87 does not apply',
    C90: 'socket: the kit has no aggregation store, so C90 does not apply',
    C91: 'socket: the kit has no claim-check store, so C91 does not apply',
    C94: 'socket: has no sink of dead letters, so C94 does not apply',
    C96: 'socket: nobody joins its commits, so C96 does not apply',
    C97: 'socket: nobody joins its commits, so C97 does not apply',
    C98: 'socket: nobody joins its commits, so C98 does not apply',
    C99: 'socket: nobody joins its commits, so C99 does not apply',
  })
})
