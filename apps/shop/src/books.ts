import type { TidingsEvent } from '@tidings/events'
import { type Journal, memoryJournal } from './carriers/journal.ts'
import type { Figures } from './modules/analytics.ts'
import type { Shelves } from './modules/inventory.ts'

/** What the shop writes down: where the modules are opened anew, they go on with it. Elsewhere it would be a database. */
export interface Books {
  readonly shelves: Shelves
  readonly figures: Figures
  /** Oldest first. */
  readonly trail: TidingsEvent[]
  readonly journal: Journal
}

/** The books of a new shop. */
export function openBooks(stock: Readonly<Record<string, number>>): Books {
  return {
    shelves: { left: new Map(Object.entries(stock)), reserved: new Map() },
    figures: { placed: 0, paid: 0, cancelled: 0, revenue: 0, byType: new Map() },
    trail: [],
    journal: memoryJournal(),
  }
}
