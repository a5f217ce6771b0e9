import { type Catalog, createCatalog, type DefinedEvent, defineEvent, type EventOf } from '@tidings/events'
import * as z from 'zod'

/** The events that cases append. */
export const Happened: DefinedEvent<'conformance.happened', z.ZodObject<{ number: z.ZodInt }>> = defineEvent(
  'conformance.happened',
  z.object({ number: z.int() }),
)
export const Noted: DefinedEvent<'conformance.noted', z.ZodObject<{ value: z.ZodUnknown }>> = defineEvent(
  'conformance.noted',
  z.object({ value: z.unknown() }),
)
export const Photographed: DefinedEvent<'conformance.photographed', z.ZodType<Uint8Array>> = defineEvent(
  'conformance.photographed',
  { schema: z.instanceof(Uint8Array), dataContentType: 'image/png' },
)
export const Written: DefinedEvent<'conformance.written', z.ZodString> = defineEvent('conformance.written', {
  schema: z.string(),
  dataContentType: 'text/plain',
})

/** What stores read them with. */
export const happenings: Catalog<readonly [typeof Happened, typeof Noted, typeof Photographed, typeof Written]> =
  createCatalog([Happened, Noted, Photographed, Written])

export type Happening = EventOf<(typeof happenings)['definitions'][number]>
