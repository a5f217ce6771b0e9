import { type Handler, handler } from '@tidings/bus'
import type { TidingsEvent } from '@tidings/events'

/** Everything that happened, to be asked afterwards. */
export interface Trail {
  /** The ids of the events that no other one caused, oldest first. */
  stories(): string[]
  /** The types that one event led to, itself first, each with its depth in the chain of causes. */
  story(correlationId: string): { type: string; depth: number }[]
  readonly size: number
}

/** Writes down what happens, the last events of it, so that a long day stays in bounded memory. */
export function audit(trail: TidingsEvent[], keep = 10_000): Handler[] {
  return [
    handler('shop.**', { idempotent: true }, function record(event) {
      trail.push(event)
      if (trail.length > keep) trail.shift()
    }),
  ]
}

/** What the audit has written down, for those who ask. */
export function trailOf(events: readonly TidingsEvent[]): Trail {
  return {
    stories: () => events.filter(({ causationDepth }) => causationDepth === 0).map(({ id }) => id),
    story: (correlationId) =>
      events
        .filter((event) => event.id === correlationId || event.correlationId === correlationId)
        // An effect may have been recorded before its cause, each being handled on its own.
        .toSorted((one, other) => one.causationDepth - other.causationDepth)
        .map(({ type, causationDepth }) => ({ type, depth: causationDepth })),
    get size() {
      return events.length
    },
  }
}
