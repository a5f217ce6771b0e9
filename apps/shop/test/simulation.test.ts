import { type Handler, handler, type HandlerContext, type Publish } from '@tidings/bus'
import type { TidingsEvent } from '@tidings/events'
import { type Decider, type EventStore, execute, load, memoryStore } from '@tidings/store'
import { type Run, simulate, type Simulated, SimulationError } from '@tidings/testing/simulate'
import { expect, test } from 'vitest'
import {
  OrderCancelled,
  OrderConfirmed,
  orderStream,
  PaymentDeclined,
  PaymentTaken,
  type RecordedEvent,
  recordedEvents,
  shelfStream,
  shopEvents,
} from '../src/events.ts'
import { memoryLedger } from '../src/ledger.ts'
import { fulfilment } from '../src/modules/fulfilment.ts'
import { shelf } from '../src/modules/inventory.ts'
import { order as orderDecider } from '../src/modules/orders.ts'
import { type Books, type Shop, shopOf, type World } from '../src/shop.ts'

/*
 * The whole shop on a thousand schedules: messages late and twice, confirms lost, handlers that fail, a process that
 * dies anywhere and starts anew. What survives is what would: the event store, and the card network and the mail server,
 * which are somewhere else.
 *
 * It took three things to pass; the first is the bus's, and the tests at the end take the others away:
 *
 * - An event counts as handled when its effects are at the broker, which have the same ids at every attempt, whether or
 *   not the handler waits for them.
 * - A handler that is called again, since its process died in the middle, asks the same decider again, which knows what
 *   has happened: nothing happens twice. An inbox alone, marked afterwards, lets an order that comes again hold again.
 * - No transaction reaches the card network and the mail server. They are told a key that is the same at each try, made
 *   of the event's id and the group, as such services ask for, and do the same thing once.
 *
 * The store of a simulated world has no log that is the broker's too: so each handler publishes what came into the store by
 * its event, and what follows from the process manager is done by a handler, on whose schedule it is then. That the real
 * ones do it in one commit is tried with a real file, in kill.test.ts. Left out are parcels and timeouts.
 */

interface Town {
  readonly store: EventStore<RecordedEvent>
  readonly orders: { readonly order: number; readonly item: string; readonly quantity: number }[]
  /** The answers that were given, by key; what was taken, by order. */
  readonly answers: Map<string, Answer>
  readonly taken: { readonly order: number; readonly pence: number }[]
  readonly sent: Set<string>
  readonly mails: { readonly order: number; readonly subject: string }[]
}

type Answer = { ok: true } | { ok: false; reason: string }

/** What a process makes of the shop that it is given. */
interface Wiring {
  readonly shopOf: (world: World, books: Books) => Pick<Shop, 'handlers'>
  readonly shelf: typeof shelf
}

const careful: Wiring = { shopOf, shelf }

const stock = { Teapot: 3, Lantern: 2, 'Cake stand': 1 }

const simulated = ({ shopOf, shelf }: Wiring): Simulated<Town> => ({
  world: () => ({
    store: memoryStore({ events: recordedEvents }),
    orders: [],
    answers: new Map(),
    taken: [],
    sent: new Set(),
    mails: [],
  }),
  start(town, { pause }) {
    const world: World = {
      cards: {
        async charge({ key, order, card, pence }): Promise<Answer> {
          await pause('20ms')
          const answer: Answer = town.answers.get(key) ?? (card === 'full' ? { ok: true } : declined)
          if (answer.ok && !town.answers.has(key)) town.taken.push({ order, pence })
          town.answers.set(key, answer)
          await pause('20ms')
          return answer
        },
        refund: () => Promise.reject(new Error('nothing is late here')),
      },
      mail: {
        async send({ key, order, subject }): Promise<void> {
          await pause()
          if (!town.sent.has(key)) town.mails.push({ order, subject })
          town.sent.add(key)
          await pause()
        },
      },
    }
    const { store } = town
    const { handlers } = shopOf(world, { store, ledger: memoryLedger([]) })
    return { handlers: [fulfilling(store, shelf), ...handlers].map(carrying(store)), definitions: shopEvents }
  },
  async drive({ world, publish, random, pause }) {
    const { store } = world
    for (const [item, quantity] of Object.entries(stock)) {
      await execute(store, shelf, shelfStream(item), { type: 'receive', delivery: 'first', item, quantity })
    }
    const items = Object.keys(stock)
    const roll = (sides: number): number => Math.floor(random() * sides)
    for (let order = 1; order <= 5; order++) {
      const item = items[roll(items.length)]!
      const quantity = 1 + roll(2)
      world.orders.push({ order, item, quantity })
      const card = roll(3) === 0 ? 'empty' : 'full'
      const placed = { order, customer: 'Ada', item, quantity, pence: 100 * quantity, card }
      const { events } = await execute(store, orderDecider, orderStream(order), { type: 'place', placed })
      for (const event of events) await publish(event)
      if (roll(2) === 0) await pause('50ms')
    }
  },
  invariants: {
    'every order is confirmed or cancelled, not both, or waits among the dead letters'({ orders }, run) {
      const confirmed = distinctOrders(run, OrderConfirmed)
      const cancelled = distinctOrders(run, OrderCancelled)
      expect(confirmed.filter((order) => cancelled.includes(order))).toEqual([])
      const open = orders.filter(({ order }) => !confirmed.includes(order) && !cancelled.includes(order))
      expect(open.filter(({ order }) => !isWithOperator(run, order))).toEqual([])
    },
    'money is taken once for an order, or not at all': ({ taken }) => isOncePerOrder(taken),
    'money is taken for what is confirmed, and for nothing else'({ taken }, run) {
      const paid = sorted(taken.map(({ order }) => order))
      const confirmed = distinctOrders(run, OrderConfirmed)
      expect(paid.filter((order) => !isWithOperator(run, order))).toEqual(
        confirmed.filter((order) => !isWithOperator(run, order)),
      )
    },
    async 'no item is on the shelf less than no times'(town) {
      return (await shelvesOf(town)).every(({ left }) => left >= 0)
    },
    'what is left and what is held is what there was': async (town) => {
      const there = (await shelvesOf(town)).map(({ item, left, held }) => {
        return [item, Object.values(held).reduce((sum, quantity) => sum + quantity, left)]
      })
      expect(Object.fromEntries(there)).toEqual(stock)
    },
    'what is confirmed is held, what is cancelled is not': async (town, run) => {
      const held = (await shelvesOf(town)).flatMap(({ held }) =>
        Object.entries(held).flatMap(([order, quantity]) => (quantity > 0 ? [Number(order)] : [])),
      )
      const confirmed = distinctOrders(run, OrderConfirmed)
      expect(confirmed.filter((order) => !held.includes(order))).toEqual([])
      const cancelled = distinctOrders(run, OrderCancelled).filter((order) => !isWithOperator(run, order))
      expect(cancelled.filter((order) => held.includes(order))).toEqual([])
    },
    'a customer gets one mail for an order, and the right one'({ mails }, run) {
      expect(isOncePerOrder(mails)).toBe(true)
      const told = (subject: string): number[] =>
        sorted(mails.flatMap(({ order, subject: of }) => (of === subject ? [order] : [])))
      const settled = (orders: number[]): number[] => orders.filter((order) => !isWithOperator(run, order))
      expect(settled(told('Thank you for your order'))).toEqual(settled(distinctOrders(run, OrderConfirmed)))
      expect(settled(told('Your order is cancelled'))).toEqual(settled(distinctOrders(run, OrderCancelled)))
    },
    'money is taken or declined once': (_town, run) => {
      const paid = distinctOrders(run, PaymentTaken)
      expect(distinctOrders(run, PaymentDeclined).filter((order) => paid.includes(order))).toEqual([])
    },
  },
})

function shelvesOf({ store }: Town): Promise<ReturnType<typeof shelf.initial>[]> {
  return Promise.all(Object.keys(stock).map(async (item) => (await load(store, shelf, shelfStream(item))).state))
}

/** The process manager as a handler: what it was told before is read from the log. */
function fulfilling(store: EventStore<RecordedEvent>, shelf: Wiring['shelf']): Handler {
  return handler(fulfilment.on, { group: 'fulfilment' }, async function fulfil(event) {
    const key = fulfilment.key(event, { stream: '' })!
    const place = { key, now: new Date(0), stream: '', version: 0, position: await store.end(), recordedAt: '' }
    let state = fulfilment.initial()
    for await (const { event: earlier } of store.readAll({ types: fulfilment.on.map(({ type }) => type) })) {
      const known = earlier as typeof event
      if (fulfilment.key(known, { stream: '' }) !== key) continue
      const reaction = fulfilment.react(state, known, place)
      state = reaction?.state ?? state
      if (known.id !== event.id) continue
      for (const { decider, stream, command } of reaction?.commands ?? []) {
        const its = stream.startsWith('shelf-')
          ? (shelf as unknown as Decider<unknown, unknown, TidingsEvent>)
          : decider
        await execute(store as unknown as EventStore, its, stream, command, { cause: event })
      }
      return
    }
  }) as Handler
}

/** The same handler, which then publishes what came into the store by its event, again if it comes again. */
function carrying(store: EventStore<RecordedEvent>): (handler: Handler) => Handler {
  return (handler) => ({
    ...handler,
    async handle(event: TidingsEvent, context) {
      await handler.handle(event, context)
      for await (const { event: recorded } of store.readAll()) {
        if (recorded.causationId === event.id) await context.publish(recorded)
      }
    },
  })
}

const declined: Answer = { ok: false, reason: 'card declined' }

function isOncePerOrder(things: readonly { readonly order: number }[]): boolean {
  return new Set(things.map(({ order }) => order)).size === things.length
}

type AboutOrder = typeof OrderConfirmed | typeof OrderCancelled | typeof PaymentTaken | typeof PaymentDeclined

function distinctOrders(run: Run, definition: AboutOrder): number[] {
  return sorted([...new Set(run.published(definition).map(({ data }) => (data as { order: number }).order))])
}

function sorted(orders: readonly number[]): number[] {
  return orders.toSorted((one, other) => one - other)
}

function isWithOperator({ deadLetters }: Run, order: number): boolean {
  return deadLetters.some(({ message }) => message.attributes['subject'] === `order-${order}`)
}

test('INVARIANT: money, stock, orders and mails agree, whatever is late, twice, lost or dies', async () => {
  const { handled, faults } = await simulate(simulated(careful), { runs: 1000 })
  expect(handled).toBeGreaterThan(25_000)
  const kinds = [
    'ack crash-before',
    'ack duplicate',
    'handOut crash',
    'handOut restart',
    'handle fail-after',
    'pause crash',
  ]
  expect(Object.keys(faults)).toEqual(
    expect.arrayContaining([...kinds, 'effect crash-before', 'effect lost', 'commit crash-after']),
  )
}, 300_000)

test('a handler that does not wait for its effects loses no order: the bus waits for them', async () => {
  const hasty: Wiring = {
    ...careful,
    shopOf: (world, books) => ({ handlers: shopOf(world, books).handlers.map(hastily) }),
  }
  const { runs } = await simulate(simulated(hasty), { runs: 300 })
  expect(runs).toBe(300)
}, 60_000)

test('a shelf that forgets what it holds lets an order hold twice', async () => {
  const forgetful: typeof shelf = {
    ...shelf,
    decide: (command, state) => shelf.decide(command, { ...state, held: {} }),
  }
  expect(await breaks({ ...careful, shelf: forgetful }, 'what is left and what is held is what there was')).toBe(true)
})

test('a card network that knows no call again takes the money twice', async () => {
  let calls = 0
  const unknown = ({ cards, mail }: World): World => ({
    mail,
    cards: { ...cards, charge: (charge) => cards.charge({ ...charge, key: String(++calls) }) },
  })
  const wiring: Wiring = { ...careful, shopOf: (world, books) => shopOf(unknown(world), books) }
  expect(await breaks(wiring, 'money is taken once for an order, or not at all')).toBe(true)
})

/** Whether a schedule is found that breaks this invariant, whatever else it breaks. */
async function breaks(wiring: Wiring, invariant: string): Promise<boolean> {
  const app = simulated(wiring)
  const invariants = { [invariant]: app.invariants[invariant]! }
  const error: unknown = await simulate({ ...app, invariants }, { runs: 2000 }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(SimulationError)
  return (error as SimulationError).failure.invariant === invariant
}

/** The same handler, but it ends without waiting for its effects. */
function hastily(handler: Handler): Handler {
  const hasty = (publish: Publish): Publish =>
    new Proxy(publish, {
      apply: async (_publish, _self, effect: Parameters<Publish>) => void publish(...effect).catch(() => {}),
    })
  const contextOf = (context: HandlerContext): HandlerContext =>
    new Proxy(context, {
      get: (_context, name) => (name === 'publish' ? hasty(context.publish) : Reflect.get(context, name, context)),
    })
  return { ...handler, handle: (event: TidingsEvent, context) => handler.handle(event, contextOf(context)) }
}
