import { invalidArgument } from '@tidings/core/tools'
import type { TidingsEvent } from '@tidings/events'

/** Whether a predicate lets an event in. A promise is refused: it is truthy, so that an async predicate would admit all. */
export function admits<Event extends TidingsEvent>(
  predicate: (event: Event) => boolean,
  event: Event,
  place: string,
): boolean {
  const answer: unknown = predicate(event)
  if (!(answer instanceof Promise)) return Boolean(answer)
  answer.catch(() => {})
  throw invalidArgument(place, 'synchronous', answer, 'Test inside a handler what needs to be awaited.')
}
