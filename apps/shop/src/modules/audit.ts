import type { TidingsEvent } from '@tidings/events'
import type { Surroundings } from './module.ts'

/** Everything that happened, to be asked afterwards. */
export interface Trail {
  /** The ids of the events that no other one caused, oldest first. */
  stories(): string[]
  /** The types that one event led to, itself first, each with its depth in the chain of causes. */
  story(correlationId: string): { type: string; depth: number }[]
  readonly size: number
}

/** Keeps the last events, so that a long day stays in bounded memory. */
export function audit({ events }: Pick<Surroundings, 'events'>, trail: TidingsEvent[], keep = 10_000): Trail {
  events.subscribe('shop.order.**', record)
  events.subscribe('shop.stock.*', record)
  events.subscribe('shop.payment.*', record)
  events.subscribe('shop.parcel.*', record)

  function record(event: unknown): void {
    trail.push(event as TidingsEvent)
    if (trail.length > keep) trail.shift()
  }

  return {
    stories: () => trail.filter((event) => event.causationDepth === 0).map((event) => event.id),
    story: (correlationId) =>
      trail
        .filter((event) => event.id === correlationId || event.correlationId === correlationId)
        // Ids grow with time, whichever handler came first, and that of an effect begins with that of its cause.
        .toSorted((one, other) => (one.id < other.id ? -1 : 1))
        .map((event) => ({ type: event.type, depth: event.causationDepth })),
    get size() {
      return trail.length
    },
  }
}
