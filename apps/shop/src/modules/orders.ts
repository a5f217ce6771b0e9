import { type Handler, handler } from '@tidings/bus'
import { defineDecider, type EventStore, execute } from '@tidings/store'
import {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  orderStream,
  ParcelSeen,
  PaymentDeclined,
  PaymentTaken,
  type RecordedEvent,
  RefundDue,
} from '../events.ts'

/** What can be asked of an order. */
export type OrderCommand =
  | { readonly type: 'place'; readonly placed: Parameters<typeof OrderPlaced.create>[0] }
  | { readonly type: 'confirm'; readonly pence: number }
  | { readonly type: 'cancel'; readonly reason: string }
  | { readonly type: 'see'; readonly place: string; readonly move: number }

/** What is true of an order. */
export interface OrderState {
  readonly status: 'unknown' | 'placed' | 'confirmed' | 'cancelled'
  readonly order: number
  /** The money that came too late goes back. */
  readonly refundDue: boolean
  /** Where the parcel was seen, oldest first. */
  readonly places: readonly string[]
}

type OrderEvent = OrderPlaced | OrderConfirmed | OrderCancelled | RefundDue | ParcelSeen

/**
 * Decides what becomes of an order. Whatever is asked twice happens once, so whoever asks may simply ask again: a handler
 * whose process died, a customer who clicked twice.
 */
export const order = defineDecider({
  initial: (): OrderState => ({ status: 'unknown', order: 0, refundDue: false, places: [] }),

  evolve(state, event: OrderEvent): OrderState {
    switch (event.type) {
      case OrderPlaced.type:
        return { ...state, status: 'placed', order: event.data.order }
      case OrderConfirmed.type:
        return { ...state, status: 'confirmed' }
      case OrderCancelled.type:
        return { ...state, status: 'cancelled' }
      case RefundDue.type:
        return { ...state, refundDue: true }
      default:
        return { ...state, places: [...state.places, event.data.place] }
    }
  },

  decide(command: OrderCommand, state): OrderEvent | readonly OrderEvent[] {
    if (command.type === 'place') return state.status === 'unknown' ? OrderPlaced.create(command.placed) : []
    const { status, order, places } = state
    if (status === 'unknown') throw new Error('there is no such order')
    switch (command.type) {
      case 'confirm':
        if (status === 'placed') return OrderConfirmed.create({ order, pence: command.pence })
        // Time was up before the card network answered, and it has taken the money all the same.
        return status === 'cancelled' && !state.refundDue ? RefundDue.create({ order, pence: command.pence }) : []
      case 'cancel':
        return status === 'placed' ? OrderCancelled.create({ order, reason: command.reason }) : []
      default:
        return command.move > places.length
          ? ParcelSeen.create({ order, place: command.place, move: command.move })
          : []
    }
  },
})

// One group for the module, so that what happens to an order reaches it in order.
const policy = { group: 'orders' }

const words = { unknown: 'unknown', placed: 'open', confirmed: 'confirmed', cancelled: 'cancelled' }

/** Tells orders what became of their payments. */
export function orders(store: EventStore<RecordedEvent>): Handler[] {
  return [
    handler(PaymentTaken, policy, async function confirm(event, { log }) {
      const { order: number, pence } = event.data
      const { state } = await execute(store, order, orderStream(number), { type: 'confirm', pence }, { cause: event })
      log.info(state.refundDue ? 'cancelled meanwhile: the money goes back' : words[state.status])
    }),
    handler(PaymentDeclined, policy, async function cancelUnpaid(event, { log }) {
      const { order: number, reason } = event.data
      const { state } = await execute(store, order, orderStream(number), { type: 'cancel', reason }, { cause: event })
      log.info(words[state.status])
    }),
  ]
}
