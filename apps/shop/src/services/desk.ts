import { setTimeout } from 'node:timers/promises'
import type { Bus, Handler, Observer } from '@tidings/bus'
import { type RunningProjection, runProjection, waitFor } from '@tidings/store'
import { ParcelMoved } from '../events.ts'
import type { Ground } from '../ground.ts'
import { revenue } from '../modules/analytics.ts'
import { stock, watchShelves } from '../modules/inventory.ts'
import { shopOf } from '../shop.ts'
import { silent, type Storyteller } from '../story/narrator.ts'
import { busOn, type Premises, received, tellingFailures } from '../story/premises.ts'
import type { Town } from '../story/town.ts'
import { isAtRest } from './rest.ts'
import { worldOf } from './world.ts'

/** Milliseconds after which is said for whom it waits. */
const patience = 5000

/** The desk of a shop whose modules are at work in other processes: here orders come in, and figures are told. */
export async function desk(town: Town, ground: Ground, narrator: Storyteller): Promise<Premises> {
  const { store } = ground.books
  const parcels = new Map<number, number>()
  const observer: Observer = {
    published({ type, subject }) {
      if (type !== ParcelMoved.type) return
      const order = Number(subject?.replace('order-', ''))
      parcels.set(order, (parcels.get(order) ?? 0) + 1)
    },
  }
  watchShelves(town.scanners, new Map())
  const failed = tellingFailures(narrator)
  await makeGroups(ground)

  const opened = async (): Promise<Opened> => {
    const bus = await busOn(ground, [], narrator, observer)
    try {
      return {
        bus,
        revenue: await runProjection(store, revenue, { failed }),
        stock: await runProjection(store, stock, { failed }),
      }
    } catch (error) {
      await bus.close()
      throw error
    }
  }
  let now = await opened()
  const state = { isOpen: true }
  return {
    staff: 'elsewhere',
    store,
    tally: { published: 0, handled: 0, failed: 0, deadLetters: 0 },
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
      state.isOpen = true
    },
    async close() {
      state.isOpen = false
      await Promise.allSettled([now.revenue.stop(), now.stock.stop()])
      await now.bus.close()
    },
    receive: (delivery, goods) => received(store, delivery, goods),
    async atRest() {
      const since = Date.now()
      let isPatient = true
      while (state.isOpen && !(await isAtRest(ground, now.bus, parcels))) {
        if (isPatient && Date.now() - since > patience) {
          isPatient = false
          narrator.say('waiting for the others: is each service started?')
        }
        await setTimeout(50)
      }
      if (!state.isOpen) return
      await Promise.all([now.revenue, now.stock].map(async (each) => waitFor(each, await store.end())))
    },
    settled: async () => {},
    calls: () => new Map(),
  }
}

interface Opened {
  readonly bus: Bus
  readonly revenue: RunningProjection<ReturnType<typeof revenue.initial>>
  readonly stock: RunningProjection<ReturnType<typeof stock.initial>>
}

/** Has the group of each module be there, so that what is told to one that has yet to start waits for it. */
async function makeGroups(ground: Ground): Promise<void> {
  const handlers: readonly Handler[] = shopOf(worldOf(ground.outside), ground.books).handlers
  const bus = await busOn(ground, handlers, silent, {})
  await bus.close()
}
