import { type Bus, createBus, memory, type Observer } from '@tidings/bus'
import { openBooks } from '../books.ts'
import { shopEvents } from '../events.ts'
import { watchShelves } from '../modules/inventory.ts'
import { type Shop, shopOf } from '../shop.ts'
import type { Storyteller } from './narrator.ts'
import type { Town } from './town.ts'

/** Where the shop is. It can be closed and opened again; its books and its broker remain. */
export interface Premises {
  /** Of the shop as it was opened last. */
  readonly bus: Bus
  readonly shop: Shop
  readonly tally: Readonly<Tally>
  open(): Promise<void>
  close(): Promise<void>
  /** Resolves when no event waits, and none is being handled. */
  atRest(): Promise<void>
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

/** Opens a shop in the town. */
export async function premises(town: Town, narrator: Storyteller): Promise<Premises> {
  const transport = memory()
  const books = openBooks(town.stock)
  const tally: Tally = { published: 0, handled: 0, failed: 0, deadLetters: 0 }
  const calls = new Map<string, Map<string, number>>()
  const observer = observing(tally, calls, narrator)

  const opened = async (): Promise<{ readonly bus: Bus; readonly shop: Shop }> => {
    const shop = shopOf(town, books)
    narrator.introduce(shop.modules)
    const bus = await createBus({
      source: '/shop',
      transport,
      handlers: shop.handlers,
      definitions: shopEvents,
      maxDepth: 32,
      middleware: [narrator.middleware],
      log: narrator.log,
      observer,
    })
    return { bus, shop }
  }
  let now = await opened()
  watchShelves(town.scanners, books.shelves)
  return {
    tally,
    get bus() {
      return now.bus
    },
    get shop() {
      return now.shop
    },
    async open() {
      now = await opened()
    },
    close: () => now.bus.close(),
    atRest: () => now.bus.idle(),
    calls: (id) => calls.get(id) ?? new Map(),
  }
}

function observing(tally: Tally, calls: Map<string, Map<string, number>>, narrator: Storyteller): Observer {
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
