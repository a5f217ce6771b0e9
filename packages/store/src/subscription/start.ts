import { invalidArgument } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import { asPosition, beginning, type Position } from '../position.ts'
import type { EventStore } from '../store/event-store.ts'

/** The position of a start that is asked for in words. */
export async function startOf<Event extends TidingsEvent>(
  store: EventStore<Event>,
  start: 'beginning' | 'end' | Position = 'beginning',
): Promise<Position> {
  if (start === 'beginning') return beginning
  if (start === 'end') return store.end()
  if (typeof start === 'string') throw invalidArgument('start', "'beginning', 'end' or a position", start)
  return asPosition(start, 'start')
}
