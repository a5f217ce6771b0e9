import type { AsyncEventDispatcher } from '@tidings/core'
import type { Books } from './books.ts'
import { analytics, type Figures } from './modules/analytics.ts'
import { audit, type Trail } from './modules/audit.ts'
import { inventory } from './modules/inventory.ts'
import type { Surroundings } from './modules/module.ts'
import { type MailServer, notifications } from './modules/notifications.ts'
import { orders } from './modules/orders.ts'
import { type CardNetwork, payments } from './modules/payments.ts'
import { shipping } from './modules/shipping.ts'

/** Where the shop meets the world. */
export interface World {
  readonly cards: CardNetwork
  readonly mail: MailServer
  /** What the scanners on the shelves publish to. */
  readonly scanners: AsyncEventDispatcher
}

/** An open shop, as seen from outside. */
export interface Shop {
  readonly figures: Figures
  readonly trail: Trail
}

/** Opens the modules. The events are all that they share; what they write down stays in the books. */
export function openShop(surroundings: Surroundings, world: World, books: Books): Shop {
  orders(surroundings)
  inventory(surroundings, books.shelves, world.scanners)
  payments(surroundings, world.cards)
  shipping(surroundings)
  notifications(surroundings, world.mail)
  analytics(surroundings, books.figures)
  return { figures: books.figures, trail: audit(surroundings, books.trail) }
}
