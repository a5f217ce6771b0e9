import { EventDispatcher } from '@tidings/core'
import { countries } from './figures/countries.ts'
import type { FiguresReport } from './figures/figures.ts'
import { kinds, type RowsByKind } from './figures/kinds.ts'
import { type Ledgers, ledgers } from './figures/ledgers.ts'
import { months } from './figures/months.ts'
import { products, type TopProducts } from './figures/products.ts'
import { type RuleCount, ruleCounts } from './figures/rule-counts.ts'
import { totals } from './figures/totals.ts'
import type { View } from './figures/view.ts'
import type { Row } from './input/rows.ts'
import { anyRecorded, definitions, type RetailEvent, type RetailEvents } from './retail/events.ts'

/** What the views of the shop have learned. */
export interface ShopReport {
  readonly kinds: RowsByKind
  readonly totals: FiguresReport
  readonly countries: Readonly<Record<string, FiguresReport>>
  readonly months: Readonly<Record<string, FiguresReport>>
  readonly products: TopProducts
  readonly ruleCounts: readonly RuleCount[]
  readonly ledgers: Ledgers
}

/** A dispatcher and the views that listen to it. */
export class Shop {
  // A view that fails must not go unnoticed: its figures would be wrong.
  readonly #dispatcher = new EventDispatcher<RetailEvents>({ errors: 'throw' })
  readonly #views = {
    kinds: kinds(),
    totals: totals(),
    countries: countries(),
    months: months(),
    products: products(),
    ruleCounts: ruleCounts(),
    ledgers: ledgers(),
  } satisfies Record<keyof ShopReport, View<unknown>>

  constructor() {
    for (const [name, view] of Object.entries(this.#views)) {
      this.#dispatcher.subscribe(anyRecorded, view.handle, { name })
    }
  }

  /**
   * Makes the event of a row and publishes it. Throws `InvalidEventError`, and nobody has heard of it, or what the
   * views threw, as one `AggregateError`.
   */
  record({ kind, line }: Row): void {
    this.#dispatcher.publish(definitions[kind], line)
  }

  /** Publishes an event that was recorded before. Throws what the views threw, as one `AggregateError`. */
  publish(event: RetailEvent): void {
    this.#dispatcher.publish(event)
  }

  report(): ShopReport {
    const { kinds, totals, countries, months, products, ruleCounts, ledgers } = this.#views
    return {
      kinds: kinds.report(),
      totals: totals.report(),
      countries: countries.report(),
      months: months.report(),
      products: products.report(),
      ruleCounts: ruleCounts.report(),
      ledgers: ledgers.report(),
    }
  }
}
