import type { AnyDefinedEvent, Catalog } from '@tidings/events'
import type { EncryptionOptions } from '../encryption/options.ts'
import type { Projection } from '../projection/projection.ts'

/** What every store takes, whatever its recorder. */
export interface StoreOptions<Definitions extends readonly AnyDefinedEvent[] = readonly AnyDefinedEvent[]> {
  /**
   * All events that the streams may hold: a catalog, or its definitions. Only these are appended. What is read is brought
   * up to their versions; what is stored stays as it was written.
   */
  readonly events: Definitions | Catalog<Definitions>
  /**
   * Projections that are computed within each append and written in its commit: `state` reads them, never behind. One
   * that throws rolls the append back. Appends wait for each other then. Every process that appends must have the same
   * ones: what another appends without them is counted late, and at the same moment perhaps not at all. Default none.
   */
  readonly inline?: readonly Projection[] | undefined
  /**
   * Seals what definitions mark as sensitive with a key of its subject, and opens it when it is read. Once a subject is
   * forgotten, its events are read without those values, for ever. Default nothing is sealed, and nothing opened.
   */
  readonly encryption?: EncryptionOptions | undefined
}
