import type { AsyncEventDispatcher, Subscription } from '@tidings/core'
import { defineDecider, defineProjection } from '@tidings/store'
import { type OrderPlaced, ShelfScanned, StockReceived, StockRefused, StockReleased, StockReserved } from '../events.ts'

/** What can be asked of a shelf. */
export type ShelfCommand =
  | { readonly type: 'receive'; readonly delivery: string; readonly item: string; readonly quantity: number }
  | { readonly type: 'reserve'; readonly placed: OrderPlaced['data'] }
  | { readonly type: 'release'; readonly order: number }

/** What is on a shelf. */
export interface ShelfState {
  readonly item: string
  readonly left: number
  readonly deliveries: readonly string[]
  /** By order: what is held for it; 0 where it was refused or is released. */
  readonly held: Readonly<Record<string, number>>
}

type ShelfEvent = StockReceived | StockReserved | StockRefused | StockReleased

/**
 * Decides who gets what is on a shelf. A shelf is a stream of its own, since it is what must never hold less than nothing:
 * of two orders that want the last one at once, one is decided first, and the other sees that.
 */
export const shelf = defineDecider({
  initial: (): ShelfState => ({ item: '', left: 0, deliveries: [], held: {} }),

  evolve(state, event: ShelfEvent): ShelfState {
    switch (event.type) {
      case StockReceived.type: {
        const { item, quantity, delivery } = event.data
        return { ...state, item, left: state.left + quantity, deliveries: [...state.deliveries, delivery] }
      }
      case StockReserved.type: {
        const { order, quantity } = event.data
        return { ...state, left: state.left - quantity, held: { ...state.held, [order]: quantity } }
      }
      case StockRefused.type:
        return { ...state, held: { ...state.held, [event.data.order]: 0 } }
      default: {
        const { order, quantity } = event.data
        return { ...state, left: state.left + quantity, held: { ...state.held, [order]: 0 } }
      }
    }
  },

  decide(command: ShelfCommand, { item, left, deliveries, held }): ShelfEvent | readonly ShelfEvent[] {
    switch (command.type) {
      case 'receive': {
        const { type: _, ...delivery } = command
        return deliveries.includes(delivery.delivery) ? [] : StockReceived.create(delivery)
      }
      case 'reserve': {
        const { order, item: wanted, quantity, pence, card } = command.placed
        if (held[order] !== undefined) return []
        if (left < quantity) return StockRefused.create({ order, item: wanted, available: left })
        return StockReserved.create({ order, item: wanted, quantity, pence, card })
      }
      default: {
        const quantity = held[command.order] ?? 0
        return quantity === 0 ? [] : StockReleased.create({ order: command.order, item, quantity })
      }
    }
  },

  // A shelf goes on for as long as the shop does: only what came since the last snapshot is read.
  snapshot: { name: 'shelf', schema: 1, every: 50 },
})

/** What is left of each item, and what is held for orders. */
export const stock = defineProjection('stock', {
  on: [StockReceived, StockReserved, StockReleased],
  key: ({ data }) => data.item,
  initial: () => ({ left: 0, held: 0 }),
  evolve({ left, held }, { type, data: { quantity } }) {
    if (type === StockReceived.type) return { left: left + quantity, held }
    const taken = type === StockReserved.type ? quantity : -quantity
    return { left: left - taken, held: held + taken }
  },
})

/** Listens to the scanners: what each shelf was seen to hold last. Their next scan says the same, so one may be lost. */
export function watchShelves(scanners: AsyncEventDispatcher, seen: Map<number, string>): Subscription {
  return scanners.subscribe(ShelfScanned, function note({ data: { shelf: number, item } }: ShelfScanned) {
    seen.set(number, item)
  })
}
