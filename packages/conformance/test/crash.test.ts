import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Bus,
  type BusOptions,
  createBus,
  handler,
  type HandlerLog,
  memory,
  OutcomeUnknownError,
  type Transport,
} from '@tidings/bus'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  type BrokerProcess,
  type Child,
  type FaultProxy,
  faultProxy,
  serveTransport,
  socketTransport,
  socketTransportOf,
  spawnChild,
  startBroker,
} from '../src/faults/index.ts'
import type { ConsumerOptions } from './fixtures/crash/consumer.ts'
import { Noted, Stepped } from './fixtures/crash/events.ts'
import { Ledger } from './fixtures/crash/ledger.ts'
import type { PublisherOptions } from './fixtures/crash/publisher.ts'

const fast = { timeout: 2000, backoff: { min: 10, max: 100 } }
/** Notices a black hole soon; on a busy machine it may take a pause for one. */
const wary = { ...fast, heartbeat: 150 }

let directory: string
let cleanUp: (() => Promise<unknown>)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-crash-'))
  cleanUp = [async () => rmSync(directory, { recursive: true })]
})

afterEach(async () => {
  for (const clean of cleanUp.toReversed()) await clean()
})

test.each([
  { idempotent: true, title: 'no effect happens twice' },
  { idempotent: false, title: 'what is handled twice was in hand' },
])(
  'INVARIANT: a consumer killed in mid-handler loses no event, and the order of keys survives ($title)',
  { timeout: 30_000 },
  async ({ idempotent }) => {
    const broker = await startBrokerProcess()
    const ledger = ledgerOf('effects')
    const consumers = await Promise.all([startConsumer(broker, idempotent), startConsumer(broker, idempotent)])
    const bus = await startBus(socketTransport({ port: broker.port }))
    const confirmed: string[] = []
    const load = new AbortController()
    const publishing = (async () => {
      for (let step = 0; !load.signal.aborted; step++) {
        const round = Array.from({ length: 10 }, (_, order) => bus.publish(Stepped, { order: `o${order}`, step }))
        for (const event of await Promise.all(round)) confirmed.push(event.id)
        await pause(10)
      }
    })()

    let inHand = 0
    for (let kill = 0; kill < 4; kill++) {
      const at = kill % consumers.length
      const victim = consumers[at]!
      const seen = victim.reports.length
      await victim.until((reports) => reports.length > seen + 15)
      await victim.kill()
      const done = new Set(ledger.ids())
      inHand += victim.reports.filter((id) => !done.has(id as string)).length
      consumers[at] = await startConsumer(broker, idempotent)
    }
    load.abort()
    await publishing
    await vi.waitFor(() => expect(missing(confirmed, ledger.ids())).toEqual([]), 15_000)

    const effects = ledger.ids()
    const doubled = effects.length - new Set(effects).size
    expect(confirmed.length).toBeGreaterThan(200)
    expect(inHand).toBeGreaterThan(0)
    if (idempotent) expect(doubled).toBe(0)
    else expect(doubled).toBeLessThanOrEqual(4 * 4)
    for (const [order, steps] of stepsByOrder(ledger)) {
      const first = steps.filter((step, at) => steps.indexOf(step) === at)
      expect([order, first]).toEqual([order, Array.from({ length: confirmed.length / 10 }, (_, step) => step)])
    }
  },
)

test(
  'INVARIANT: a publisher killed while it publishes: each event confirmed to it is delivered',
  { timeout: 30_000 },
  async () => {
    const broker = await startBrokerProcess()
    const confirmed = ledgerOf('confirmed')
    const seen = new Set<string>()
    const noting = handler(Stepped, { group: 'noting' }, ({ id }) => void seen.add(id))
    await startBus(socketTransport({ port: broker.port }), { handlers: [noting] })

    for (const order of ['first', 'second', 'third']) {
      const options: PublisherOptions = { ledger: join(directory, 'confirmed'), order }
      const publisher = await start('./fixtures/crash/publisher.ts', broker, options)
      await publisher.until((reports) => reports.length > 200)
      await publisher.kill()
    }
    const ids = confirmed.ids()
    await vi.waitFor(() => expect(missing(ids, seen)).toEqual([]), 10_000)
    expect(ids.length).toBeGreaterThan(600)
  },
)

test('INVARIANT: a connection cut for two seconds under load loses no event', { timeout: 30_000 }, async () => {
  const { broken, result } = await underLoad(async (proxy) => {
    await pause(300)
    proxy.cut()
    await pause(2000)
    proxy.restore()
  })
  expect(broken).toBe(true)
  expect(result.lost).toEqual([])
  expect(result.twice).toEqual([])
})

test('INVARIANT: a black hole under load is noticed, and loses no event', { timeout: 30_000 }, async () => {
  const { broken, result } = await underLoad(async (proxy) => {
    await pause(300)
    proxy.blackHole()
    await pause(1000)
    proxy.restore()
  }, wary)
  expect(broken).toBe(true)
  expect(result.unknown).toBeGreaterThan(0)
  expect(result.lost).toEqual([])
  expect(result.twice).toEqual([])
})

test('INVARIANT: a slow network delays events, and loses none', { timeout: 30_000 }, async () => {
  const { broken, result } = await underLoad(async (proxy) => {
    proxy.slow({ latency: '40ms', bytesPerSecond: 200_000 })
    await pause(1500)
    proxy.restore()
  })
  expect(broken).toBe(false)
  expect(result).toMatchObject({ unknown: 0, lost: [], twice: [] })
})

test('INVARIANT: an event whose outcome is unknown can be published again, and is handled once', async () => {
  const { transport: withheld, taken } = withholdingConfirms(memory())
  const server = await serveTransport(withheld)
  const proxy = await proxyTo(server.port)
  cleanUp.push(() => server.close())
  const handled: string[] = []
  const duplicates: unknown[] = []
  const noting = handler(Stepped, { group: 'noting', idempotent: true }, ({ id }) => void handled.push(id))
  await startBus(socketTransport({ port: server.port }), {
    handlers: [noting],
    observer: { duplicate: ({ message }) => duplicates.push(message.attributes['id']) },
  })
  const bus = await startBus(socketTransport({ port: proxy.port, ...fast }))

  const publishing = bus.publish(Stepped, { order: 'a', step: 0 }).catch((error: unknown) => error)
  await taken
  proxy.cut()
  const error = await publishing
  proxy.restore()
  expect(error).toBeInstanceOf(OutcomeUnknownError)
  const { event } = error as OutcomeUnknownError
  expect(event).toMatchObject({ type: 'test.order.stepped', data: { order: 'a', step: 0 } })

  await bus.publish(event!)
  await vi.waitFor(() => expect(duplicates).toEqual([event!.id]))
  expect(handled).toEqual([event!.id])
})

test('INVARIANT: an event that the broker never got has an unknown outcome too, and publishing it again delivers it', async () => {
  const broker = await startBrokerProcess()
  const proxy = await proxyTo(broker.port)
  const handled: string[] = []
  const noting = handler(Stepped, { group: 'noting', idempotent: true }, ({ id }) => void handled.push(id))
  await startBus(socketTransport({ port: broker.port }), { handlers: [noting] })
  const bus = await startBus(socketTransport({ port: proxy.port, ...wary }))

  proxy.blackHole()
  const error = await bus.publish(Stepped, { order: 'a', step: 0 }).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(OutcomeUnknownError)
  proxy.restore()
  const { event } = error as OutcomeUnknownError
  expect(handled).toEqual([])
  await bus.publish(event!)
  await vi.waitFor(() => expect(handled).toEqual([event!.id]))
})

test('INVARIANT: when the broker dies, publishes say so and go on with the next one', { timeout: 30_000 }, async () => {
  const broker = await startBrokerProcess()
  const handled = new Set<string>()
  const noting = handler(Stepped, { group: 'noting' }, ({ id }) => void handled.add(id))
  const bus = await startBus(socketTransport({ port: broker.port, ...fast }), { handlers: [noting] })
  await bus.publish(Stepped, { order: 'a', step: 0 })
  await broker.kill()
  await vi.waitFor(async () => expect((await bus.health()).status).toBe('reconnecting'), 5000)
  const waiting = bus.publish(Stepped, { order: 'a', step: 1 })
  const impatient = bus.publish(Stepped, { order: 'a', step: 2 }, { timeout: 50 })
  await expect(impatient).rejects.toMatchObject({ code: 'PUBLISH_TIMEOUT' })
  await startBrokerProcess(broker.port)
  const event = await waiting
  await vi.waitFor(() => expect(handled).toContain(event.id))
  expect((await bus.health()).status).toBe('ok')
})

interface Load {
  /** Publishes whose outcome was unknown; each was published again. */
  readonly unknown: number
  /** Confirmed and not handled. */
  readonly lost: readonly string[]
  /** Of which the idempotent handler has published more than one effect. */
  readonly twice: readonly string[]
}

/** Publishes and handles through a proxy, some more after the fault; tells what became of it. */
async function underLoad(
  fault: (proxy: FaultProxy) => Promise<void>,
  options: typeof fast = fast,
): Promise<{ readonly broken: boolean; readonly result: Load }> {
  const broker = await startBrokerProcess()
  const proxy = await proxyTo(broker.port)
  const effects: string[] = []
  const states: string[] = []
  const noting = handler(Stepped, { group: 'noting', idempotent: true }, async ({ id, data }, { publish }) => {
    await pause(2)
    await publish(Noted, { of: id, order: data.order })
  })
  // Behind no proxy: what it sees is what the broker has.
  const counting = handler(Noted, { group: 'counting' }, ({ data }) => void effects.push(data.of))
  await startBus(socketTransport({ port: broker.port }), { handlers: [counting] })
  const bus = await startBus(socketTransport({ port: proxy.port, ...options }), {
    handlers: [noting],
    observer: { connection: (state) => states.push(state) },
  })
  const confirmed: string[] = []
  let unknown = 0
  const load = new AbortController()
  const publishing = async (order: string): Promise<void> => {
    for (let step = 0; !load.signal.aborted; step++) {
      try {
        confirmed.push((await bus.publish(Stepped, { order, step })).id)
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError)) throw error
        unknown++
        confirmed.push((await bus.publish(error.event!)).id)
      }
      await pause(2)
    }
  }
  const publishers = Array.from({ length: 8 }, (_, at) => publishing(`o${at}`))
  await fault(proxy)
  await pause(300)
  load.abort()
  await Promise.all(publishers)
  await vi.waitFor(() => expect(missing(confirmed, effects)).toEqual([]), 10_000).catch(() => {})
  expect(confirmed.length).toBeGreaterThan(100)
  const twice = effects.filter((id, at) => effects.indexOf(id) !== at)
  return { broken: states.includes('reconnecting'), result: { unknown, lost: missing(confirmed, effects), twice } }
}

/** Takes messages and does not say so. */
function withholdingConfirms(transport: Transport): { readonly transport: Transport; readonly taken: Promise<void> } {
  let isTaken!: () => void
  const taken = new Promise<void>((resolve) => (isTaken = resolve))
  let withheld = false
  return {
    taken,
    transport: {
      ...transport,
      async connect(to) {
        const connection = await transport.connect(to)
        const publish = connection.publish.bind(connection)
        connection.publish = async (...args) => {
          await publish(...args)
          if (withheld) return
          withheld = true
          isTaken()
          await new Promise(() => {})
        }
        return connection
      },
    },
  }
}

const silent: HandlerLog = { debug() {}, info() {}, warn() {}, error() {} }

async function startBrokerProcess(port?: number): Promise<BrokerProcess> {
  const broker = await startBroker({ port })
  cleanUp.push(() => broker.kill())
  return broker
}

async function proxyTo(port: number): Promise<FaultProxy> {
  const proxy = await faultProxy({ target: { port } })
  cleanUp.push(async () => proxy[Symbol.asyncDispose]())
  return proxy
}

async function startBus(transport: Transport, options: Partial<BusOptions> = {}): Promise<Bus> {
  const bus = await createBus({ source: '/crash', transport, log: silent, ...options })
  cleanUp.push(() => bus.close({ timeout: 1000 }))
  return bus
}

function startConsumer(broker: BrokerProcess, idempotent: boolean): Promise<Child> {
  const options: ConsumerOptions = { ledger: join(directory, 'effects'), idempotent }
  return start('./fixtures/crash/consumer.ts', broker, options)
}

async function start(program: string, { port }: BrokerProcess, options: unknown): Promise<Child> {
  const child = await spawnChild({
    module: new URL(program, import.meta.url),
    transport: socketTransportOf({ port }),
    options,
  })
  cleanUp.push(() => child.kill())
  return child
}

function ledgerOf(name: string): Ledger {
  const ledger = new Ledger(join(directory, name))
  ledger.create()
  return ledger
}

function stepsByOrder(ledger: Ledger): Map<string, number[]> {
  const orders = new Map<string, number[]>()
  for (const [, order, step] of ledger.lines()) orders.set(order!, [...(orders.get(order!) ?? []), Number(step)])
  return orders
}

function missing(wanted: readonly string[], found: Iterable<string>): string[] {
  const all = new Set(found)
  return wanted.filter((id) => !all.has(id))
}

function pause(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration))
}
