import { type Handler, handler } from '@tidings/bus'
import type { AsyncEventDispatcher, Subscription } from '@tidings/core'
import { OrderCancelled, OrderPlaced, ShelfScanned, StockRefused, StockReserved } from '../events.ts'

/** What is there, what is held for which order, and what each order was told. */
export interface Shelves {
  readonly left: Map<string, number>
  readonly reserved: Map<number, { readonly item: string; readonly quantity: number }>
  readonly answers: Map<number, Answer>
  /** What the scanners saw last. */
  readonly seen: Map<number, string>
}

/** `left` are those that were left behind it. */
interface Answer {
  readonly reserved: boolean
  readonly left: number
}

/**
 * Holds the stock.
 *
 * The inbox leaves out an order that is handled. One whose process died in the middle comes again, and must not take a
 * second item: the answer is written down with what it changes, and stays the same.
 */
export function inventory({ left, reserved, answers }: Shelves): Handler[] {
  const policy = { group: 'inventory', idempotent: true }
  return [
    handler(OrderPlaced, policy, async function reserve({ data }, { publish, log }) {
      const { order, item, quantity, pence, card } = data
      const answer = answers.get(order) ?? decide(data)
      if (answer.reserved) {
        log.info(`reserved ${quantity} × ${item}, ${answer.left} left`)
        await publish(StockReserved, { order, item, quantity, pence, card })
      } else {
        log.info(`refused, ${answer.left} × ${item} left`)
        await publish(StockRefused, { order, item, available: answer.left })
      }
    }),
    // The compensation: what was reserved for a cancelled order goes back on the shelf.
    handler(OrderCancelled, policy, function release({ data: { order } }, { log }) {
      const held = reserved.get(order)
      if (!held) {
        log.info('nothing to release')
        return
      }
      reserved.delete(order)
      const now = (left.get(held.item) ?? 0) + held.quantity
      left.set(held.item, now)
      log.info(`released ${held.quantity} × ${held.item}, ${now} left`)
    }),
  ]

  function decide({ order, item, quantity }: OrderPlaced['data']): Answer {
    const available = left.get(item) ?? 0
    const enough = available >= quantity
    const answer = { reserved: enough, left: enough ? available - quantity : available }
    if (enough) {
      left.set(item, answer.left)
      reserved.set(order, { item, quantity })
    }
    answers.set(order, answer)
    return answer
  }
}

/** Listens to the scanners. Their next scan says the same, so one may be lost: they stay in the process. */
export function watchShelves(scanners: AsyncEventDispatcher, { seen }: Shelves): Subscription {
  return scanners.subscribe(ShelfScanned, function note({ data: { shelf, item } }: ShelfScanned) {
    seen.set(shelf, item)
  })
}
