import { type Bus, createBus, type Handler, type Observer } from '@tidings/bus'
import {
  type EventStore,
  execute,
  type Failure,
  runProcess,
  type RunningProcess,
  type RunningProjection,
  runProjection,
  snapshotsIn,
  waitFor,
} from '@tidings/store'
import { type RecordedEvent, shelfStream, shopEvents } from '../events.ts'
import type { Carrier, Ground } from '../ground.ts'
import { revenue } from '../modules/analytics.ts'
import { fulfilment } from '../modules/fulfilment.ts'
import { shelf, stock, watchShelves } from '../modules/inventory.ts'
import { shopOf } from '../shop.ts'
import type { Storyteller } from './narrator.ts'
import type { Town } from './town.ts'

/** Where the shop is. It can be closed and opened again; what it stands on remains. */
export interface Premises {
  /** Whether those who work in it are in this process, or in others. */
  readonly staff: 'here' | 'elsewhere'
  /** Of the shop as it was opened last. */
  readonly bus: Bus
  readonly store: EventStore<RecordedEvent>
  readonly tally: Readonly<Tally>
  readonly revenue: RunningProjection<ReturnType<typeof revenue.initial>>
  readonly stock: RunningProjection<ReturnType<typeof stock.initial>>
  open(): Promise<void>
  close(): Promise<void>
  /** Puts what is delivered on the shelves: once for each name of a delivery. */
  receive(delivery: string, goods: Readonly<Record<string, number>>): Promise<void>
  /** Resolves when no event waits, and none is being handled. Rejects when the shop cannot go on. */
  atRest(): Promise<void>
  /** Resolves when what was appended before is reacted to, whatever handlers still do. */
  settled(): Promise<void>
  /** How often each group has handled the event of that id. */
  calls(id: string): ReadonlyMap<string, number>
}

/** What the buses of the shop have seen in all. */
interface Tally {
  published: number
  handled: number
  failed: number
  deadLetters: number
}

/** All that is at work while the shop is open. */
interface Opened {
  readonly bus: Bus
  readonly carrier: Carrier
  readonly fulfilment: RunningProcess<unknown>
  readonly revenue: Premises['revenue']
  readonly stock: Premises['stock']
}

/** Opens a shop in the town. */
export async function premises(town: Town, ground: Ground, narrator: Storyteller): Promise<Premises> {
  const { books } = ground
  const { store } = books
  const tally: Tally = { published: 0, handled: 0, failed: 0, deadLetters: 0 }
  const calls = new Map<string, Map<string, number>>()
  const observer = observing(tally, calls, narrator)
  const failed = tellingFailures(narrator)
  watchShelves(town.scanners, new Map())

  const opened = async (): Promise<Opened> => {
    const shop = shopOf(town, books)
    narrator.introduce(shop.modules)
    const bus = await busOn(ground, shop.handlers, narrator, observer)
    try {
      return {
        bus,
        carrier: await ground.carryTo(bus),
        fulfilment: await runProcess(store, narrator.telling(fulfilment), { snapshots: snapshotsIn(store), failed }),
        revenue: await runProjection(store, revenue, { failed }),
        stock: await runProjection(store, stock, { failed }),
      }
    } catch (error) {
      // Else it would go on without the others.
      await bus.close()
      throw error
    }
  }
  let now = await opened()
  return {
    staff: 'here',
    store,
    tally,
    get bus() {
      return now.bus
    },
    get revenue() {
      return now.revenue
    },
    get stock() {
      return now.stock
    },
    async open() {
      now = await opened()
    },
    async close() {
      // Also where one of them has failed.
      await Promise.allSettled([now.fulfilment, now.carrier, now.revenue, now.stock].map((follower) => follower.stop()))
      await now.bus.close()
    },
    receive: (delivery, goods) => received(store, delivery, goods),
    async atRest() {
      const { fulfilment, carrier, bus, revenue, stock } = now
      for (let end = await store.end(), before; end !== before; end = await store.end()) {
        before = end
        await waitFor(fulfilment, end)
        await carrier.caughtUp()
        await bus.idle()
      }
      await Promise.all([revenue, stock].map(async (projection) => waitFor(projection, await store.end())))
    },
    async settled() {
      await waitFor(now.fulfilment, await store.end())
      await now.carrier.caughtUp()
    },
    calls: (id) => calls.get(id) ?? new Map(),
  }
}

/** A bus of the shop with these of its handlers. */
export function busOn(
  { transport, beside }: Ground,
  handlers: readonly Handler[],
  narrator: Storyteller,
  observer: Observer,
): Promise<Bus> {
  return createBus({
    source: '/shop',
    transport,
    handlers,
    definitions: shopEvents,
    maxDepth: 32,
    ...beside,
    middleware: [...(beside.middleware ?? []), narrator.middleware],
    log: narrator.log,
    observer,
  })
}

/** What ends a follower is told by whoever waits for it; the rest passes. */
export function tellingFailures(
  narrator: Storyteller,
): (failure: Pick<Failure, 'follower' | 'error' | 'next'>) => void {
  return ({ follower, error, next }) => {
    if (next === 'retry')
      narrator.say(`${follower} tries again: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Puts what is delivered on the shelves. */
export async function received(
  store: EventStore<RecordedEvent>,
  delivery: string,
  goods: Readonly<Record<string, number>>,
): Promise<void> {
  const snapshots = snapshotsIn(store)
  for (const [item, quantity] of Object.entries(goods)) {
    const command = { type: 'receive', delivery, item, quantity } as const
    await execute(store, shelf, shelfStream(item), command, { snapshots })
  }
}

/** Counts what a bus sees, and tells it. */
export function observing(tally: Tally, calls: Map<string, Map<string, number>>, narrator: Storyteller): Observer {
  return {
    published: () => void tally.published++,
    handled({ message: { attributes }, group }) {
      tally.handled++
      const id = String(attributes['id'])
      const groups = calls.get(id) ?? new Map<string, number>()
      calls.set(id, groups.set(group, (groups.get(group) ?? 0) + 1))
    },
    failed({ message, group, error, retryIn }) {
      tally.failed++
      narrator.failed(message, group, error, retryIn === undefined ? undefined : `again in ${retryIn} ms`)
    },
    deadLettered({ reason }) {
      tally.deadLetters++
      narrator.parked(reason)
    },
    duplicate: ({ message, group }) => narrator.leftOut(message, group),
  }
}
