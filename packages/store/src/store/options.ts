import type { AnyDefinedEvent, Catalog } from '@tidings/events'

/** What every store takes, whatever its recorder. */
export interface StoreOptions<Definitions extends readonly AnyDefinedEvent[] = readonly AnyDefinedEvent[]> {
  /**
   * All events that the streams may hold: a catalog, or its definitions. Only these are appended. What is read is brought
   * up to their versions; what is stored stays as it was written.
   */
  readonly events: Definitions | Catalog<Definitions>
}
