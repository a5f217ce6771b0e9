import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { type AnyHandler, handler, type Inbox, type Middleware, PermanentError } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { simulate, type Simulated, SimulationError, type SimulateOptions } from '../src/simulate/index.ts'

// Thousands of runs are computing time, which a busy machine has less of.
vi.setConfig({ testTimeout: 60_000 })

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), amount: z.number().default(1) }),
  key: (order) => order.orderId,
})
const PaymentTaken = defineEvent('payment.taken', {
  schema: z.object({ orderId: z.string() }),
  key: (payment) => payment.orderId,
})

/** What a bank and a database would hold. */
class World {
  readonly charges: string[] = []
  readonly marks = new Set<string>()
  readonly rows = new Map<string, string>()
}

const orders = ['o-1', 'o-2', 'o-3']
const placeOrders: Simulated<World>['drive'] = async ({ publish }) => {
  for (const orderId of orders) await publish(OrderPlaced, { orderId })
}
const chargedOnce = {
  'money is taken once per order': ({ charges }: World) => charges.length === new Set(charges).size,
}

async function failureOf(app: Simulated<World>, options?: SimulateOptions): Promise<SimulationError> {
  const result = await simulate(app, options).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(result).toBeInstanceOf(SimulationError)
  return result as SimulationError
}

const none = { reorder: 0, duplicate: 0, crash: 0, restart: 0, fail: 0, loseConfirm: 0 }

const naive: Simulated<World> = {
  world: () => new World(),
  start: (world) => ({
    handlers: [handler(OrderPlaced, { group: 'billing' }, ({ data }) => void world.charges.push(data.orderId))],
  }),
  drive: placeOrders,
  invariants: chargedOnce,
}

test('a handler that is not idempotent is caught, by a schedule of one fault', async () => {
  const error = await failureOf(naive)
  expect(error.code).toBe('SIMULATION_FAILED')
  expect(error.failure.invariant).toBe('money is taken once per order')
  expect(error.failure.decisions.length).toBe(1)
  expect(error.failure.found.length).toBeGreaterThanOrEqual(1)
})

test('the message names the invariant, the seed, each step of the schedule, and how to see it again', async () => {
  const error = await failureOf({ ...naive, brokers: ['queue'] }, { faults: { ...none, duplicate: 0.1 } })
  const [first, second] = error.message.split('\n')
  expect(first).toMatch(/^"money is taken once per order" does not hold in run \d+ of seed 1: it is false$/)
  expect(second).toMatch(/^The schedule has 1 fault(, shrunk from \d+)?:$/)
  expect(error.message).toMatch(/\n {5}\+0ms {3}the client publishes order.placed#1\n/)
  expect(error.message).toMatch(/ ✗ the ack of order.placed#\d by billing is lost: it will be handed out again\n/)
  expect(error.message).toContain(`To see it again: simulate(app, { replay: '${error.failure.replay}' })`)
  const again = await failureOf({ ...naive, brokers: ['queue'] }, { replay: error.failure.replay })
  expect(again.failure.steps).toEqual(error.failure.steps)
  expect(again.message).toContain('does not hold in a replay')
})

test('an effect that is idempotent by the id of its event passes every schedule', async () => {
  const report = await simulate<World>({
    ...naive,
    start: (world) => ({
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, (event) => void world.rows.set(event.id, event.data.orderId)),
      ],
    }),
    invariants: {
      'every order is charged, and once': ({ rows }) => [...rows.values()].toSorted().join() === orders.join(),
    },
  })
  expect(report.runs).toBe(1000)
  expect(report.handled).toBeGreaterThan(3000)
  const kinds = Object.keys(report.faults)
  for (const kind of [
    'ack crash-before',
    'commit duplicate',
    'handOut restart',
    'clientPublish lost',
    'arrive late-2000',
  ]) {
    expect(kinds).toContain(kind)
  }
})

/** The same naive effect, and the inbox of the broker, which outlives the process. */
const marked: Simulated<World> = {
  ...naive,
  start: (world) => ({
    handlers: [
      handler(OrderPlaced, { group: 'billing', idempotent: true }, ({ data }) => void world.charges.push(data.orderId)),
    ],
  }),
}

test('an inbox leaves duplicates out, those behind a crash as well', async () => {
  await simulate(marked, { faults: { fail: 0, crash: 0 } })
  // Without the inbox the same faults are found at once.
  await failureOf(naive, { faults: { fail: 0, crash: 0 } })
})

test('an inbox mark that is not in one transaction with the effect leaves a window, and it is found', async () => {
  const error = await failureOf(marked, { faults: { fail: 0, loseConfirm: 0 } })
  const [[place, fate] = []] = error.failure.decisions
  expect(error.failure.decisions.length).toBe(1)
  // On a store, that is the commit as a whole; the effect is outside of it.
  expect(['mark', 'commit']).toContain(place?.split(' ')[0])
  expect(fate).toBe('crash-before')
  expect(error.message).toMatch(/✗ the process dies before the (mark|commit) of order\.placed#\d by billing reaches/)
})

test('a handler that swallows an error loses an event, and is caught', async () => {
  const error = await failureOf({
    ...naive,
    start: (world) => {
      let calls = 0
      const flaky = handler(OrderPlaced, { group: 'billing' }, ({ data }) => {
        try {
          if (++calls === 2) throw new Error('the bank is down')
          if (!world.charges.includes(data.orderId)) world.charges.push(data.orderId)
        } catch {
          // Lost.
        }
      })
      return { handlers: [flaky] }
    },
    invariants: { 'every order is charged': ({ charges }) => charges.toSorted().join() === orders.join() },
  })
  expect(error.failure.invariant).toBe('every order is charged')
  // It needs no fault at all.
  expect(error.failure.decisions).toEqual([])
})

const StockChanged = defineEvent('stock.changed', {
  schema: z.object({ item: z.string(), left: z.int() }),
  key: (stock) => stock.item,
})
const stockShown = (ordering: 'per-key' | 'none'): Simulated<World> => ({
  world: () => new World(),
  start: (world) => ({
    handlers: [
      handler(StockChanged, { group: 'shelf', ordering }, ({ id, data }) => {
        if (world.marks.has(id)) return
        world.marks.add(id)
        world.rows.set(data.item, String(data.left))
      }),
    ],
  }),
  drive: async ({ publish }) => {
    for (const left of [3, 2, 1]) await publish(StockChanged, { item: 'book', left })
  },
  invariants: { 'the shelf shows the last stock': ({ rows }) => rows.get('book') === '1' },
})

test('a projection that needs an order its group does not keep is caught', async () => {
  const error = await failureOf(stockShown('none'))
  expect(error.failure.decisions.length).toBe(1)
  expect(error.failure.steps.filter(({ fault }) => fault).length).toBe(1)
})

test('the same projection passes every schedule where the group keeps the order', async () => {
  await simulate(stockShown('per-key'))
})

test('the same seed gives the same report and the same failure; another seed another one', async () => {
  const passing = stockShown('per-key')
  const report = await simulate(passing, { runs: 200, seed: 7 })
  expect(await simulate(passing, { runs: 200, seed: 7 })).toEqual(report)
  expect(await simulate(passing, { runs: 200, seed: 8 })).not.toEqual({ ...report, seed: 8 })
  const [one, two] = [await failureOf(naive, { seed: 3 }), await failureOf(naive, { seed: 3 })]
  expect(two.message).toBe(one.message)
})

test('a schedule is shrunk to the few faults that matter', async () => {
  // Wrong only where an order is handled three times.
  const app: Simulated<World> = {
    ...naive,
    invariants: {
      'never thrice': ({ charges }) => orders.every((each) => charges.filter((charge) => charge === each).length < 3),
    },
  }
  for (const seed of [1, 2, 3]) {
    const { failure } = await failureOf(app, { seed })
    expect(failure.decisions.length).toBe(2)
  }
})

test('nothing of a dead process acts on the world of the next one', async () => {
  class Epochs extends World {
    epoch = 0
    zombies = 0
    crossed = 0
  }
  const report = await simulate<Epochs>(
    {
      world: () => new Epochs(),
      start: (world, { pause, clock }) => {
        const mine = ++world.epoch
        const touch = (): void => {
          if (mine !== world.epoch) world.zombies++
        }
        const paying = handler(OrderPlaced, { group: 'paying' }, async ({ data }, { publish, signal }) => {
          touch()
          await pause()
          touch()
          await publish(PaymentTaken, { orderId: data.orderId })
          touch()
          await new Promise<void>((resolve, reject) => {
            clock.after(500, resolve)
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          })
          touch()
          world.crossed++
        })
        const booking = handler(PaymentTaken, { group: 'booking', ordering: 'none' }, async () => {
          await pause('2s')
          touch()
        })
        return { handlers: [paying, booking] }
      },
      drive: placeOrders,
      invariants: { 'no zombies': ({ zombies }) => zombies === 0, 'all ran': ({ crossed }) => crossed >= 3 },
    },
    { runs: 500, faults: { crash: 0.15 } },
  )
  expect(report.faults['pause crash']).toBeGreaterThan(50)
  expect(report.faults['effect crash-after']).toBeGreaterThan(20)
})

test('a bus that acks what no handler has handled is caught by our own invariant', async () => {
  const error = await failureOf({
    ...naive,
    start: async (world, tools) => {
      let received = 0
      const leaky: Middleware = {
        name: 'leaky',
        receive: async ({ message }, next) => (++received % 5 ? next(message) : undefined),
      }
      return { ...(await naive.start(world, tools)), middleware: [leaky] }
    },
    invariants: {},
  })
  expect(error.failure.invariant).toBe(
    'every event is handled, a dead letter, or still queued, and in the order of its key',
  )
  expect(error.failure.reason).toMatch(/^order.placed#\d is lost to group billing: not handled, no dead letter/)
})

const allKinds: Simulated<World> = {
  world: () => new World(),
  start: (world, { pause, random }) => {
    const seen = (what: string): void => void world.marks.add(what)
    const handlers: AnyHandler[] = [
      handler(OrderPlaced, { group: 'billing', idempotent: true }, async ({ data }, { publish }) => {
        await pause()
        await publish(PaymentTaken, { orderId: data.orderId })
      }),
      handler(OrderPlaced, { group: 'declining', deadLetter: 'park-key', retry: { attempts: 9 } }, ({ data }) => {
        if (data.orderId === 'o-2') throw new PermanentError('declined')
        seen(`accepted ${data.orderId}`)
      }),
      handler(OrderPlaced, { group: 'discarding', deadLetter: 'discard', retry: false }, () => {
        throw new Error('never works')
      }),
      handler('payment.**', { group: 'audit', ordering: 'none', retry: { attempts: 20 } }, async () => {
        await pause('10ms')
        if (random() < 0.3) throw new Error('flaky')
      }),
      handler(PaymentTaken, { group: 'bulk', batch: { size: 2, wait: '1s' } }, (events) =>
        events.forEach(({ data }) => seen(`booked ${data.orderId}`)),
      ),
      handler(PaymentTaken, { group: 'slow', timeout: '1s', retry: { attempts: 2 } }, async () => pause('2s')),
    ]
    const markOf: (...marked: Parameters<Inbox['has']>) => string = ({ id }, group) => `${group} ${id}`
    return {
      handlers,
      inbox: {
        has: async (event, group) => world.marks.has(markOf(event, group)),
        add: async (event, group) => void world.marks.add(markOf(event, group)),
      },
    }
  },
  drive: async ({ publish, pause, random }) => {
    for (const orderId of [...orders, 'o-2', 'o-1']) {
      await publish(OrderPlaced, { orderId, amount: Math.floor(random() * 10) }, random() < 0.3 ? { delay: '5s' } : {})
      await pause('1s')
    }
  },
  invariants: {
    'payments are booked': ({ marks }) => orders.every((orderId) => marks.has(`booked ${orderId}`)),
    'a declined order parks its key': (_world, { deadLetters }) =>
      deadLetters.filter(({ group }) => group === 'simulated.declining').length === 2,
    'what is published was published': (_world, run) =>
      run.published(OrderPlaced).length === 5 && run.handled(PaymentTaken, 'bulk').length >= 5,
  },
}

test('INVARIANT: whatever crashes, fails, is late or comes twice, nothing that was confirmed is lost', async () => {
  const report = await simulate(allKinds, { runs: 400 })
  for (const kind of ['mark crash-after', 'park crash-before', 'publish lost', 'handle fail-after']) {
    expect(Object.keys(report.faults)).toContain(kind)
  }
})

test('the broker is a store, a queue or a log, which goes back to its position after a crash', async () => {
  const brokers = new Set<string>()
  for (let seed = 1; seed <= 8; seed++) {
    const { failure } = await failureOf(naive, { seed, faults: { ...none, crash: 0.1 } })
    brokers.add(failure.steps[0]!.text)
  }
  expect([...brokers].toSorted()).toEqual(['the broker is a log', 'the broker is a queue', 'the broker is a store'])
  const held: Simulated<World> = {
    ...naive,
    start: (world, { pause }) => ({
      handlers: [
        handler(OrderPlaced, { group: 'billing' }, async ({ data }) => {
          // The first one holds the position back, while the others are done.
          if (data.orderId === 'o-1') await pause('1m')
          else world.charges.push(data.orderId)
        }),
      ],
    }),
  }
  // On a queue there would be no way to lose both acks by one crash.
  const invariants = {
    'not both again': ({ charges }: World) =>
      ['o-2', 'o-3'].some((id) => charges.filter((each) => each === id).length < 2),
  }
  const { failure } = await failureOf({ ...held, invariants }, { faults: { ...none, crash: 0.1 } })
  expect(failure.steps[0]!.text).toBe('the broker is a log')
  expect(failure.decisions.length).toBe(1)
})

test('a client or a handler that waits for something real is waited for', async () => {
  await simulate<World>(
    {
      ...naive,
      start: (world) => ({
        handlers: [
          handler(OrderPlaced, { group: 'billing', timeout: '1s', retry: false }, async ({ id, data }) => {
            await new Promise((resolve) => setTimeout(resolve, 2))
            world.rows.set(id, data.orderId)
          }),
        ],
      }),
      drive: async (client) => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        await placeOrders(client)
      },
      invariants: { 'every order is charged': ({ rows }) => rows.size === 3 },
    },
    { runs: 5, faults: none },
  )
})

test('a handler that works in the thread pool is waited for', async () => {
  await simulate<World>(
    {
      ...naive,
      start: (world) => ({
        handlers: [
          handler(OrderPlaced, { group: 'billing', timeout: '1s', retry: false }, async ({ id, data }, { signal }) => {
            await promisify(scrypt)(data.orderId, 'salt', 64)
            signal.throwIfAborted()
            world.rows.set(id, data.orderId)
          }),
        ],
      }),
      invariants: { 'every order is charged': ({ rows }) => rows.size === 3 },
    },
    { runs: 3, faults: none },
  )
})

test('a client that fails, or waits for what never comes, is a failure', async () => {
  const failing = await failureOf({ ...naive, drive: () => Promise.reject(new Error('no network')) })
  expect(failing.message).toContain('"the client comes to its end" does not hold in run 1 of seed 1: no network')
  const waiting = await failureOf({ ...naive, drive: () => new Promise(() => {}) }, { runs: 1 })
  expect(waiting.message).toContain('it waits for something that never comes')
})

test('events that cause each other without end are a failure', async () => {
  const error = await failureOf(
    {
      ...naive,
      start: () => ({
        maxDepth: Infinity,
        handlers: [
          handler(OrderPlaced, { group: 'loop' }, async ({ data }, { publish }) => {
            await publish(OrderPlaced, data, { delay: '1s' })
          }),
        ],
      }),
    },
    { faults: none },
  )
  expect(error.failure.invariant).toBe('the application comes to rest')
})

test('a process that cannot start is a failure', async () => {
  const error = await failureOf({ ...naive, start: () => Promise.reject(new Error('no configuration')) })
  expect(error.message).toContain('"the process starts" does not hold in run 1 of seed 1: no configuration')
})

test('an invariant may be asynchronous, and throw', async () => {
  const error = await failureOf({
    ...naive,
    invariants: { 'the books agree': async () => Promise.reject(new Error('3 is not 4')) },
  })
  expect(error.message).toContain('"the books agree" does not hold in run 1 of seed 1: 3 is not 4')
})

test('options that make no sense are refused', async () => {
  await expect(simulate(naive, { runs: 0 })).rejects.toThrow('`runs` of simulate must be a whole number from 1 on')
  await expect(simulate(naive, { faults: { crash: 2 } })).rejects.toThrow('`faults.crash` of simulate must be a part')
  await expect(simulate(naive, { faults: { boom: 1 } as never })).rejects.toThrow('`faults` of simulate must be of')
  await expect(simulate(naive, { replay: 'nonsense' })).rejects.toThrow('`replay` is not what the message of a failure')
})
