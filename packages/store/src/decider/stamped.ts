import { misuse } from '@tidings/core/tools'
import { type Catalog, causedBy, type CreateOptions, type Extensions, type TidingsEvent } from '@tidings/events'

/** What new events get from what led to them. */
export interface Stamp {
  /** The new ones carry its correlation on, unless they have a cause of their own. */
  readonly cause?: Pick<TidingsEvent, 'id' | 'correlationId' | 'causationDepth'> | undefined
  /** For each that does not have them itself. */
  readonly extensions?: Extensions | undefined
}

/** What was decided, as a list. */
export function eventsOf<Event>(decided: Event | readonly Event[]): readonly Event[] {
  return isList(decided) ? decided : [decided]
}

/** The event with what led to it: made anew, since events do not change. */
export function stamped<Event extends TidingsEvent>(
  catalog: Catalog,
  event: Event,
  { cause, extensions }: Stamp,
): Event {
  if (cause === undefined && extensions === undefined) return event
  const definition = catalog.get(event?.type)
  // What it is not one of, `append` refuses.
  if (definition === undefined) return event
  if (definition.version !== event.version) {
    throw misuse(
      `event "${event.type}" of version ${event.version} cannot be given a cause: the store has version ${definition.version}\nCreate it with the definition that the store has.`,
    )
  }
  const { id, source, time, subject, sequence } = event
  const given = {
    correlationId: event.correlationId,
    causationId: event.causationId,
    causationDepth: event.causationDepth,
  }
  const options: CreateOptions = {
    ...(cause === undefined || given.causationId !== undefined ? given : causedBy(cause)),
    id,
    source,
    time,
    subject,
    sequence,
    extensions: { ...extensions, ...event.extensions },
    validated: true,
  }
  // The data is that of an event of this very definition.
  return definition.create(event.data as never, options) as Event
}

function isList<Event>(decided: Event | readonly Event[]): decided is readonly Event[] {
  return Array.isArray(decided)
}
