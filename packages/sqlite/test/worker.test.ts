import { conformance } from '@tidings/conformance'
import { storeConformance } from '@tidings/conformance/store'
import type { EventStore } from '@tidings/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sqlite } from '../src/index.ts'
import { fileInTmp } from './fixtures/file-in-tmp.ts'
import { membersOf } from './fixtures/members.ts'

const { file, remove } = fileInTmp()
const options = { file, worker: true }
const transport = sqlite(options)
const members = membersOf({ module: new URL('../src/index.ts', import.meta.url), name: 'sqlite', options })
const skipped = new Set<string>()
/** Keeps the worker for all cases: to start one from its sources takes a while. */
let open: EventStore

beforeAll(async () => {
  open = await transport.store({ events: [] })
})
afterAll(async () => {
  await open.close()
  await members.end()
  remove()
})

describe('the cases of every transport, with members in other processes', () => {
  conformance(
    {
      transport: () => transport,
      // A process that loads its sources, and then a thread that loads them again.
      within: '30s',
      aggregations: () => transport.aggregations(),
      claimChecks: () => transport.claimChecks(),
      ...members,
    },
    {
      test: (name, run) => test(name, { timeout: 60_000 }, run),
      concurrent: (name, run) => test.concurrent(name, { timeout: 60_000 }, run),
      skip: (name) => skipped.add(name.slice(0, 3)),
    },
  )
  test('all run but those of a broker, a network, a sink, a foreign client, or a transaction', () => {
    const noBroker = ['C05', 'C31', 'C65', 'C72', 'C85', 'C86', 'C87']
    const noNetwork = ['C07', 'C29', 'C30', 'C32', 'C35', 'C83', 'C84']
    const noTransactions = ['C96', 'C97', 'C98', 'C99']
    const left = [...noBroker, ...noNetwork, ...noTransactions, 'C43', 'C44', 'C94']
    expect([...skipped].toSorted()).toEqual(left.toSorted())
  })
})

describe('the cases of every event store', () => {
  const recorder = async () => (await transport.store({ events: [] })).recorder
  storeConformance({ name: 'sqlite', recorder }, { test: (name, run) => test(name, { timeout: 30_000 }, run) })
})
