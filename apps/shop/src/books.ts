import type { TidingsEvent } from '@tidings/events'
import type { Figures } from './modules/analytics.ts'
import type { Shelves } from './modules/inventory.ts'
import type { Parcels } from './modules/shipping.ts'

/** What the shop writes down: where the modules are opened anew, they go on with it. Elsewhere it would be a database. */
export interface Books {
  readonly shelves: Shelves
  readonly parcels: Parcels
  readonly figures: Figures
  /** Oldest first. */
  readonly trail: TidingsEvent[]
}

/** The books of a new shop. */
export function openBooks(stock: Readonly<Record<string, number>>): Books {
  return {
    shelves: { left: new Map(Object.entries(stock)), reserved: new Map(), answers: new Map(), seen: new Map() },
    parcels: new Map(),
    figures: { placed: 0, paid: 0, cancelled: 0, revenue: 0, byType: new Map() },
    trail: [],
  }
}
