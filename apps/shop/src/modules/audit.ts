import type { TidingsEvent } from '@tidings/events'
import type { Surroundings } from './module.ts'

/** Everything that happened, to be asked afterwards. */
export interface Trail {
  /** The types that one event led to, itself first, each with its depth in the chain of causes. */
  story(correlationId: string): { type: string; depth: number }[]
  readonly size: number
}

/** Keeps the last events, so that a long day stays in bounded memory. */
export function audit({ events }: Pick<Surroundings, 'events'>, keep = 10_000): Trail {
  const trail: TidingsEvent[] = []
  events.subscribe('shop.order.**', record)
  events.subscribe('shop.stock.*', record)
  events.subscribe('shop.payment.*', record)
  events.subscribe('shop.parcel.*', record)

  function record(event: unknown): void {
    trail.push(event as TidingsEvent)
    if (trail.length > keep) trail.shift()
  }

  return {
    story: (correlationId) =>
      trail
        .filter((event) => event.id === correlationId || event.correlationId === correlationId)
        .map((event) => ({ type: event.type, depth: event.causationDepth })),
    get size() {
      return trail.length
    },
  }
}
