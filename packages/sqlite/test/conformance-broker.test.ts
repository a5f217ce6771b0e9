import { memoryAggregations, memoryClaimChecks } from '@tidings/bus/integration'
import { conformance } from '@tidings/conformance'
import { faultProxy, networkFaults, socketTransport, startBroker } from '@tidings/conformance/faults'
import { afterAll, expect, test } from 'vitest'
import { fileInTmp } from './fixtures/file-in-tmp.ts'

const { file, remove } = fileInTmp()
// A process that has the file open, and is killed again and again.
const broker = await startBroker({
  transport: { module: new URL('../src/index.ts', import.meta.url), name: 'sqlite', options: { file } },
})
const proxy = await faultProxy({ target: { port: broker.port } })
const skipped = new Map<string, string>()

afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await broker.kill()
  remove()
})

const options = {
  port: proxy.port,
  capabilities: broker.capabilities,
  timeout: 2000,
  backoff: { min: 10, max: 100 },
} as const

conformance(
  {
    transport: () => socketTransport(options),
    network: networkFaults(proxy),
    broker,
    aggregations: () => memoryAggregations(),
    claimChecks: () => memoryClaimChecks(),
  },
  {
    test: (name, run) => test(name, { timeout: 60_000 }, run),
    skip: (name, reason) => skipped.set(name.slice(0, 3), reason),
  },
)

test('INVARIANT: what is in the file outlives the process that has it open, killed at any moment', () => {
  // Members in processes of their own have the file itself (conformance.test.ts); nothing foreign writes to it.
  // No work goes over the socket.
  expect([...skipped.keys()]).toEqual(['C08', 'C43', 'C44', 'C92', 'C93', 'C94', 'C96', 'C97', 'C98', 'C99'])
})
