import { type Catalog, decodeEvent, type TidingsEvent } from '@tidings/events'
import type { LoggedEvent } from '../recorder/recorder.ts'
import type { Recorded } from './event-store.ts'

/**
 * What was logged, with its event decoded and brought up to the catalog.
 *
 * @throws as `decodeEvent`
 */
export function recordedOf<Event extends TidingsEvent>(logged: LoggedEvent, catalog: Catalog): Recorded<Event> {
  const { stream, version, position, recordedAt } = logged
  // What a catalog reads is one of its events: those that the store is typed by.
  const event = decodeEvent(logged.event, catalog) as TidingsEvent as Event
  return { event, stream, version, position, recordedAt: timeText(recordedAt) }
}

let last = Number.NaN
let text = ''

/** Many in a row have one time, and writing it takes longer than all else here. */
function timeText(time: number): string {
  if (time !== last) {
    text = new Date(time).toISOString()
    last = time
  }
  return text
}
