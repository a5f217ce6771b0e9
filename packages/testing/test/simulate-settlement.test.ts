import { type AnyHandler, handler, type Middleware, PermanentError, type Transport } from '@tidings/bus'
import { type Connection, deliveryHeaders, discarded } from '@tidings/bus/transport'
import { defineEvent } from '@tidings/events'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type BrokerKind, type Run, simulate, type Simulated } from '../src/simulate/index.ts'
import { failureOf, none, type Sabotage, sabotaged } from './support/simulating.ts'

// Thousands of runs are computing time, which a busy machine has less of.
vi.setConfig({ testTimeout: 60_000 })

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string(), customer: z.string() }),
  key: (order) => order.customer,
})
const PaymentTaken = defineEvent('payment.taken', {
  schema: z.object({ orderId: z.string() }),
  key: (payment) => payment.orderId,
})

const orders = ['o-1', 'o-2', 'o-3']
type Handlers = () => readonly AnyHandler[]

/** Orders of one customer, each with its payment, by handlers that the broker's marks make idempotent. */
const paying: Handlers = () => [
  handler(OrderPlaced, { group: 'billing', idempotent: true }, async ({ data }, { publish }) => {
    await publish(PaymentTaken, { orderId: data.orderId })
  }),
  handler(PaymentTaken, { group: 'booking', idempotent: true }, () => {}),
]
const failing: Handlers = () => [
  handler(OrderPlaced, { group: 'billing', retry: { attempts: 3 } }, () => {
    throw new Error('the bank is down')
  }),
]
const declining: Handlers = () => [
  handler(OrderPlaced, { group: 'billing' }, async ({ data }, { publish }) => {
    await publish(PaymentTaken, { orderId: data.orderId })
    throw new PermanentError('declined')
  }),
]

/** An application without invariants of its own: ours are what is tried. */
function shop(handlers: Handlers, sabotage?: Sabotage, brokers?: readonly BrokerKind[]): Simulated<object> {
  return {
    brokers,
    world: () => ({}),
    start: () => ({
      handlers: handlers(),
      ...(sabotage ? { transport: sabotaged(sabotage) } : {}),
    }),
    drive: async ({ publish }) => {
      for (const orderId of orders) await publish(OrderPlaced, { orderId, customer: 'Ada' })
    },
    invariants: {},
  }
}

const inHalves = 'what follows from an attempt is done when it has succeeded, and attempts are counted'
const lost = 'every event is handled, a dead letter, or still queued, and in the order of its key'

test('INVARIANT: no crash loses an effect of a handled event, or leaves half of a commit', async () => {
  const { faults } = await simulate(shop(paying))
  const places = ['commit', 'effect', 'mark', 'ack']
  const fates = ['crash-before', 'crash-after', 'lost', 'confirm-lost']
  const around = places.flatMap((place) => fates.map((fate) => `${place} ${fate}`))
  expect(Object.keys(faults)).toEqual(expect.arrayContaining(around))
})

test('INVARIANT: no crash loses a letter, and attempts are counted through all of them', async () => {
  const { faults } = await simulate(shop(failing))
  expect(Object.keys(faults)).toEqual(expect.arrayContaining(['park crash-after', 'later crash-before']))
})

test('what has no key goes to its next attempt as a copy, which no crash loses', async () => {
  const handlers: Handlers = () => [
    handler(OrderPlaced, { group: 'billing', ordering: 'none', retry: { attempts: 3 } }, (_event, { attempt }) => {
      if (attempt < 3) throw new Error('not yet')
    }),
  ]
  const { faults } = await simulate(shop(handlers))
  expect(Object.keys(faults)).toEqual(expect.arrayContaining(['copy crash-before', 'copy crash-after']))
})

test('an attempt that fails has no effects, however often it is made', async () => {
  const handlers: Handlers = () => [...declining(), handler(PaymentTaken, { group: 'booking' }, () => {})]
  const invariants = { 'nothing is booked': (_: object, run: Run) => run.handled(PaymentTaken).length === 0 }
  await simulate({ ...shop(handlers), invariants }, { runs: 200 })
})

test('a broker that acknowledges before it has sent the effects is found', async () => {
  const settle: Sabotage['settle'] = async (settlement, real, connection) => {
    if (settlement.as !== 'handled') return real.settle(settlement)
    const settled = await real.settle({ ...settlement, effects: [] })
    for (const effect of settlement.effects) await connection.publish(effect)
    return settled
  }
  const { failure } = await failureOf(shop(paying, { settle }), { faults: { ...none, crash: 0.1 } })
  expect(failure.invariant).toBe(inHalves)
  expect(failure.reason).toMatch(/^the effect payment.taken#\d of order.placed#\d by group billing is lost$/)
  expect(failure.decisions.length).toBe(1)
})

test('a broker that acknowledges before it has kept the letter is found', async () => {
  const settle: Sabotage['settle'] = async (settlement, real, connection) => {
    if (settlement.as !== 'dead-lettered') return real.settle(settlement)
    await real.settle(discarded)
    await connection.deadLetters!.add(settlement.letter)
  }
  const { failure } = await failureOf(shop(failing, { settle }), { faults: { ...none, crash: 0.1 } })
  expect(failure.invariant).toBe(lost)
  expect(failure.reason).toMatch(/^order.placed#\d is lost to group billing: not handled, no dead letter/)
})

test('a store that sends the effects before its commit is found: they go out twice', async () => {
  const settle: Sabotage['settle'] = async (settlement, real, connection) => {
    if (settlement.as !== 'handled') return real.settle(settlement)
    for (const effect of settlement.effects) await connection.publish(effect)
    return real.settle({ ...settlement, effects: [] })
  }
  const app = shop(paying, { settle }, ['store'])
  const { failure } = await failureOf(app, { faults: { ...none, crash: 0.1 } })
  expect(failure.invariant).toBe(inHalves)
  expect(failure.reason).toMatch(/^the effect payment.taken#\d of order.placed#\d by group billing went out 2 times$/)
  // Where a broker is no store, that is the safe order.
  await simulate(shop(paying, { settle }, ['queue', 'log']), { faults: { ...none, crash: 0.1 } })
})

test('effects that leave before their attempt has succeeded are found', async () => {
  const app: Simulated<object> = {
    ...shop(paying),
    start: () => {
      let connection: Connection
      const eager: Middleware = {
        name: 'eager',
        publish: async (message, next) => {
          await connection.publish({ message })
          return next(message)
        },
      }
      const transport = (simulated: Transport): Transport => ({
        ...simulated,
        connect: async (options) => (connection = await simulated.connect(options)),
      })
      return { handlers: declining(), middleware: [eager], transport }
    },
  }
  const { failure } = await failureOf(app, { faults: none, runs: 1 })
  expect(failure.invariant).toBe(inHalves)
  expect(failure.reason).toMatch(
    /^the effect payment.taken#\d of order.placed#\d went out, though group billing failed$/,
  )
})

test('a broker that marks what it hands out is found: a failed attempt has no mark', async () => {
  const app: Simulated<Set<string>> = {
    ...shop(paying),
    world: () => new Set(),
    start: (seen) => ({
      handlers: paying(),
      transport: sabotaged({
        delivery: ({ message }) => {
          const id = String(message.attributes['id'])
          const handledBefore = seen.has(id)
          seen.add(id)
          return { handledBefore }
        },
      }),
    }),
  }
  const { failure } = await failureOf(app, { faults: { ...none, fail: 0.1 } })
  expect(failure.reason).toMatch(/^\S+ is lost to group \w+: not handled/)
})

test('a broker that forgets marks is found', async () => {
  const settle: Sabotage['settle'] = (settlement, real) =>
    real.settle(settlement.as === 'handled' ? { ...settlement, mark: undefined } : settlement)
  const { failure } = await failureOf(shop(paying, { settle }), { faults: { ...none, duplicate: 0.1 } })
  expect(failure.invariant).toBe(inHalves)
  expect(failure.reason).toMatch(/^group \w+ is called with \S+, which it has handled and marked$/)
})

test.for([
  [deliveryHeaders.attempt, /^group billing has failed 4 times at order.placed#\d, which has 3 attempts$/],
  [deliveryHeaders.firstFailedAt, /^the letter of order.placed#\d of group billing says that it first failed at /],
] as const)('a broker that drops the header %s of what is tried again is found', async ([name, reason]) => {
  const settle: Sabotage['settle'] = (settlement, real) => {
    if (settlement.as !== 'later') return real.settle(settlement)
    const { [name]: _dropped, ...headers } = settlement.headers
    return real.settle({ ...settlement, headers })
  }
  const app = shop(failing, { settle }, ['store', 'queue'])
  const { failure } = await failureOf(app, { faults: none, runs: 1 })
  expect([failure.invariant, failure.reason]).toEqual([inHalves, expect.stringMatching(reason)])
})

test('a broker that opens the key of what is tried again is found', async () => {
  const settle: Sabotage['settle'] = (settlement, real) =>
    real.settle(settlement.as === 'later' ? { ...settlement, inPlace: false } : settlement)
  const { failure } = await failureOf(shop(failing, { settle }, ['store', 'queue']), { faults: none, runs: 1 })
  expect(failure.reason).toBe(
    'group billing begins order.placed#2 before it is done with order.placed#1 of the same key',
  )
})

test('a log that says a settlement is done before it is, is found: the next of its key begins', async () => {
  const settle: Sabotage['settle'] = (settlement, real, _connection, { clock }) => {
    clock.after(50, () => void real.settle(settlement))
  }
  const slow: Handlers = () => [handler(OrderPlaced, { group: 'billing' }, () => {})]
  const { failure } = await failureOf(shop(slow, { settle }, ['log']), { faults: none, runs: 1 })
  expect(failure.reason).toBe(
    'group billing begins order.placed#2 before it is done with order.placed#1 of the same key',
  )
})

/** When each order was handled. */
type Times = Map<string, number>

/** 100 customers whose card fails for an hour, and one whose card is good. */
const patient = (sabotage?: Sabotage): Simulated<Times> => ({
  brokers: ['store', 'queue'],
  world: () => new Map(),
  start: (times, { clock }) => ({
    handlers: [
      handler(OrderPlaced, { group: 'billing', retry: { attempts: 2, delay: '1h', max: '1h' } }, ({ data }) => {
        if (data.customer !== 'Ada' && clock.now() < Date.UTC(2026, 0, 1, 0, 20)) throw new Error('no answer')
        times.set(data.customer, clock.now())
      }),
    ],
    ...(sabotage ? { transport: sabotaged(sabotage) } : {}),
  }),
  drive: async ({ publish }) => {
    for (let at = 0; at < 100; at++) await publish(OrderPlaced, { orderId: `o-${at}`, customer: `c-${at}` })
    await publish(OrderPlaced, { orderId: 'o', customer: 'Ada' })
  },
  invariants: {
    'the good one waits for nobody': (times) => times.get('Ada')! < Date.UTC(2026, 0, 1, 0, 0, 1),
    'the others come after an hour': (times) => times.size === 101,
  },
})

test('INVARIANT: what waits for a retry costs no other key its place', async () => {
  await simulate(patient(), { faults: none, runs: 4 })
})

/** What is tried again stays with its member until it is due. */
const heldByMember: Sabotage['settle'] = (settlement, real, _connection, { clock }) => {
  if (settlement.as !== 'later') return real.settle(settlement)
  return new Promise((resolve) => {
    clock.after(settlement.due - clock.now(), () => resolve(real.settle(settlement)))
  })
}

test('a broker that holds what waits for a retry in the prefetch is found', async () => {
  const { failure } = await failureOf(patient({ settle: heldByMember }), { faults: none, runs: 4 })
  expect(failure.invariant).toBe('the good one waits for nobody')
})

/** An event that ends its process each time, among others. */
interface Deaths {
  readonly handled: Set<string>
  deaths: number
}
const poisoned = (transportOf?: (world: Deaths) => (simulated: Transport) => Transport): Simulated<Deaths> => ({
  world: () => ({ handled: new Set(), deaths: 0 }),
  start: (world, { die, pause }) => ({
    handlers: [
      handler(OrderPlaced, { group: 'billing' }, async ({ data }) => {
        await pause('10ms')
        if (data.orderId === 'poison') {
          world.deaths++
          await die()
        }
        world.handled.add(data.orderId)
      }),
    ],
    ...(transportOf ? { transport: transportOf(world) } : {}),
  }),
  drive: async ({ publish }) => {
    for (const orderId of ['o-1', 'o-2', 'poison', 'o-3', 'o-4']) {
      await publish(OrderPlaced, { orderId, customer: orderId })
    }
  },
  invariants: {
    'the poison is parked alone': (_world, { deadLetters }) =>
      expect(deadLetters.map(({ message, reason }) => [message.attributes['subject'], reason])).toEqual([
        ['poison', 'unsettled'],
      ]),
    'all others are handled': ({ handled }) => handled.size === 4,
  },
})

test('INVARIANT: an event that ends its process is parked, and no other', async () => {
  await simulate(poisoned(), { faults: { ...none, reorder: 0.2 }, runs: 200 })
})

test('a broker that blames all that a dead process held is found', async () => {
  const blaming = poisoned((world) => sabotaged({ delivery: () => ({ redeliveries: world.deaths }) }))
  const { failure } = await failureOf(blaming, { faults: none, runs: 3 })
  expect(failure.invariant).toBe('the poison is parked alone')
})

test('a broker tells of its groups, and takes one away that nobody is in', async () => {
  const seen: unknown[] = []
  const app: Simulated<object> = {
    ...shop(failing, undefined, ['store']),
    start: () => ({
      handlers: failing(),
      transport: (simulated) => ({
        ...simulated,
        connect: async (options) => {
          const connection = await simulated.connect(options)
          options.clock.after(500, async () => {
            seen.push(await connection.groups!.list())
            await expect(connection.groups!.remove('simulated.billing')).rejects.toThrow('it has 1 member')
            seen.push(await connection.groups!.remove('simulated.shipping'))
            seen.push(await connection.groups!.unbind('simulated.billing', ['order.placed']))
            seen.push((await connection.groups!.list())[0]!.types)
          })
          return connection
        },
      }),
    }),
  }
  await simulate(app, { faults: none, runs: 1 })
  const [groups, ...others] = seen
  expect(groups).toEqual([
    {
      group: 'simulated.billing',
      types: ['order.placed'],
      members: 1,
      ordered: true,
      temporary: false,
      waiting: 2,
      handedOut: 0,
      delayed: 0,
      retrying: 1,
      retryAt: expect.any(Number),
      full: false,
    },
  ])
  expect(others).toEqual([false, true, []])
})

/** A card network that comes back, and an operator who then replays what it had refused. */
interface Network {
  isDown: boolean
  readonly handled: string[]
}
const replaying = (sabotage?: Sabotage): Simulated<Network> => ({
  world: () => ({ isDown: true, handled: [] }),
  start: (network) => ({
    handlers: [
      handler(OrderPlaced, { group: 'billing', idempotent: true, deadLetter: 'park-key' }, ({ data }) => {
        if (network.isDown) throw new PermanentError('the network is down')
        network.handled.push(data.orderId)
      }),
    ],
    ...(sabotage ? { transport: sabotaged(sabotage) } : {}),
  }),
  drive: async ({ world, publish, pause, deadLetters }) => {
    for (const orderId of orders) await publish(OrderPlaced, { orderId, customer: 'Ada' })
    await pause('5m')
    world.isDown = false
    // Whose outcome was unknown counts as on its way for ten minutes.
    for (let time = 0; time < 20 && (await deadLetters.count()) > 0; time++) {
      await deadLetters.replay({ group: 'billing' })
      await pause('11m')
    }
  },
  invariants: {
    'each is handled in the end': ({ handled }) => new Set(handled).size === orders.length,
    'the first time in order': ({ handled }) =>
      expect(handled.filter((each, at) => handled.indexOf(each) === at)).toEqual(orders),
    'no letter is left': (_network, { deadLetters }) => deadLetters.length === 0,
  },
})

test('INVARIANT: a replay gets through whatever happens, its key in order, and its letter goes', async () => {
  const { faults } = await simulate(replaying(), { runs: 300 })
  expect(Object.keys(faults)).toEqual(expect.arrayContaining(['removeLetter crash-before', 'removeLetter crash-after']))
})

test('a broker that keeps the letter of what was replayed is found', async () => {
  const settle: Sabotage['settle'] = (settlement, real) =>
    real.settle('replayed' in settlement ? { ...settlement, replayed: undefined } : settlement)
  const { failure } = await failureOf(replaying({ settle }), { faults: none, runs: 1 })
  // What is behind it in its parked key waits for ever.
  expect(failure.invariant).toBe('the application comes to rest')
})

/** A replay of the first order, while the second one of its key waits an hour for its next attempt. */
const passing = (sabotage?: Sabotage, brokers?: readonly BrokerKind[]): Simulated<Times> => ({
  brokers,
  world: () => new Map(),
  start: (times, { clock }) => ({
    handlers: [
      handler(OrderPlaced, { group: 'billing', retry: { attempts: 2, delay: '1h', max: '1h' } }, ({ data }) => {
        const minutes = (clock.now() - Date.UTC(2026, 0, 1)) / 60_000
        if (minutes < 1) throw data.orderId === 'o-1' ? new PermanentError('declined') : new Error('no answer')
        times.set(data.orderId, minutes)
      }),
    ],
    ...(sabotage ? { transport: sabotaged(sabotage) } : {}),
  }),
  drive: async ({ publish, pause, deadLetters }) => {
    for (const orderId of ['o-1', 'o-2']) await publish(OrderPlaced, { orderId, customer: 'Ada' })
    await pause('2m')
    await deadLetters.replay({ group: 'billing' })
  },
  invariants: {
    'the replay waits for nobody': (times) => times.get('o-1')! < 3,
    'the other one comes after it': (times) => times.get('o-2')! > 30,
  },
})

test('INVARIANT: a replay passes what waits for its next attempt', async () => {
  await simulate(passing(), { faults: none, runs: 10 })
})

test('a broker that keeps a key closed for a replay too is found', async () => {
  const app = passing({ settle: heldByMember }, ['store', 'queue'])
  const { failure } = await failureOf(app, { faults: none, runs: 3 })
  expect(failure.invariant).toBe('the replay waits for nobody')
})
