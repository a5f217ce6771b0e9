import type { Handler } from '@tidings/bus'
import type { Books } from './books.ts'
import { analytics, type Figures } from './modules/analytics.ts'
import { audit, type Trail, trailOf } from './modules/audit.ts'
import { inventory } from './modules/inventory.ts'
import { type MailServer, notifications } from './modules/notifications.ts'
import { orders } from './modules/orders.ts'
import { type CardNetwork, payments } from './modules/payments.ts'
import { shipping } from './modules/shipping.ts'

/** Where the shop meets the world. */
export interface World {
  readonly cards: CardNetwork
  readonly mail: MailServer
}

/** A shop, to be put on a bus. */
export interface Shop {
  /** The handlers of each module. */
  readonly modules: Readonly<Record<string, readonly Handler[]>>
  /** All of them, for `createBus`. */
  readonly handlers: readonly Handler[]
  readonly figures: Figures
  readonly trail: Trail
}

/** Brings the modules together. The events are all that they share; what they write down stays in the books. */
export function shopOf({ cards, mail }: World, { shelves, parcels, figures, trail }: Books): Shop {
  const modules = {
    orders,
    inventory: inventory(shelves),
    payments: payments(cards),
    shipping: shipping(parcels),
    notifications: notifications(mail),
    analytics: analytics(figures),
    audit: audit(trail),
  }
  return { modules, handlers: Object.values(modules).flat(), figures, trail: trailOf(trail) }
}
