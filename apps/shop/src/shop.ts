import type { Handler } from '@tidings/bus'
import type { EventStore } from '@tidings/store'
import type { RecordedEvent } from './events.ts'
import type { Ledger } from './ledger.ts'
import { type MailServer, notifications } from './modules/notifications.ts'
import { orders } from './modules/orders.ts'
import { type CardNetwork, payments } from './modules/payments.ts'
import { shipping } from './modules/shipping.ts'

/** Where the shop meets the world. */
export interface World {
  readonly cards: CardNetwork
  readonly mail: MailServer
}

/** Where the shop writes down what happens. */
export interface Books {
  readonly store: EventStore<RecordedEvent>
  readonly ledger: Ledger
}

/** A shop, to be put on a bus. */
export interface Shop {
  /** The handlers of each module. */
  readonly modules: Readonly<Record<string, readonly Handler[]>>
  /** All of them, for `createBus`. */
  readonly handlers: readonly Handler[]
}

/** Brings the modules together. The events are all that they share. */
export function shopOf({ cards, mail }: World, { store, ledger }: Books): Shop {
  const modules = {
    orders: orders(store),
    payments: payments(cards, ledger),
    shipping: shipping(store),
    notifications: notifications(mail),
  }
  return { modules, handlers: Object.values(modules).flat() }
}
