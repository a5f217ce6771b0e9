import { handler, type Inbox } from '@tidings/bus'
import { defineEvent } from '@tidings/events'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { simulate, type Simulated, SimulationError, type SimulateOptions } from '../src/simulate/index.ts'

// Thousands of runs are computing time, which a busy machine has less of.
vi.setConfig({ testTimeout: 60_000 })

const OrderPlaced = defineEvent('order.placed', {
  schema: z.object({ orderId: z.string() }),
  key: (order) => order.orderId,
})
const PaymentTaken = defineEvent('payment.taken', z.object({ orderId: z.string() }))

/** A database: effects, and what groups have handled. */
class World {
  readonly charges: string[] = []
  readonly marks = new Set<string>()

  mark({ id }: { readonly id: string }): void {
    this.marks.add(`simulated.billing ${id}`)
  }
}

/** The handlers write the marks themselves. */
const inboxOf = ({ marks }: World): Inbox => ({
  has: ({ id }, group) => marks.has(`${group} ${id}`),
  add: () => {},
})

const none = { reorder: 0, duplicate: 0, crash: 0, restart: 0, fail: 0, loseConfirm: 0 }

const orders = ['o-1', 'o-2', 'o-3']

/** Effect and mark are written in one transaction, the last thing that the handler does. */
const advised: Simulated<World> = {
  world: () => new World(),
  start: (world) => ({
    inbox: inboxOf(world),
    handlers: [
      handler(OrderPlaced, { group: 'billing', idempotent: true }, (event) => {
        world.charges.push(event.data.orderId)
        world.mark(event)
      }),
    ],
  }),
  drive: async ({ publish }) => {
    for (const orderId of orders) await publish(OrderPlaced, { orderId })
  },
  invariants: { 'each order is charged once': ({ charges }) => charges.toSorted().join() === orders.join() },
}

async function failureOf(app: Simulated<World>, options?: SimulateOptions): Promise<SimulationError> {
  const result = await simulate(app, options).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(result).toBeInstanceOf(SimulationError)
  return result as SimulationError
}

test('effect and mark in one transaction, at the end of the handler, pass every schedule', async () => {
  const { faults } = await simulate(advised)
  expect(faults['handle fail-after']).toBeGreaterThan(20)
  const committing: Simulated<World> = {
    ...advised,
    start: (world, { pause }) => ({
      inbox: inboxOf(world),
      handlers: [
        handler(OrderPlaced, { group: 'billing', idempotent: true, concurrency: 3 }, async (event, { publish }) => {
          // Held back until the end, it would be behind the mark.
          await publish(PaymentTaken, event.data, { immediate: true })
          await pause()
          world.charges.push(event.data.orderId)
          world.mark(event)
        }),
      ],
    }),
    invariants: {
      ...advised.invariants,
      'each payment is told': (_world, run) =>
        new Set(run.published(PaymentTaken).map(({ data }) => data.orderId)).size === orders.length,
    },
  }
  await simulate(committing)
})

test('INVARIANT: a handler that dies between its mark and what it still had to do is found', async () => {
  const { failure } = await failureOf(
    {
      ...advised,
      start: (world, { pause }) => ({
        inbox: inboxOf(world),
        handlers: [
          handler(OrderPlaced, { group: 'billing', idempotent: true }, async (event) => {
            world.mark(event)
            await pause()
            world.charges.push(event.data.orderId)
          }),
        ],
      }),
      invariants: {},
    },
    { faults: { ...none, crash: 0.1 } },
  )
  expect(failure.reason).toMatch(/^order.placed#\d is lost to group billing: not handled/)
  expect(failure.decisions.map(([place, fate]) => [place.split(' ')[0], fate])).toEqual([['pause', 'crash']])
})

test('INVARIANT: an effect that goes out behind a mark which the handler has committed is found', async () => {
  const app: typeof advised = {
    ...advised,
    start: (world) => ({
      inbox: inboxOf(world),
      handlers: [
        handler(OrderPlaced, { group: 'billing', idempotent: true }, async (event, { publish }) => {
          await publish(PaymentTaken, event.data)
          world.mark(event)
        }),
      ],
    }),
    invariants: {},
  }
  const { failure } = await failureOf(app, { faults: { ...none, crash: 0.1 } })
  expect(failure.reason).toMatch(/^the effect payment.taken#\d of order.placed#\d by group billing is lost$/)
  expect(failure.decisions.map(([place, fate]) => [place.split(' ')[0], fate])).toEqual([['publish', 'crash-before']])
})

test('an inbox that does real I/O is waited for', async () => {
  const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2))
  const report = await simulate<World>(
    {
      ...advised,
      start: (world) => {
        const inbox = inboxOf(world)
        return {
          inbox: {
            has: async (event, group) => later().then(() => inbox.has(event, group)),
            add: async (event) => later().then(() => world.mark(event)),
          },
          handlers: [
            handler(OrderPlaced, { group: 'billing', idempotent: true }, ({ data }) => {
              world.charges.push(data.orderId)
            }),
          ],
        }
      },
    },
    { runs: 10, faults: { ...none, duplicate: 0.3 } },
  )
  expect(report.handled).toBe(30)
})

test.for([
  ['null', null],
  ['no `add`', { has: () => false }],
  ['a Map', new Map()],
] as const)('an inbox that is none (%s) is refused at once, as createBus does', async ([, inbox]) => {
  const error = await failureOf(
    {
      ...advised,
      start: async (...args) => ({ ...(await advised.start(...args)), inbox: inbox as never }),
    },
    { faults: none },
  )
  expect(error.message).toMatch(/^"the process starts" does not hold in run 1 of seed 1: `inbox(\.add)?` must be/)
  expect(error.cause).toMatchObject({ code: 'INVALID_ARGUMENT' })
})
