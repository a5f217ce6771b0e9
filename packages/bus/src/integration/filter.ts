import { functionOption } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'
import { admits } from './admission.ts'
import { type EventHandler, named } from './event-handler.ts'

/**
 * **Message Filter**: calls the handler for the events that the predicate accepts. The others count as handled; nobody
 * answers them if they are requests. A type predicate narrows what the handler is given.
 *
 * The group still receives all events, so filter by event type with the key of `handler`, and by data with this.
 *
 * @example
 * const inspect = handler(OrderPlaced, { group: 'inspection' }, filter(isLarge, (event) => inspectOrder(event.data)))
 *
 * @throws TidingsError `INVALID_ARGUMENT`, at the call, for a predicate that returns a promise
 */
export function filter<Event extends TidingsEvent, Narrow extends Event>(
  predicate: (event: Event) => event is Narrow,
  handler: EventHandler<Narrow>,
): EventHandler<Event>
export function filter<Event extends TidingsEvent>(
  predicate: (event: Event) => boolean,
  handler: EventHandler<Event>,
): EventHandler<Event>
export function filter<Event extends TidingsEvent>(
  predicate: (event: Event) => boolean,
  handler: EventHandler<Event>,
): EventHandler<Event> {
  functionOption(predicate, 'predicate')
  functionOption(handler, 'handler')
  return named(handler, (event: Event, context: Parameters<typeof handler>[1]) =>
    admits(predicate, event, 'predicate of filter') ? handler(event, context) : undefined,
  )
}
