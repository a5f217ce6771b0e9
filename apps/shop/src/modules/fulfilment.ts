import { type CommandTo, commandTo, defineProcess } from '@tidings/store'
import {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  orderStream,
  shelfStream,
  StockRefused,
  StockReserved,
} from '../events.ts'
import { shelf } from './inventory.ts'
import { order } from './orders.ts'

/** The timeout that is set when the goods of an order are held. */
const payment = 'payment'

/**
 * Sees an order through from the shelf to its end, whoever is slow or dies: holds the goods, waits for the payment no longer
 * than it may take, and puts back what is not sold.
 *
 * It decides nothing of itself. What follows from an event are commands, and what they come to is written in one commit
 * with the mark that the event was reacted to.
 */
export const fulfilment = defineProcess('fulfilment', {
  on: [OrderPlaced, StockReserved, StockRefused, OrderConfirmed, OrderCancelled],
  begins: [OrderPlaced],
  key: ({ data }) => String(data.order),
  initial: () => ({ item: '', heldFor: 0, isHeld: false }),

  react(state, event) {
    switch (event.type) {
      case OrderPlaced.type: {
        const { item, heldFor } = event.data
        const reserve = commandTo(shelf, shelfStream(item), { type: 'reserve', placed: event.data })
        return { state: { item, heldFor, isHeld: false }, commands: [reserve] }
      }
      case StockReserved.type:
        return { state: { ...state, isHeld: true }, timeouts: { [payment]: state.heldFor } }
      case StockRefused.type: {
        const { order: number, item } = event.data
        return { commands: [cancel(number, `${item} is sold out`)] }
      }
      case OrderConfirmed.type:
        return { ends: true }
      default:
        return { commands: state.isHeld ? [release(state.item, event.data.order)] : [], ends: true }
    }
  },

  timedOut: (_state, _timeout, { key }) => ({ commands: [cancel(Number(key), 'not paid in time')] }),
})

function release(item: string, number: number): CommandTo {
  return commandTo(shelf, shelfStream(item), { type: 'release', order: number })
}

function cancel(number: number, reason: string): CommandTo {
  return commandTo(order, orderStream(number), { type: 'cancel', reason })
}
