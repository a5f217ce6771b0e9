import type { AsyncEventDispatcher } from '@tidings/core'
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
  readonly stock: Readonly<Record<string, number>>
  readonly cards: CardNetwork
  readonly mail: MailServer
}

/** An open shop, as seen from outside: its events and its figures. */
export interface Shop {
  readonly events: AsyncEventDispatcher
  readonly figures: Figures
  readonly trail: Trail
}

/** Opens the modules on one dispatcher, the only thing they share. */
export function openShop(surroundings: Surroundings, world: World): Shop {
  orders(surroundings)
  inventory(surroundings, world.stock)
  payments(surroundings, world.cards)
  shipping(surroundings)
  notifications(surroundings, world.mail)
  return { events: surroundings.events, figures: analytics(surroundings), trail: audit(surroundings) }
}
