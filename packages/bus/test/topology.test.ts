import { isTidingsError } from '@tidings/core'
import { expect, test } from 'vitest'
import { createBus, handler, memory, planTopology, type Transport } from '../src/index.ts'
import type { GroupRequest, TopologyPart, TopologyPlan } from '../src/transport/index.ts'
import { OrderPlaced, PaymentTaken } from './support/shop.ts'

const stock = handler(OrderPlaced, { group: 'stock' }, () => {})
const billing = handler(OrderPlaced, { group: 'billing', ordering: 'none' }, () => {})
const paid = handler(PaymentTaken, { group: 'billing', ordering: 'none' }, () => {})

/** A broker with a queue for each group, of which some are there; what is asked of it is noted. */
function planned(there: readonly TopologyPart[], asked: GroupRequest[][] = []): Transport {
  const real = memory()
  const topology = (groups: readonly GroupRequest[]): TopologyPart[] =>
    groups.map(({ group, ordered, types }) => ({
      kind: 'queue',
      name: group,
      settings: { ordered, types: types.join() },
    }))
  const plan = async (groups: readonly GroupRequest[]): Promise<TopologyPlan> => {
    asked.push([...groups])
    const parts = topology(groups)
    const found = (part: TopologyPart) => there.find(({ name }) => name === part.name)
    const isSame = (part: TopologyPart) => JSON.stringify(found(part)) === JSON.stringify(part)
    return {
      missing: parts.filter((part) => found(part) === undefined),
      differing: parts.flatMap((part) =>
        found(part) && !isSame(part) ? [{ part, found: { ordered: found(part)!.settings['ordered']! } }] : [],
      ),
      present: parts.filter(isSame),
      unknown: [],
    }
  }
  return {
    name: 'planned',
    capabilities: real.capabilities,
    connect: (o) => real.connect(o),
    topology,
    plan,
    apply: plan,
  }
}

test('a plan asks for the groups that the bus would ask for, and says what would be made', async () => {
  const asked: GroupRequest[][] = []
  const requested: GroupRequest[] = []
  const transport = planned([], asked)
  const plan = await planTopology({ source: '/shop', handlers: [stock, billing, paid], transport })
  const real = memory()
  const watching: Transport = {
    ...real,
    connect: async (options) => {
      const connection = await real.connect(options)
      const subscribe: typeof connection.subscribe = (request, ...rest) => {
        requested.push(request)
        return connection.subscribe(request, ...rest)
      }
      return Object.assign(Object.create(connection) as typeof connection, { subscribe })
    },
  }
  const bus = await createBus({ source: '/shop', handlers: [stock, billing, paid], transport: watching, log: false })
  await bus.close()
  expect(asked[0]).toEqual(requested)
  expect(plan.toString()).toBe(
    [
      '+ queue shop.stock (ordered true, types shop.order.placed)',
      '+ queue shop.billing (ordered false, types shop.order.placed,shop.payment.taken)',
      '2 to make, 0 with other settings, 0 there',
    ].join('\n'),
  )
})

test('what is there, and what is there with other settings, is told apart', async () => {
  const there = [
    { kind: 'queue', name: 'shop.stock', settings: { ordered: true, types: 'shop.order.placed' } },
    { kind: 'queue', name: 'shop.billing', settings: { ordered: true, types: 'shop.order.placed' } },
  ]
  const plan = await planTopology({ source: '/shop', handlers: [stock, billing], transport: planned(there) })
  expect(plan.present).toEqual([there[0]])
  expect(plan.toString()).toBe(
    [
      '! queue shop.billing (ordered is true, wanted false)',
      '= queue shop.stock',
      '0 to make, 1 with other settings, 1 there',
    ].join('\n'),
  )
})

test('describe() tells what the bus needs on the broker; nothing where there is nothing to be made', async () => {
  const bus = await createBus({ source: '/shop', handlers: [stock], transport: planned([]), log: false })
  expect(bus.describe().topology).toEqual([
    { kind: 'queue', name: 'shop.stock', settings: { ordered: true, types: 'shop.order.placed' } },
  ])
  await bus.close()
  const plain = await createBus({ source: '/shop', handlers: [stock], transport: memory(), log: false })
  expect(plain.describe().topology).toEqual([])
  await plain.close()
})

test('a transport that makes nothing on a broker has no plan, and what createBus refuses a plan refuses', async () => {
  const code = (planning: Promise<unknown>) =>
    planning.then(
      () => undefined,
      (error: unknown) => (isTidingsError(error) ? error.code : error),
    )
  expect(await code(planTopology({ source: '/shop', handlers: [stock], transport: memory() }))).toBe(
    'CAPABILITY_MISSING',
  )
  const twice = handler(OrderPlaced, { group: 'stock' }, () => {})
  expect(await code(planTopology({ source: '/shop', handlers: [stock, twice], transport: planned([]) }))).toBe(
    'INVALID_ARGUMENT',
  )
  expect(await code(planTopology({ source: 'a shop', transport: planned([]) }))).toBe('INVALID_ARGUMENT')
})
